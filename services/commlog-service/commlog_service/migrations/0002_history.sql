-- One chain of hashes per order (docs/history.md). What exists is carried over: this migration reckons the chains of the entries that are
-- there, adds what became of mails already sent, and publishes the heads. From its day on a change is found; an earlier one can't be.

-- As postroom.contracts.chain.moment writes it.
CREATE FUNCTION moment(timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT to_char($1 AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

ALTER TABLE history DROP CONSTRAINT history_kind_check;
ALTER TABLE history ADD CONSTRAINT history_kind_check CHECK (kind IN ('log', 'send', 'outcome', 'reply', 'erasure'));
ALTER TABLE history ADD COLUMN content_hash text CHECK (content_hash ~ '^[0-9a-f]{64}$');
ALTER TABLE history ADD COLUMN hash text CHECK (hash ~ '^[0-9a-f]{64}$');

-- The exact text that was hashed, and its salt: both are there, or both were erased.
CREATE TABLE history_contents (
    tenant   text   NOT NULL,
    order_id text   NOT NULL,
    entry    bigint NOT NULL,
    supplier text   NOT NULL,
    salt     bytea,
    content  text,
    PRIMARY KEY (tenant, order_id, entry),
    FOREIGN KEY (tenant, order_id, entry) REFERENCES history (tenant, order_id, entry),
    CHECK ((salt IS NULL) = (content IS NULL))
);

-- How far each order's chain has come. The row's lock gives the entries of one order one sequence.
CREATE TABLE history_heads (
    tenant   text   NOT NULL,
    order_id text   NOT NULL,
    supplier text   NOT NULL,
    entry    bigint NOT NULL DEFAULT 0,
    hash     text   NOT NULL DEFAULT repeat('0', 64),
    PRIMARY KEY (tenant, order_id),
    FOREIGN KEY (tenant, order_id) REFERENCES order_refs (tenant, id)
);

-- Heads on their way to the file: a row goes when its line has been synced to the disk.
CREATE TABLE unfiled_heads (
    id       bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant   text        NOT NULL,
    order_id text        NOT NULL,
    entry    bigint      NOT NULL,
    hash     text        NOT NULL,
    at       timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE logs ADD COLUMN erased boolean NOT NULL DEFAULT false;
ALTER TABLE sends ADD COLUMN erased boolean NOT NULL DEFAULT false;

-- What became of mails before this day stood in `recipients` alone.
INSERT INTO history (tenant, order_id, entry, supplier, kind, ref, actor, at, content)
SELECT s.tenant, s.order_id,
       o.entries + row_number() OVER (PARTITION BY s.tenant, s.order_id ORDER BY r.changed_at, r.send, r.mailbox),
       s.supplier, 'outcome', s.id, 'mailer-service', r.changed_at,
       jsonb_build_object('mailbox', r.mailbox, 'state', r.state, 'code', r.code, 'detail', r.detail, 'attempt', r.attempt, 'sha256', '')
FROM recipients AS r JOIN sends AS s ON s.id = r.send JOIN order_refs AS o ON o.tenant = s.tenant AND o.id = s.order_id
WHERE r.attempt >= 0;

-- Postgres' uuid of version 4 is 122 bits of strong randomness.
INSERT INTO history_contents (tenant, order_id, entry, supplier, salt, content)
SELECT tenant, order_id, entry, supplier, uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), content::text FROM history;

UPDATE history AS h SET content_hash = encode(sha256(c.salt || convert_to(c.content, 'UTF8')), 'hex')
FROM history_contents AS c WHERE (c.tenant, c.order_id, c.entry) = (h.tenant, h.order_id, h.entry);

-- sha256 over netstrings, as postroom.contracts.chain.link reckons it.
CREATE FUNCTION pg_temp.link(VARIADIC fields text[]) RETURNS text LANGUAGE sql AS $$
    SELECT encode(sha256(string_agg(convert_to(octet_length(field) || ':' || field || ',', 'UTF8'), ''::bytea ORDER BY n)), 'hex')
    FROM unnest(fields) WITH ORDINALITY AS t (field, n)
$$;

DO $$
DECLARE
    one      history;
    place    text[];
    previous text;
BEGIN
    FOR one IN SELECT * FROM history ORDER BY tenant, order_id, entry LOOP
        IF place IS DISTINCT FROM ARRAY[one.tenant, one.order_id] THEN
            place := ARRAY[one.tenant, one.order_id];
            previous := repeat('0', 64);
        END IF;
        previous := pg_temp.link('postroom.history.1', previous, one.tenant, one.order_id, one.entry::text, one.kind, one.ref, one.actor,
                                 moment(one.at), one.content_hash);
        UPDATE history SET hash = previous WHERE (tenant, order_id, entry) = (one.tenant, one.order_id, one.entry);
    END LOOP;
END $$;

ALTER TABLE history DROP COLUMN content;
ALTER TABLE history ALTER COLUMN content_hash SET NOT NULL;
ALTER TABLE history ALTER COLUMN hash SET NOT NULL;

INSERT INTO history_heads (tenant, order_id, supplier, entry, hash)
SELECT o.tenant, o.id, o.supplier, coalesce(last.entry, 0), coalesce(last.hash, repeat('0', 64))
FROM order_refs AS o
LEFT JOIN LATERAL (
    SELECT entry, hash FROM history AS h WHERE h.tenant = o.tenant AND h.order_id = o.id ORDER BY entry DESC LIMIT 1) AS last ON true;
ALTER TABLE order_refs DROP COLUMN entries;

INSERT INTO unfiled_heads (tenant, order_id, entry, hash) SELECT tenant, order_id, entry, hash FROM history_heads WHERE entry > 0;
INSERT INTO outbox (topic, key, headers, value)
SELECT 'history', convert_to(order_id, 'UTF8'),
       jsonb_build_array(
           jsonb_build_array('content-type', 'application/json'), jsonb_build_array('ce_specversion', '1.0'),
           jsonb_build_array('ce_id', 'chained-' || hash), jsonb_build_array('ce_source', 'commlog-service'),
           jsonb_build_array('ce_type', 'HistoryAdvanced.v1'), jsonb_build_array('ce_time', moment(now())),
           jsonb_build_array('ce_subject', order_id), jsonb_build_array('ce_tenant', tenant),
           jsonb_build_array('ce_aggregateversion', entry::text)),
       convert_to(jsonb_build_object('order', order_id, 'entry', entry, 'hash', hash)::text, 'UTF8')
FROM history_heads WHERE entry > 0;

-- Every order has a head, whoever brings the order.
CREATE FUNCTION order_begins_its_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO history_heads (tenant, order_id, supplier) VALUES (NEW.tenant, NEW.id, NEW.supplier);
    RETURN NULL;
END $$;
CREATE TRIGGER order_begins_its_history AFTER INSERT ON order_refs FOR EACH ROW EXECUTE FUNCTION order_begins_its_history();

CREATE FUNCTION head_only_advances() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.entry <= OLD.entry THEN
        RAISE EXCEPTION 'the history of order % only grows: it is at entry %, not %', OLD.order_id, OLD.entry, NEW.entry
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER head_only_advances BEFORE UPDATE ON history_heads FOR EACH ROW EXECUTE FUNCTION head_only_advances();

CREATE FUNCTION content_is_only_blanked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.content IS NOT NULL THEN
        RAISE EXCEPTION 'entry % of order % may be erased, not rewritten', OLD.entry, OLD.order_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER content_is_only_blanked BEFORE UPDATE ON history_contents FOR EACH ROW EXECUTE FUNCTION content_is_only_blanked();

CREATE FUNCTION unfiled_heads_wake_the_file() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('unfiled_heads', '');
    RETURN NULL;
END $$;
CREATE TRIGGER unfiled_heads_wake_the_file AFTER INSERT ON unfiled_heads
    FOR EACH STATEMENT EXECUTE FUNCTION unfiled_heads_wake_the_file();

-- The third role can blank what one tenant's operator names, and nothing else.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'commlog_service_erase') THEN
        CREATE ROLE commlog_service_erase NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL; -- roles belong to the whole server; another database's migration was a moment faster
END $$;

CREATE FUNCTION erasable(text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT $1 = current_setting('postroom.tenant', true) AND current_setting('postroom.side', true) = 'operator'
$$;

ALTER TABLE history_contents ENABLE ROW LEVEL SECURITY;
ALTER TABLE history_heads ENABLE ROW LEVEL SECURITY;
ALTER TABLE unfiled_heads ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON history_contents TO commlog_service_worker USING (true);
CREATE POLICY worker ON history_heads TO commlog_service_worker USING (true);
CREATE POLICY worker ON unfiled_heads TO commlog_service_worker USING (true);
CREATE POLICY api ON history_contents TO commlog_service_api USING (reaches(tenant, supplier));
CREATE POLICY api ON history_heads TO commlog_service_api USING (reaches(tenant, supplier));
CREATE POLICY api ON unfiled_heads TO commlog_service_api USING (tenant = current_setting('postroom.tenant', true));
CREATE POLICY erase ON history_contents TO commlog_service_erase USING (erasable(tenant));
CREATE POLICY erase ON logs TO commlog_service_erase USING (erasable(tenant));
CREATE POLICY erase ON sends TO commlog_service_erase USING (erasable(tenant));
CREATE POLICY erase ON recipients TO commlog_service_erase USING (erasable(tenant));

-- Append-only: of the two roles that serve, none can rewrite a content, and of a head both can do one thing: let it advance.
REVOKE UPDATE, DELETE, TRUNCATE ON history_contents, history_heads FROM commlog_service_worker, commlog_service_api;
GRANT UPDATE (entry, hash) ON history_heads TO commlog_service_worker, commlog_service_api;
REVOKE UPDATE, DELETE, TRUNCATE ON unfiled_heads FROM commlog_service_api;

GRANT SELECT ON history_contents, logs, sends, recipients, idempotency TO commlog_service_erase;
GRANT UPDATE (salt, content) ON history_contents TO commlog_service_erase;
GRANT UPDATE (message, author, erased) ON logs TO commlog_service_erase;
GRANT UPDATE (subject, sender, documents, erased) ON sends TO commlog_service_erase;
GRANT UPDATE (mailbox, address, name, person, detail) ON recipients TO commlog_service_erase;
GRANT UPDATE (response) ON idempotency TO commlog_service_erase;
