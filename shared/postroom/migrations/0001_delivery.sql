-- What every service needs so that nothing is lost and nothing has its effect twice (docs/architecture.md, *How a batch flows*).

-- Where this service goes on reading. The database's offsets rule; Kafka's own commits follow and serve the tools.
CREATE TABLE offsets (
    cluster     text   NOT NULL,
    topic       text   NOT NULL,
    partition   int    NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY (cluster, topic, partition)
);

-- Each event has its effect once, for good.
CREATE TABLE intake (
    emitter     text        NOT NULL,
    source      text        NOT NULL,
    id          text        NOT NULL,
    hash        text        NOT NULL,
    accepted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (emitter, source, id)
);

-- How often an event came again and was let pass.
CREATE TABLE duplicates (
    emitter text   PRIMARY KEY,
    seen    bigint NOT NULL
);

-- What can't be processed, with its raw bytes and the reason. `topic` is http:<emitter> for what came over HTTP.
CREATE TABLE parked (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic      text        NOT NULL,
    partition  int         NOT NULL,
    "offset"   bigint      NOT NULL,
    key        bytea,
    headers    jsonb       NOT NULL,
    value      bytea,
    written_at timestamptz NOT NULL,
    emitter    text        NOT NULL,
    source     text,
    event_id   text,
    reason     text        NOT NULL,
    detail     text        NOT NULL,
    path       text        NOT NULL DEFAULT '',
    parked_at  timestamptz NOT NULL DEFAULT now(),
    closed_at  timestamptz,
    closed_by  text CHECK (closed_by IN ('replayed', 'mended', 'corrected', 'discarded')),
    UNIQUE (topic, partition, "offset")
);
CREATE INDEX parked_open ON parked (emitter, source, event_id) WHERE closed_at IS NULL;
CREATE SEQUENCE parked_over_http;

-- Written in the transaction of the change it tells of; a row stays 48 h after publishing.
CREATE TABLE outbox (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic        text        NOT NULL,
    key          bytea       NOT NULL,
    headers      jsonb       NOT NULL,
    value        bytea       NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    -- A row that Kafka would refuse must not be able to stop its lane.
    CONSTRAINT outbox_row_fits CHECK (octet_length(value) <= CASE WHEN topic LIKE 'parked.%' THEN 2097152 ELSE 262144 END)
);
CREATE INDEX outbox_unpublished ON outbox (topic, id) WHERE published_at IS NULL;
CREATE INDEX outbox_published ON outbox (published_at) WHERE published_at IS NOT NULL;

CREATE FUNCTION outbox_wakes_its_relay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('outbox', '');
    RETURN NULL;
END $$;
CREATE TRIGGER outbox_wakes_its_relay AFTER INSERT ON outbox
    FOR EACH STATEMENT EXECUTE FUNCTION outbox_wakes_its_relay();

-- One click is one effect: the answer that a retry with the same key gets again.
CREATE TABLE idempotency (
    tenant     text        NOT NULL,
    person     text        NOT NULL,
    key        text        NOT NULL,
    request    text        NOT NULL,
    status     int,
    response   jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, person, key)
);
