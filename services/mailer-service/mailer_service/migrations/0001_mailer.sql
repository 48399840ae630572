-- What one person (or one correspondence) is to be told; never updated, so that the hot tables stay narrow.
CREATE TABLE messages (
    id             text        PRIMARY KEY,
    sequence       bigint      GENERATED ALWAYS AS IDENTITY,
    tenant         text        NOT NULL,
    message_type   text        NOT NULL,
    person         text,
    name           text        NOT NULL,
    email          text,
    language       text        NOT NULL,
    zone           text        NOT NULL,
    hop            text        NOT NULL,
    reason         text        NOT NULL,
    order_id       text,
    order_number   text        NOT NULL,
    key            text        NOT NULL,
    cause          jsonb       NOT NULL,
    cause_id       text        NOT NULL,
    correspondence text,
    facts          jsonb       NOT NULL,
    unmailed       text        NOT NULL, -- why there is no mail; empty if there is one
    created_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX messages_cause ON messages (cause_id);
CREATE INDEX messages_order ON messages (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX messages_order_number ON messages (order_number) WHERE order_number <> '';
CREATE INDEX messages_correspondence ON messages (correspondence) WHERE correspondence IS NOT NULL;

-- The one set of bytes of a message, made before its first attempt and sent again as they are.
CREATE TABLE rendered (
    message     text        PRIMARY KEY,
    subject     text        NOT NULL,
    bytes       bytea       NOT NULL,
    sha256      text        NOT NULL,
    rendered_at timestamptz NOT NULL DEFAULT now()
);
-- lz4 where the server has it (the embedded one has not): half the cost of the default.
DO $$
BEGIN
    ALTER TABLE messages ALTER COLUMN facts SET COMPRESSION lz4;
    ALTER TABLE rendered ALTER COLUMN bytes SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    NULL;
END $$;

-- One message to one address. No foreign keys on the hot tables: both rows are written by one transaction of one service.
CREATE TABLE envelopes (
    id                text          PRIMARY KEY,
    sequence          bigint        GENERATED ALWAYS AS IDENTITY,
    message           text          NOT NULL,
    tenant            text          NOT NULL,
    address           text          NOT NULL,
    person            text,
    state             text          NOT NULL DEFAULT 'pending',
    sender_id         uuid,
    due_at            timestamptz,
    attempts          int           NOT NULL DEFAULT 0,
    waited            interval      NOT NULL DEFAULT '0',  -- counts towards the life of 48 h; an outage of the relay doesn't
    resent            boolean       NOT NULL DEFAULT false, -- the one automatic resend of an unknown envelope is used up
    refused_at        timestamptz,                          -- first 5.7.x
    hold_reason       text,
    detail            text          NOT NULL DEFAULT '',
    changed_at        timestamptz   NOT NULL DEFAULT now(),
    CHECK (due_at IS NULL OR state IN ('pending', 'deferred', 'unknown')),
    CHECK ((sender_id IS NOT NULL) = (state IN ('leased', 'sending'))),
    CHECK ((hold_reason IS NOT NULL) = (state = 'held'))
) WITH (fillfactor = 80);
CREATE INDEX envelopes_message ON envelopes (message);
-- State stands in no index, so that leased → sending is a heap-only update.
CREATE INDEX envelopes_due ON envelopes (due_at, sequence) WHERE due_at IS NOT NULL;
CREATE INDEX envelopes_sender ON envelopes (sender_id) WHERE sender_id IS NOT NULL;
CREATE INDEX envelopes_held ON envelopes (hold_reason) WHERE hold_reason IS NOT NULL;

CREATE FUNCTION envelope_goes_a_legal_way() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state || '>' || NEW.state <> ALL (ARRAY[
        'pending>leased', 'deferred>leased', 'unknown>leased',
        'leased>pending', 'leased>sending', 'leased>held', 'leased>dead', 'leased>cancelled', 'leased>sent',
        'sending>sent', 'sending>deferred', 'sending>unknown', 'sending>bounced', 'sending>dead', 'sending>pending',
        'unknown>sent', 'unknown>deferred', 'unknown>bounced', 'unknown>dead', 'unknown>pending', 'unknown>cancelled',
        'pending>held', 'pending>cancelled', 'pending>sent', 'deferred>cancelled', 'deferred>pending', 'deferred>held',
        'held>pending', 'held>cancelled', 'dead>pending']) THEN
        RAISE EXCEPTION 'an envelope does not go from % to %', OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    NEW.changed_at := now();
    RETURN NEW;
END $$;
CREATE TRIGGER envelope_goes_a_legal_way BEFORE UPDATE ON envelopes
    FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION envelope_goes_a_legal_way();

CREATE FUNCTION envelopes_wake_their_senders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('envelopes', '');
    RETURN NULL;
END $$;
CREATE TRIGGER envelopes_wake_their_senders AFTER INSERT ON envelopes
    FOR EACH STATEMENT EXECUTE FUNCTION envelopes_wake_their_senders();

-- Committed before DATA; the result after the reply. `unknown`: the reply to the final dot was lost.
CREATE TABLE attempts (
    envelope   text        NOT NULL,
    number     int         NOT NULL,
    token      uuid        NOT NULL, -- of the job that opened it: no other job of the same envelope may send under it
    opened_at  timestamptz NOT NULL DEFAULT now(),
    settled_at timestamptz,
    result     text,
    code       int,
    detail     text        NOT NULL DEFAULT '',
    PRIMARY KEY (envelope, number)
) WITH (fillfactor = 80);

-- A sender process is alive until expires_at; its envelopes go back (or become unknown) when it is not.
CREATE TABLE senders (
    id           uuid        PRIMARY KEY,
    started_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    relay        text        NOT NULL DEFAULT 'accepting',
    relay_detail text        NOT NULL DEFAULT ''
);

CREATE TABLE inbox (
    message    text        PRIMARY KEY,
    tenant     text        NOT NULL,
    person     text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    read_at    timestamptz
);
CREATE INDEX inbox_of_person ON inbox (tenant, person, created_at DESC);

-- Addresses that a server called unknown (5.1.x): nothing more is sent there until an operator says so.
CREATE TABLE suppression (
    tenant  text        NOT NULL,
    address text        NOT NULL,
    detail  text        NOT NULL,
    since   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, address)
);

-- The API sees the caller's own inbox; an operator sees all; the worker works for everybody.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['messages', 'rendered', 'envelopes', 'attempts', 'inbox'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY worker ON %I TO mailer_service_worker USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY operator ON %I TO mailer_service_api USING (current_setting(''postroom.side'', true) = ''operator'')', name);
    END LOOP;
END $$;
CREATE POLICY own ON inbox TO mailer_service_api
    USING (tenant = current_setting('postroom.tenant', true) AND person = current_setting('postroom.person', true));
CREATE POLICY own ON messages FOR SELECT TO mailer_service_api
    USING (tenant = current_setting('postroom.tenant', true) AND person = current_setting('postroom.person', true));
CREATE POLICY own ON rendered FOR SELECT TO mailer_service_api
    USING (EXISTS (SELECT FROM messages WHERE messages.id = rendered.message));
