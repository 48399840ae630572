-- Of a digest's entries, those whose outcome is still to be told: in pieces, for one transaction can't tell of very many.
-- Old processes tell of all when they make a digest, and leave it as it is.
ALTER TABLE digest_entries ADD COLUMN untold boolean NOT NULL DEFAULT false;
CREATE INDEX digest_entries_untold ON digest_entries (message) WHERE untold;
