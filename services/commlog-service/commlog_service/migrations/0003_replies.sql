-- Replies by mail: as logs of the thread, and those that a person must look at first.

ALTER TABLE logs
    ADD COLUMN origin      text  NOT NULL DEFAULT 'portal' CHECK (origin IN ('portal', 'e-mail')),
    ADD COLUMN attachments jsonb NOT NULL DEFAULT '[]', -- with the log and never among the order's documents
    ADD COLUMN accepted_by jsonb;

ALTER TABLE history DROP CONSTRAINT IF EXISTS history_kind_check;
ALTER TABLE history ADD CONSTRAINT history_kind_check CHECK (kind IN ('log', 'send', 'outcome', 'reply', 'erasure'));

-- Held for review; `side` is the side that sent what is answered, and the only one that sees it.
CREATE TABLE reviews (
    id          text        PRIMARY KEY,
    tenant      text        NOT NULL,
    order_id    text        NOT NULL,
    supplier    text        NOT NULL,
    side        text        NOT NULL CHECK (side IN ('supplier', 'client')),
    send        text        NOT NULL REFERENCES sends (id),
    reason      text        NOT NULL CHECK (reason IN ('unknown_sender', 'automatic', 'unclear')),
    detail      text        NOT NULL,
    reply       jsonb       NOT NULL,
    received_at timestamptz NOT NULL,
    state       text        NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'accepted', 'discarded')),
    decided_by  jsonb,
    decided_at  timestamptz,
    CHECK ((state = 'open') = (decided_by IS NULL)),
    CHECK ((state = 'open') = (decided_at IS NULL)),
    FOREIGN KEY (tenant, order_id) REFERENCES order_refs (tenant, id)
);
CREATE INDEX reviews_of_order ON reviews (tenant, order_id, received_at);
CREATE INDEX reviews_open ON reviews (reason) WHERE state = 'open';

ALTER TABLE reviews ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON reviews TO commlog_service_worker USING (true);
CREATE POLICY api ON reviews TO commlog_service_api
    USING (reaches(tenant, supplier) AND current_setting('postroom.side', true) IN (side, 'operator'));

-- What came in stays as it came; only what was decided about it is written, once.
REVOKE UPDATE, DELETE, TRUNCATE ON reviews FROM commlog_service_worker, commlog_service_api;
REVOKE INSERT ON reviews FROM commlog_service_api;
GRANT UPDATE (state, decided_by, decided_at) ON reviews TO commlog_service_api;

-- An erasure reaches a reply, too (0002_history.sql has the role).
CREATE POLICY erase ON reviews TO commlog_service_erase USING (erasable(tenant));
GRANT SELECT ON reviews TO commlog_service_erase;
GRANT UPDATE (attachments) ON logs TO commlog_service_erase;
GRANT UPDATE (reply) ON reviews TO commlog_service_erase;
