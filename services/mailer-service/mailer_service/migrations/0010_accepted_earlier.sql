-- The earlier attempt whose 250 came while this one was under way: whatever this one comes to, the server has the mail.
-- Old processes don't look at it: the next result that a new one records does.
ALTER TABLE envelopes ADD COLUMN accepted_attempt int;
