"""The scheduled tasks: "due and not yet raised", so that an outage delays a message and never loses it."""
