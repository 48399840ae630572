"""HTTP: the same functions as the handlers, behind a token."""
