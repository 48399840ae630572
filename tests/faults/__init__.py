"""Things broken on purpose under load, and what must hold afterwards (docs/reliability.md)."""
