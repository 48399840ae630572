-- A queue is one of many lanes: each tenant's messages of each type. Old rows keep '' where nothing is to be sent any more.
ALTER TABLE envelopes
    ADD COLUMN message_type text    NOT NULL DEFAULT '',
    ADD COLUMN order_id     text,
    ADD COLUMN admitted     boolean NOT NULL DEFAULT false, -- counted against the caps, or let through by an operator
    ADD COLUMN hold_key     text    NOT NULL DEFAULT '';    -- of the cap that holds it
UPDATE envelopes AS e SET message_type = m.message_type, order_id = m.order_id FROM messages AS m
WHERE m.id = e.message AND e.state IN ('pending', 'leased', 'sending', 'deferred', 'unknown', 'held', 'dead');

-- Which lanes have something due is found by one probe a lane, and what of a lane by one range: neither reads the queue.
DROP INDEX envelopes_due;
CREATE INDEX envelopes_due ON envelopes (tenant, message_type, due_at, sequence) WHERE due_at IS NOT NULL;
DROP INDEX envelopes_held;
CREATE INDEX envelopes_held ON envelopes (hold_reason, tenant, hold_key, sequence) WHERE hold_reason IS NOT NULL;
-- Each claim walks what it took before, until that is vacuumed: sooner than after a fifth of a million.
ALTER TABLE envelopes SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 5000);

-- How much of a cap is used in the period that began at `period`; a row is begun anew in place. Whoever counts holds its lock until the
-- commit, so that any number of mailers counts as one. `waiting`: envelopes are held by it, and whoever comes later waits behind them.
CREATE TABLE caps (
    scope   text        NOT NULL CHECK (scope IN ('recipient', 'order', 'tenant')),
    tenant  text        NOT NULL,
    key     text        NOT NULL, -- the address, the order, or '' for the tenant; what people send is counted apart, behind 'people:'
    period  timestamptz NOT NULL,
    used    int         NOT NULL,
    waiting boolean     NOT NULL DEFAULT false,
    PRIMARY KEY (scope, tenant, key)
) WITH (fillfactor = 70);
CREATE INDEX caps_waiting ON caps (scope, tenant, key) WHERE waiting;
