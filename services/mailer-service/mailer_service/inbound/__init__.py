"""Replies by mail: the SMTP listener, and what is read out of a mail."""
