-- What notification-rules keeps: the directory's projection, claims, decisions, and what is undecided.

CREATE TABLE people (
    tenant       text    NOT NULL,
    person       text    NOT NULL,
    name         text    NOT NULL,
    email        text,
    language     text    NOT NULL,
    zone         text    NOT NULL,
    company      text,
    active       boolean NOT NULL,
    deputy       text,
    absent_from  date,
    absent_until date,
    version      bigint  NOT NULL,
    PRIMARY KEY (tenant, person)
);

CREATE TABLE companies (
    tenant  text    NOT NULL,
    company text    NOT NULL,
    name    text    NOT NULL,
    zone    text    NOT NULL,
    active  boolean NOT NULL,
    version bigint  NOT NULL,
    PRIMARY KEY (tenant, company)
);

-- company is '' for a role held in the whole tenant.
CREATE TABLE roles (
    tenant  text NOT NULL,
    role    text NOT NULL,
    company text NOT NULL,
    person  text NOT NULL,
    PRIMARY KEY (tenant, role, company, person)
);
CREATE INDEX roles_of_person ON roles (tenant, person);

-- What another system (emitter) calls a person or a company (target).
CREATE TABLE aliases (
    tenant  text NOT NULL,
    kind    text NOT NULL CHECK (kind IN ('person', 'company')),
    emitter text NOT NULL,
    id      text NOT NULL,
    target  text NOT NULL,
    PRIMARY KEY (tenant, kind, emitter, id)
);
CREATE INDEX aliases_of_target ON aliases (tenant, kind, target);

-- Each event that was accepted, as `explain` names it; facts of the directory are not among them.
CREATE TABLE events (
    emitter      text        NOT NULL,
    source       text        NOT NULL,
    id           text        NOT NULL,
    tenant       text        NOT NULL,
    type         text        NOT NULL,
    subject      text        NOT NULL,
    order_id     text,
    order_number text        NOT NULL,
    accepted_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (emitter, source, id)
);
CREATE INDEX events_by_id ON events (id);
CREATE INDEX events_by_order ON events (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX events_by_number ON events (order_number) WHERE order_number <> '';

-- Each thing is told once, for good. `about` names the thing for a withdrawal and for explain.
CREATE TABLE claims (
    tenant       text        NOT NULL,
    message_type text        NOT NULL,
    key          text        NOT NULL,
    about        text        NOT NULL,
    messages     text[]      NOT NULL,
    claimed_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, message_type, key)
);

CREATE TABLE decisions (
    decision     text        PRIMARY KEY,
    emitter      text        NOT NULL,
    source       text        NOT NULL,
    event_id     text        NOT NULL,
    tenant       text        NOT NULL,
    rule         text        NOT NULL,
    message_type text        NOT NULL,
    outcome      text        NOT NULL CHECK (outcome IN ('message', 'none', 'undecided', 'unroutable')),
    reason       text        NOT NULL,
    person       text,
    hop          text        NOT NULL,
    message      text,
    decided_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX decisions_of_event ON decisions (emitter, source, event_id);
CREATE INDEX decisions_by_message ON decisions (message) WHERE message IS NOT NULL;

-- Events of a rule whose people are not known yet, or for whom nobody was found. They hold no claim.
CREATE TABLE undecided (
    emitter       text        NOT NULL,
    source        text        NOT NULL,
    id            text        NOT NULL,
    rule          text        NOT NULL,
    tenant        text        NOT NULL,
    event         jsonb       NOT NULL,
    kind          text        NOT NULL CHECK (kind IN ('unknown', 'nobody')),
    reason        text        NOT NULL,
    tellings      text[]      NOT NULL,
    awaits        text[]      NOT NULL,
    since         timestamptz NOT NULL DEFAULT now(),
    until         timestamptz NOT NULL,
    looks         int         NOT NULL DEFAULT 0,
    look_again_at timestamptz NOT NULL,
    PRIMARY KEY (emitter, source, id, rule)
);
CREATE INDEX undecided_awaits ON undecided USING gin (awaits);
CREATE INDEX undecided_due ON undecided (look_again_at);

-- HTTP sees the caller's tenant only, and only operators ask; the worker sees all.
DO $$
DECLARE one text;
BEGIN
    FOREACH one IN ARRAY ARRAY['people', 'companies', 'roles', 'aliases', 'events', 'claims', 'decisions', 'undecided'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', one);
        EXECUTE format('CREATE POLICY worker ON %I TO notification_rules_worker USING (true) WITH CHECK (true)', one);
        EXECUTE format($p$CREATE POLICY operator ON %I FOR SELECT TO notification_rules_api USING (
            current_setting('postroom.side', true) = 'operator' AND tenant = current_setting('postroom.tenant', true))$p$, one);
    END LOOP;
END $$;
