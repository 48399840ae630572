"""What every Postroom service shares: contracts, the intake, the outbox, the database and the door. No service's domain."""
