"""What happens to a batch of events, and to what was left undecided."""
