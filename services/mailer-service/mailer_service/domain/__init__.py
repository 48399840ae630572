"""What the mailer decides: pure functions over frozen values."""
