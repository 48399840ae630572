"""The sender: takes envelopes under a lease, renders, sends over a few long-lived connections, and records in group commits."""
