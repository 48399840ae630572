-- What becomes void is withdrawn: from messages that were asked for (by their claims), and from what is undecided (by what it is about).

ALTER TABLE decisions DROP CONSTRAINT decisions_outcome_check;
ALTER TABLE decisions ADD CONSTRAINT decisions_outcome_check
    CHECK (outcome IN ('message', 'none', 'undecided', 'unroutable', 'withdrawn'));

-- The claim stays, so that nothing is told twice; it is withdrawn once.
ALTER TABLE claims ADD COLUMN withdrawn_at timestamptz;
CREATE INDEX claims_about ON claims (tenant, message_type, about) WHERE withdrawn_at IS NULL;

-- `about` is what would be told, `void` what of it was withdrawn meanwhile; all of it void, and the row goes.
ALTER TABLE undecided ADD COLUMN message_type text NOT NULL DEFAULT '';
ALTER TABLE undecided ADD COLUMN about text[] NOT NULL DEFAULT '{}';
ALTER TABLE undecided ADD COLUMN void text[] NOT NULL DEFAULT '{}';
CREATE INDEX undecided_about ON undecided USING gin (about);

-- The whole event: a withdrawal needs its key, and a past event can be tried again with other rules.
ALTER TABLE events ADD COLUMN document jsonb;
