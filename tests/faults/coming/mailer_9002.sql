ALTER TABLE envelopes ADD COLUMN urgency text NOT NULL DEFAULT 'normal';
