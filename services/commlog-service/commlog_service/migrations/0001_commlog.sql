-- Communication logs, correspondences, what was sent, and what became of it.

-- What a tenant has chosen; without a row the defaults of domain/logs.py apply.
CREATE TABLE tenants (
    tenant         text    PRIMARY KEY,
    log_types      text[]  NOT NULL CHECK (cardinality(log_types) > 0),
    visible_unsent boolean NOT NULL
);

-- The order as po-service told it last: Save works while po-service is away. `entries` counts the order's history, and its row
-- lock is what gives logs and sends of one order one sequence.
CREATE TABLE order_refs (
    tenant        text        NOT NULL,
    id            text        NOT NULL,
    number        text        NOT NULL,
    supplier      text        NOT NULL CHECK (supplier <> ''),
    supplier_name text        NOT NULL,
    buyer         text        NOT NULL,
    buyer_name    text        NOT NULL,
    contract      text,
    people        jsonb       NOT NULL,
    entries       bigint      NOT NULL DEFAULT 0,
    seen_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, id)
);
CREATE INDEX order_refs_number ON order_refs (number);
CREATE INDEX order_refs_id ON order_refs (id);

-- Part of the official history: nobody may change or delete a row (see the grants below).
CREATE TABLE logs (
    id         text        PRIMARY KEY,
    tenant     text        NOT NULL,
    order_id   text        NOT NULL,
    supplier   text        NOT NULL,
    entry      bigint      NOT NULL,
    log_type   text        NOT NULL,
    message    text        NOT NULL,
    author     jsonb       NOT NULL,
    side       text        NOT NULL CHECK (side IN ('supplier', 'client')),
    created_at timestamptz NOT NULL,
    UNIQUE (tenant, order_id, entry),
    FOREIGN KEY (tenant, order_id) REFERENCES order_refs (tenant, id)
);

-- A window for composing, with its logs frozen when it opened. Only the side that opened it sees it.
CREATE TABLE correspondences (
    id        text        PRIMARY KEY,
    tenant    text        NOT NULL,
    order_id  text        NOT NULL,
    supplier  text        NOT NULL,
    side      text        NOT NULL CHECK (side IN ('supplier', 'client')),
    person    text        NOT NULL,
    scope     text        NOT NULL CHECK (scope IN ('latest', 'all')),
    logs      text[]      NOT NULL CHECK (cardinality(logs) > 0),
    subject   text        NOT NULL,
    contacts  jsonb       NOT NULL,
    documents jsonb       NOT NULL,
    opened_at timestamptz NOT NULL,
    FOREIGN KEY (tenant, order_id) REFERENCES order_refs (tenant, id)
);

-- One click on Send. `documents` and `frozen` are pinned by hash; `fingerprint` tells a second identical one.
CREATE TABLE sends (
    id             text        PRIMARY KEY,
    correspondence text        NOT NULL REFERENCES correspondences (id),
    tenant         text        NOT NULL,
    order_id       text        NOT NULL,
    supplier       text        NOT NULL,
    entry          bigint      NOT NULL,
    sender         jsonb       NOT NULL,
    subject        text        NOT NULL,
    scope          text        NOT NULL,
    logs           text[]      NOT NULL,
    frozen         jsonb       NOT NULL,
    documents      jsonb       NOT NULL,
    attach_pdf     boolean     NOT NULL,
    fingerprint    text        NOT NULL,
    requested_at   timestamptz NOT NULL,
    UNIQUE (tenant, order_id, entry)
);
CREATE INDEX sends_correspondence ON sends (correspondence);

-- `mailbox` is the address in lower case, by which duplicates collapse and outcomes are matched.
CREATE TABLE recipients (
    send       text        NOT NULL REFERENCES sends (id),
    mailbox    text        NOT NULL,
    tenant     text        NOT NULL,
    supplier   text        NOT NULL,
    address    text        NOT NULL,
    name       text        NOT NULL,
    kind       text        NOT NULL,
    person     text,
    state      text        NOT NULL DEFAULT 'queued',
    code       int,
    detail     text        NOT NULL DEFAULT '',
    attempt    int         NOT NULL DEFAULT -1,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (send, mailbox)
);

-- One line for each thing that happened on an order, in one sequence.
CREATE TABLE history (
    tenant   text        NOT NULL,
    order_id text        NOT NULL,
    entry    bigint      NOT NULL,
    supplier text        NOT NULL,
    kind     text        NOT NULL CHECK (kind IN ('log', 'send')),
    ref      text        NOT NULL,
    actor    text        NOT NULL,
    at       timestamptz NOT NULL,
    content  jsonb       NOT NULL,
    PRIMARY KEY (tenant, order_id, entry)
);

-- A supplier reaches its own orders, the client its tenant's; the service's own checks stand before this one.
CREATE FUNCTION reaches(text, text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT $1 = current_setting('postroom.tenant', true)
       AND (current_setting('postroom.side', true) IN ('client', 'operator')
            OR (current_setting('postroom.side', true) = 'supplier' AND $2 = current_setting('postroom.company', true)))
$$;

ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE order_refs ENABLE ROW LEVEL SECURITY;
ALTER TABLE logs ENABLE ROW LEVEL SECURITY;
ALTER TABLE correspondences ENABLE ROW LEVEL SECURITY;
ALTER TABLE sends ENABLE ROW LEVEL SECURITY;
ALTER TABLE recipients ENABLE ROW LEVEL SECURITY;
ALTER TABLE history ENABLE ROW LEVEL SECURITY;

CREATE POLICY worker ON tenants TO commlog_service_worker USING (true);
CREATE POLICY worker ON order_refs TO commlog_service_worker USING (true);
CREATE POLICY worker ON logs TO commlog_service_worker USING (true);
CREATE POLICY worker ON correspondences TO commlog_service_worker USING (true);
CREATE POLICY worker ON sends TO commlog_service_worker USING (true);
CREATE POLICY worker ON recipients TO commlog_service_worker USING (true);
CREATE POLICY worker ON history TO commlog_service_worker USING (true);

CREATE POLICY read_own ON tenants FOR SELECT TO commlog_service_api USING (tenant = current_setting('postroom.tenant', true));
CREATE POLICY operator ON tenants TO commlog_service_api
    USING (tenant = current_setting('postroom.tenant', true) AND current_setting('postroom.side', true) = 'operator');
CREATE POLICY api ON order_refs TO commlog_service_api USING (reaches(tenant, supplier));
CREATE POLICY api ON logs TO commlog_service_api USING (reaches(tenant, supplier));
CREATE POLICY api ON correspondences TO commlog_service_api
    USING (reaches(tenant, supplier) AND side = current_setting('postroom.side', true));
CREATE POLICY api ON sends TO commlog_service_api USING (reaches(tenant, supplier));
CREATE POLICY api ON recipients TO commlog_service_api USING (reaches(tenant, supplier));
CREATE POLICY api ON history TO commlog_service_api USING (reaches(tenant, supplier));

-- Append-only: neither role can rewrite what was said, sent or recorded.
REVOKE UPDATE, DELETE, TRUNCATE ON logs, correspondences, sends, history FROM commlog_service_worker, commlog_service_api;
REVOKE DELETE, TRUNCATE ON order_refs, recipients FROM commlog_service_worker, commlog_service_api;
-- What became of a mail is the mailer's word alone.
REVOKE UPDATE ON recipients FROM commlog_service_api;
