"""A mail catcher for development: takes every mail by SMTP, keeps it, shows it, and answers the read calls of Mailpit's API."""
