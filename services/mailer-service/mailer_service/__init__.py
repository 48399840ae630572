"""Turns each message that is asked for into an inbox row and a mail, and says what became of it."""
