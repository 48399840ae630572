-- Cost codes and credit cards; of a card only the last four digits.
CREATE TABLE control_structures (
    tenant             text NOT NULL,
    id                 text NOT NULL,
    kind               text NOT NULL CHECK (kind IN ('cost-code', 'credit-card')),
    company            text NOT NULL,
    code               text NOT NULL,
    name               text NOT NULL,
    valid_until        date NOT NULL,
    person_responsible text,
    lead_days          int  NOT NULL DEFAULT 0 CHECK (lead_days >= 0),
    PRIMARY KEY (tenant, id),
    CHECK (kind = 'cost-code' OR code ~ '^[0-9]{4}$')
);
CREATE INDEX control_structures_by_notice ON control_structures ((valid_until - lead_days));

-- Templates and quantity requests. `next_due` is the first occurrence that no scan has looked at; null: none will come.
CREATE TABLE templates (
    tenant      text    NOT NULL,
    id          text    NOT NULL,
    kind        text    NOT NULL CHECK (kind IN ('template', 'quantity-request')),
    name        text    NOT NULL,
    company     text    NOT NULL,
    owner       text,
    items       jsonb   NOT NULL DEFAULT '[]',
    assigned    jsonb   NOT NULL DEFAULT '[]',
    schedule    jsonb,
    valid_from  date,
    valid_until date,
    active      boolean NOT NULL,
    withdrawn   boolean NOT NULL DEFAULT false,
    next_due    date,
    released_by text,
    released_at timestamptz,
    version     int     NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant, id),
    CHECK (next_due IS NULL OR (active AND NOT withdrawn))
);
CREATE INDEX templates_by_next_due ON templates (next_due) WHERE next_due IS NOT NULL;

-- Each revision of each requester's reply stays; the newest counts. `lines` are {item, name, quantity, unit}.
CREATE TABLE quantity_replies (
    tenant     text        NOT NULL,
    request    text        NOT NULL,
    requester  text        NOT NULL,
    revision   int         NOT NULL,
    replied_at timestamptz NOT NULL,
    lines      jsonb       NOT NULL,
    PRIMARY KEY (tenant, request, requester, revision),
    FOREIGN KEY (tenant, request) REFERENCES templates
);

-- Log-on data that new people come in with, and who has: each user once.
CREATE TABLE carbon_copy_users (
    tenant   text    NOT NULL,
    id       text    NOT NULL,
    name     text    NOT NULL,
    company  text    NOT NULL,
    blocked  boolean NOT NULL,
    roles    jsonb   NOT NULL DEFAULT '[]',
    language text    NOT NULL DEFAULT 'en',
    PRIMARY KEY (tenant, id)
);
CREATE TABLE carbon_copy_log_ons (
    tenant           text        NOT NULL,
    person           text        NOT NULL,
    carbon_copy_user text        NOT NULL,
    logged_on_at     timestamptz NOT NULL,
    PRIMARY KEY (tenant, person),
    FOREIGN KEY (tenant, carbon_copy_user) REFERENCES carbon_copy_users
);

DO $$
DECLARE
    protected text;
BEGIN
    FOREACH protected IN ARRAY ARRAY['control_structures', 'templates', 'quantity_replies', 'carbon_copy_users', 'carbon_copy_log_ons']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', protected);
        EXECUTE format('CREATE POLICY worker ON %I TO po_service_worker USING (true) WITH CHECK (true)', protected);
        EXECUTE format('CREATE POLICY api ON %I TO po_service_api USING (tenant = asks_tenant() AND NOT asks_as_supplier())', protected);
    END LOOP;
END $$;
