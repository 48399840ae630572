-- A relay begins at the head of its lane, where everything lies that it has published since the last vacuum: with a million rows, sooner
-- than after a fifth of them.
ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 5000);
