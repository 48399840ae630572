"""All SQL of the mailer, one function one statement (the figures of operations are several); a folder, for it is big."""
