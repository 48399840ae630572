-- Who is signed in to the web page. `id` is the sha256 of the cookie: what lies here opens no session.
CREATE TABLE sessions (
    id         bytea       PRIMARY KEY,
    csrf       text        NOT NULL,
    principal  jsonb       NOT NULL,
    language   text        NOT NULL,
    zone       text        NOT NULL,
    token      text,       -- of an issuer elsewhere; null: the door signs a short-lived one for each call
    begun_at   timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now(),
    ends_at    timestamptz NOT NULL
);
CREATE INDEX sessions_ends_at ON sessions (ends_at);
