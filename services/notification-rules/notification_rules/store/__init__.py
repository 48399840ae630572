"""All SQL of notification-rules: one function, one statement."""
