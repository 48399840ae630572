-- A queue is one of many lanes: each tenant's messages of each type. Old rows keep '' where nothing is to be sent any more.
ALTER TABLE envelopes
    ADD COLUMN message_type text NOT NULL DEFAULT '',
    ADD COLUMN order_id     text,
    ADD COLUMN admitted_at  timestamptz,               -- counted against the caps; '-infinity': let through by an operator
    ADD COLUMN hold_key     text NOT NULL DEFAULT ''; -- of the cap that holds it
UPDATE envelopes AS e SET message_type = m.message_type, order_id = m.order_id FROM messages AS m
WHERE m.id = e.message AND e.state IN ('pending', 'leased', 'sending', 'deferred', 'unknown', 'held', 'dead');

-- Which lanes have something due is found by one probe a lane, and what of a lane by one range: neither reads the queue.
DROP INDEX envelopes_due;
CREATE INDEX envelopes_due ON envelopes (tenant, message_type, due_at, sequence) WHERE due_at IS NOT NULL;
DROP INDEX envelopes_held;
CREATE INDEX envelopes_held ON envelopes (hold_reason, tenant, hold_key, sequence) WHERE hold_reason IS NOT NULL;
CREATE INDEX envelopes_admitted ON envelopes (tenant, admitted_at) WHERE admitted_at IS NOT NULL;
-- Each claim walks what it took before, until that is vacuumed: sooner than after a fifth of a million.
ALTER TABLE envelopes SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 5000);

-- How much of a cap is used in the period that began at `period`; a row is begun anew in place. Whoever counts holds the lock of the
-- tenant's row until the commit, so that any number of mailers counts as one. `sieve` (of tenants' rows) has sums over recipients and
-- orders by hash: while a sum is within the cap, so is each of them, and no row of its own is written. `waiting`: envelopes are held by
-- it, and whoever comes later waits behind them.
CREATE TABLE caps (
    scope   text        NOT NULL CHECK (scope IN ('recipient', 'order', 'tenant')),
    tenant  text        NOT NULL,
    key     text        NOT NULL, -- the address, the order, or '' for the tenant; what people send is counted apart, behind 'people:'
    period  timestamptz NOT NULL,
    used    int         NOT NULL,
    waiting boolean     NOT NULL DEFAULT false,
    sieve   bytea       NOT NULL DEFAULT '',
    PRIMARY KEY (scope, tenant, key)
) WITH (fillfactor = 70);
CREATE INDEX caps_waiting ON caps (scope, tenant, key) WHERE waiting;
ALTER TABLE caps ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON caps TO mailer_service_worker USING (true) WITH CHECK (true);

-- How many envelopes are in which state (held ones by their reason), and attempts unknown: what was added and taken away, put together now
-- and then. Who asks how the queue does must not read it, and no two transactions meet in a row.
CREATE TABLE tallies (
    what text   NOT NULL,
    n    bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
INSERT INTO tallies SELECT state || coalesce(': ' || hold_reason, ''), count(*) FROM envelopes GROUP BY 1;
INSERT INTO tallies SELECT 'unknown attempts', count(*) FROM attempts WHERE result = 'unknown';

CREATE FUNCTION new_envelopes_are_tallied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tallies SELECT state || coalesce(': ' || hold_reason, ''), count(*) FROM added GROUP BY 1;
    RETURN NULL;
END $$;
CREATE TRIGGER new_envelopes_are_tallied AFTER INSERT ON envelopes
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION new_envelopes_are_tallied();

CREATE FUNCTION moved_envelopes_are_tallied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tallies SELECT what, sum(n) FROM (
        SELECT state || coalesce(': ' || hold_reason, '') AS what, 1 AS n FROM now_so
        UNION ALL SELECT state || coalesce(': ' || hold_reason, ''), -1 FROM before
    ) AS moved GROUP BY what HAVING sum(n) <> 0;
    RETURN NULL;
END $$;
CREATE TRIGGER moved_envelopes_are_tallied AFTER UPDATE ON envelopes
    REFERENCING OLD TABLE AS before NEW TABLE AS now_so FOR EACH STATEMENT EXECUTE FUNCTION moved_envelopes_are_tallied();

CREATE FUNCTION removed_envelopes_are_tallied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tallies SELECT state || coalesce(': ' || hold_reason, ''), -count(*) FROM removed GROUP BY 1;
    RETURN NULL;
END $$;
CREATE TRIGGER removed_envelopes_are_tallied AFTER DELETE ON envelopes
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION removed_envelopes_are_tallied();

CREATE FUNCTION unknown_attempts_are_tallied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tallies VALUES ('unknown attempts', CASE WHEN NEW.result = 'unknown' THEN 1 ELSE -1 END);
    RETURN NULL;
END $$;
CREATE TRIGGER unknown_attempts_are_tallied AFTER UPDATE ON attempts
    FOR EACH ROW WHEN (OLD.result IS DISTINCT FROM NEW.result
                       AND (OLD.result IS NOT DISTINCT FROM 'unknown' OR NEW.result IS NOT DISTINCT FROM 'unknown'))
    EXECUTE FUNCTION unknown_attempts_are_tallied();
