-- Catalogs: what a supplier offers to a buying company. `version` counts the changes of its items; the last document is kept to tell an
-- older one from a newer. What the buyer decides (managers, notify_on) no document changes.
CREATE TABLE catalogs (
    tenant           text   NOT NULL,
    id               text   NOT NULL,
    name             text   NOT NULL,
    supplier         text,
    company          text,
    managers         text[] NOT NULL DEFAULT '{}',
    notify_on        text[] NOT NULL DEFAULT '{}',
    version          int    NOT NULL DEFAULT 0,
    document_number  text   NOT NULL DEFAULT '',
    document_version text   NOT NULL DEFAULT '',
    document_date    date,
    PRIMARY KEY (tenant, id)
);

-- `code` and `standard` are the supplier's own number and the GTIN, by which documents name an item.
CREATE TABLE catalog_items (
    tenant      text NOT NULL,
    catalog     text NOT NULL,
    item        text NOT NULL,
    name        text NOT NULL,
    description text NOT NULL,
    price       numeric,
    currency    text NOT NULL,
    unit        text NOT NULL,
    valid_from  date,
    valid_until date,
    code        text NOT NULL,
    standard    text NOT NULL,
    PRIMARY KEY (tenant, catalog, item)
);
CREATE INDEX catalog_items_by_end ON catalog_items (valid_until) WHERE valid_until IS NOT NULL;

-- Invoices as far as their checks need them; a `provisional` one is known by a response to it only.
CREATE TABLE invoices (
    tenant        text    NOT NULL,
    id            text    NOT NULL,
    number        text    NOT NULL,
    version       int     NOT NULL CHECK (version >= 1),
    supplier      text,
    company       text,
    orders        text[]  NOT NULL DEFAULT '{}',
    amount        numeric,
    currency      text    NOT NULL DEFAULT '',
    issue_date    date,
    response_code text    NOT NULL DEFAULT '',
    provisional   boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX invoices_by_number ON invoices (tenant, number);
CREATE INDEX invoices_by_order ON invoices USING gin (orders);

-- Every check that failed, also one whose code was told before; `document` is the sha256 of the response that says so.
CREATE TABLE invoice_checks (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant     text        NOT NULL,
    invoice    text        NOT NULL,
    version    int         NOT NULL,
    stage      text        NOT NULL,
    code       text        NOT NULL,
    text       text        NOT NULL,
    details    text[]      NOT NULL,
    expected   numeric,
    checked_at timestamptz NOT NULL,
    checked_by text,
    document   text
);
CREATE INDEX invoice_checks_of ON invoice_checks (tenant, invoice);

-- A document is about an order, a catalog or an invoice.
ALTER TABLE ubl_documents ALTER COLUMN order_number DROP NOT NULL;
ALTER TABLE ubl_documents ADD COLUMN catalog_id text, ADD COLUMN invoice_id text;
ALTER TABLE ubl_documents ADD CONSTRAINT about_one_thing CHECK (num_nonnulls(order_number, catalog_id, invoice_id) = 1);
CREATE INDEX ubl_documents_of_catalog ON ubl_documents (tenant, catalog_id) WHERE catalog_id IS NOT NULL;
CREATE INDEX ubl_documents_of_invoice ON ubl_documents (tenant, invoice_id) WHERE invoice_id IS NOT NULL;

DO $$
DECLARE
    protected text;
BEGIN
    FOREACH protected IN ARRAY ARRAY['catalogs', 'catalog_items', 'invoices', 'invoice_checks']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', protected);
        EXECUTE format('CREATE POLICY worker ON %I TO po_service_worker USING (true) WITH CHECK (true)', protected);
        EXECUTE format('CREATE POLICY api ON %I TO po_service_api USING (tenant = asks_tenant() AND NOT asks_as_supplier())', protected);
    END LOOP;
END $$;

-- As in 0003, and the invoice that a response names, the contract that a catalogue names.
CREATE OR REPLACE FUNCTION numbers_in(document bytea) RETURNS text[] IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
    SELECT coalesce(array_agg(DISTINCT left(btrim(found[1], E' \t\r\n'), 500)), '{}')
    FROM (SELECT encode(substring(document FROM 1 FOR 65536), 'escape') AS shown) AS t, LATERAL (
        SELECT regexp_matches(shown, '<(?:[\w.-]+:)?ID(?:\s[^>]*)?>([^<]*)<') AS found
        UNION ALL
        SELECT regexp_matches(shown, '<(?:[\w.-]+:)?(?:OrderReference|DocumentReference|ReferencedContract)(?:\s[^>]*)?>\s*<(?:[\w.-]+:)?ID(?:\s[^>]*)?>([^<]*)<', 'g')
    ) AS names
$$;
REINDEX INDEX parked_by_number;
