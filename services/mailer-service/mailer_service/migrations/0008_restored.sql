-- What Kafka's outcomes say was sent since the copy was taken that this database was restored from; a row goes with its envelope's.
CREATE TABLE sent_elsewhere (
    envelope text        PRIMARY KEY,
    attempt  int         NOT NULL,
    code     int,
    detail   text        NOT NULL,
    at       timestamptz NOT NULL
);

-- How far it is known what may be out: the outcomes are read first, then everything that lay in Kafka is read again.
CREATE TABLE doubts (
    older_copy    bigint      PRIMARY KEY,
    read_at       timestamptz NOT NULL DEFAULT now(),
    last_outcome  timestamptz,       -- what was sent after it has no outcome in Kafka
    sent          int         NOT NULL,
    last_sequence bigint             -- messages that came after it are new, and certainly not out; null until all was read again
);
