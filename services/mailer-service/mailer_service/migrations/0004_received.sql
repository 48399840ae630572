-- A reply that came by mail, once for each correspondence and Message-ID; its bytes lie in the blobs under `raw`.
CREATE TABLE received (
    id             text        PRIMARY KEY,
    message        text        NOT NULL, -- of ours, that it answers
    tenant         text        NOT NULL,
    correspondence text        NOT NULL,
    order_id       text        NOT NULL,
    message_id     text        NOT NULL,
    return_path    text        NOT NULL, -- MAIL FROM; empty for <>
    from_address   text        NOT NULL,
    subject        text        NOT NULL,
    automatic      text        NOT NULL,
    unclear        text        NOT NULL,
    raw            text        NOT NULL, -- sha256
    size           int         NOT NULL,
    received_at    timestamptz NOT NULL
);
-- Of the same: how many came lately, and a Message-ID is long.
CREATE INDEX received_of_message ON received (message, received_at);

ALTER TABLE received ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON received TO mailer_service_worker USING (true) WITH CHECK (true);
CREATE POLICY operator ON received FOR SELECT TO mailer_service_api
    USING (tenant = current_setting('postroom.tenant', true) AND current_setting('postroom.side', true) = 'operator');
