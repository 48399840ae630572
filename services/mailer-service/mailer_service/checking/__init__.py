"""What is wrong with a template, found before any mail needs it: syntax, names, safety, and each golden example of the event."""
