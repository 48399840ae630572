-- explain asks what an event made void.
CREATE INDEX withdrawals_cause ON withdrawals ((cause ->> 'id'));
