"""Pure decisions: rulebook → plan → resolve → decide. Nothing in here reads, waits or writes."""
