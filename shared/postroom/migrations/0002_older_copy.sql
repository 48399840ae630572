-- Whether these data are the newest that Kafka knows of, or an older copy that was restored (docs/restoring.md).

-- Names this start of the server and this database on it. After another start the data may be others: then they are compared anew.
CREATE FUNCTION this_start() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT oid || '@' || extract(epoch FROM pg_postmaster_start_time()) FROM pg_database WHERE datname = current_database()
$$;

-- The start that was compared with Kafka. A restored database carries the name of an earlier one, and so is not compared yet.
CREATE TABLE compared (
    single      boolean     PRIMARY KEY DEFAULT true CHECK (single),
    start       text        NOT NULL,
    compared_at timestamptz NOT NULL DEFAULT now()
);

-- Found when this database was behind what this service had read before; open until an operator goes on.
CREATE TABLE older_copies (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    found_at    timestamptz NOT NULL DEFAULT now(),
    last_sign   timestamptz,                -- the newest that the copy knows of what it has published; what came later is missing here
    cluster     text        NOT NULL,
    behind      jsonb       NOT NULL,       -- "topic/partition" → [next offset here, next offset that was committed, first that is left]
    ends        jsonb       NOT NULL,       -- "topic/partition" → where it ended when this was found
    released_at timestamptz,
    released_by text
);
CREATE UNIQUE INDEX older_copies_open ON older_copies ((true)) WHERE released_at IS NULL;

-- True once these data were compared, and are not held as an older copy.
CREATE FUNCTION may_send() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM compared WHERE start = this_start()) AND NOT EXISTS (SELECT FROM older_copies WHERE released_at IS NULL)
$$;
