"""HTTP, calling the same functions as the handlers."""
