"""Attempts to get a header, a recipient or a second mail in, through every field that reaches a mail; and who looks whether one did."""
