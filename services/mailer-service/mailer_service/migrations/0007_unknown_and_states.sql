-- Since when nobody knows whether the server has the mail; kept by the trigger, so that what waits for a person is found without
-- an index on the state (which would end the heap-only updates).
ALTER TABLE envelopes ADD COLUMN unknown_since timestamptz;
UPDATE envelopes SET unknown_since = changed_at WHERE state = 'unknown';
UPDATE envelopes SET due_at = now() WHERE state IN ('pending', 'deferred') AND due_at IS NULL;
-- old processes: the trigger below keeps unknown_since for them, too, and what they let wait has its moment.
ALTER TABLE envelopes
    ADD CHECK ((unknown_since IS NOT NULL) = (state = 'unknown')),
    ADD CHECK (due_at IS NOT NULL OR state NOT IN ('pending', 'deferred')); -- what waits, waits for a moment: nothing gets stuck
CREATE INDEX envelopes_unknown ON envelopes (tenant, unknown_since, id) WHERE unknown_since IS NOT NULL;

-- The ways are listed in docs/architecture.md. New: held>sent, for the reply that comes late to a mail which was queued again and then
-- held; deferred>sent and dead>sent, for what an outcome in Kafka says after an older copy was restored; gone: leased>dead, which
-- nothing ever went.
CREATE OR REPLACE FUNCTION envelope_goes_a_legal_way() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state || '>' || NEW.state <> ALL (ARRAY[
        'pending>leased', 'pending>held', 'pending>cancelled', 'pending>sent',
        'leased>sending', 'leased>pending', 'leased>held', 'leased>cancelled', 'leased>sent',
        'sending>sent', 'sending>deferred', 'sending>unknown', 'sending>bounced', 'sending>dead', 'sending>pending',
        'deferred>leased', 'deferred>pending', 'deferred>held', 'deferred>cancelled', 'deferred>sent',
        'unknown>leased', 'unknown>pending', 'unknown>sent', 'unknown>deferred', 'unknown>bounced', 'unknown>dead', 'unknown>cancelled',
        'held>pending', 'held>cancelled', 'held>sent',
        'dead>pending', 'dead>sent', 'cancelled>sent']) THEN
        RAISE EXCEPTION 'an envelope does not go from % to %', OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    NEW.changed_at := now();
    NEW.unknown_since := CASE NEW.state WHEN 'unknown' THEN now() END;
    RETURN NEW;
END $$;

-- A beginning is a way too; `sent`, for what an outcome in Kafka says was sent before the database was restored from an older copy.
CREATE FUNCTION envelope_begins_legally() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an envelope does not begin as %', NEW.state USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER envelope_begins_legally BEFORE INSERT ON envelopes
    FOR EACH ROW WHEN (NEW.state NOT IN ('pending', 'held', 'dead', 'sent')) EXECUTE FUNCTION envelope_begins_legally();

-- What an attempt came to stays; only `unknown` may be corrected, by its own late reply.
CREATE FUNCTION a_result_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'attempt % of % has its result: %', OLD.number, OLD.envelope, OLD.result USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER a_result_stays BEFORE UPDATE ON attempts
    FOR EACH ROW WHEN (OLD.result IS NOT NULL AND OLD.result <> 'unknown') EXECUTE FUNCTION a_result_stays();

-- What a person said of an attempt whose reply was lost; one word for each.
CREATE TABLE unknown_decisions (
    envelope   text        NOT NULL,
    attempt    int         NOT NULL,
    tenant     text        NOT NULL,
    decision   text        NOT NULL CHECK (decision IN ('resend', 'arrived', 'leave')),
    reason     text        NOT NULL,
    person     text        NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (envelope, attempt)
);
ALTER TABLE unknown_decisions ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON unknown_decisions TO mailer_service_worker USING (true) WITH CHECK (true);
CREATE POLICY operator ON unknown_decisions TO mailer_service_api USING (
    (SELECT current_setting('postroom.side', true)) = 'operator' AND tenant = (SELECT current_setting('postroom.tenant', true)));

-- Neither an envelope nor what became of it can be made to vanish.
REVOKE UPDATE, DELETE, TRUNCATE ON unknown_decisions FROM mailer_service_worker, mailer_service_api;
REVOKE DELETE, TRUNCATE ON envelopes, attempts FROM mailer_service_worker, mailer_service_api;
REVOKE UPDATE ON attempts FROM mailer_service_api;
