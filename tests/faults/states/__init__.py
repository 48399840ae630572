"""The mailer's states as a machine that hypothesis drives against a real database, and the model that it is held against."""
