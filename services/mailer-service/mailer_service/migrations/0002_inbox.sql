-- What a message says besides: whose lines `about` names, what a click opens, from whom it is, when it may go out, how to stop its type.
ALTER TABLE messages
    ADD COLUMN lines       text        NOT NULL DEFAULT '',   -- the list in facts that `about` names entry by entry; empty: the whole
    ADD COLUMN about       jsonb       NOT NULL DEFAULT '[]',
    ADD COLUMN opens       jsonb,
    ADD COLUMN sender      text        NOT NULL DEFAULT '',
    ADD COLUMN not_before  timestamptz,
    ADD COLUMN digest      timestamptz,
    ADD COLUMN unsubscribe text        NOT NULL DEFAULT '';

-- What became void of a message, line by line. A row may come before its message; messages themselves are never updated.
CREATE TABLE withdrawals (
    message      text        NOT NULL,
    about        text        NOT NULL,
    reason       text        NOT NULL,
    cause        jsonb       NOT NULL,
    withdrawn_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (message, about)
);

-- `changed` is the transaction of the last change. A reader who asks from the oldest transaction that was still running when they last
-- asked misses nothing; numbers of a sequence would be passed over when a smaller one commits later.
ALTER TABLE inbox
    ADD COLUMN withdrawn_at     timestamptz,
    ADD COLUMN withdrawn_reason text  NOT NULL DEFAULT '',
    ADD COLUMN change           text  NOT NULL DEFAULT 'new' CHECK (change IN ('new', 'read', 'unread', 'withdrawn')),
    ADD COLUMN changed          xid8  NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX inbox_changed ON inbox (tenant, person, changed);

CREATE FUNCTION inbox_wakes_its_readers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('inbox', '');
    RETURN NULL;
END $$;
CREATE TRIGGER inbox_wakes_its_readers AFTER INSERT OR UPDATE ON inbox
    FOR EACH STATEMENT EXECUTE FUNCTION inbox_wakes_its_readers();

-- To whom a person passed a message on; who they are, the rules find out.
CREATE TABLE forwards (
    id           text        PRIMARY KEY,
    message      text        NOT NULL,
    tenant       text        NOT NULL,
    person       text        NOT NULL,
    "to"         text[]      NOT NULL,
    note         text        NOT NULL,
    forwarded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX forwards_message ON forwards (message);

-- One mail for each person and moment. Its row is locked by whoever adds to it or makes it, so that nothing comes too late unseen.
CREATE TABLE digests (
    tenant  text        NOT NULL,
    person  text        NOT NULL,
    moment  timestamptz NOT NULL,
    made_at timestamptz,
    PRIMARY KEY (tenant, person, moment)
);
CREATE INDEX digests_due ON digests (moment) WHERE made_at IS NULL;
CREATE TABLE digest_entries (
    message   text        PRIMARY KEY,
    tenant    text        NOT NULL,
    person    text        NOT NULL,
    moment    timestamptz NOT NULL,
    digest    text,       -- the message that it went into
    cancelled boolean     NOT NULL DEFAULT false
);
CREATE INDEX digest_entries_of ON digest_entries (tenant, person, moment);

-- New: cancelled>sent, for the reply that comes late to a mail which nobody was to send once more.
CREATE OR REPLACE FUNCTION envelope_goes_a_legal_way() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state || '>' || NEW.state <> ALL (ARRAY[
        'pending>leased', 'deferred>leased', 'unknown>leased',
        'leased>pending', 'leased>sending', 'leased>held', 'leased>dead', 'leased>cancelled', 'leased>sent',
        'sending>sent', 'sending>deferred', 'sending>unknown', 'sending>bounced', 'sending>dead', 'sending>pending',
        'unknown>sent', 'unknown>deferred', 'unknown>bounced', 'unknown>dead', 'unknown>pending', 'unknown>cancelled',
        'pending>held', 'pending>cancelled', 'pending>sent', 'deferred>cancelled', 'deferred>pending', 'deferred>held',
        'held>pending', 'held>cancelled', 'dead>pending', 'cancelled>sent']) THEN
        RAISE EXCEPTION 'an envelope does not go from % to %', OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    NEW.changed_at := now();
    RETURN NEW;
END $$;

-- As the other tables: the worker works for everybody, an operator sees all, a person their own.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['withdrawals', 'forwards', 'digests', 'digest_entries'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY worker ON %I TO mailer_service_worker USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY operator ON %I FOR SELECT TO mailer_service_api USING (current_setting(''postroom.side'', true) = ''operator'')', name);
    END LOOP;
END $$;
CREATE POLICY own ON forwards TO mailer_service_api
    USING (tenant = current_setting('postroom.tenant', true) AND person = current_setting('postroom.person', true));
CREATE POLICY own ON withdrawals FOR SELECT TO mailer_service_api
    USING (EXISTS (SELECT FROM messages WHERE messages.id = withdrawals.message));
