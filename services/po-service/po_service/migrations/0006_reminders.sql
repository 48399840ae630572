-- The options of the basic contract: days after the delivery date, null where the reminder is not activated; and who delivers.
ALTER TABLE contracts
    ADD COLUMN supplier          text,
    ADD COLUMN first_reminder    int CHECK (first_reminder >= 0),
    ADD COLUMN second_reminder   int CHECK (second_reminder >= 0),
    ADD COLUMN third_reminder    int CHECK (third_reminder >= 0),
    ADD COLUMN reminder_calendar text NOT NULL DEFAULT 'working-days' CHECK (reminder_calendar IN ('working-days', 'calendar-days'));

-- Which days a company works: the holidays of its country (and subdivision), and what it says beyond them.
ALTER TABLE companies
    ADD COLUMN country            text   NOT NULL DEFAULT '',
    ADD COLUMN subdivision        text   NOT NULL DEFAULT '',
    ADD COLUMN extra_holidays     date[] NOT NULL DEFAULT '{}',
    ADD COLUMN extra_working_days date[] NOT NULL DEFAULT '{}';

-- `noted`: a delivery note of the requester names the line. `awaited`: its delivery date while such a note is awaited, derived whenever the
-- order is saved, so that the scan reads due lines alone, however many were settled before.
ALTER TABLE order_lines ADD COLUMN noted boolean NOT NULL DEFAULT false, ADD COLUMN awaited date;
UPDATE order_lines l SET noted = true
WHERE EXISTS (
    SELECT FROM (SELECT DISTINCT ON (position) lines FROM delivery_notes n
                 WHERE n.order_id = l.order_id AND n.origin = 'requester' ORDER BY position, version DESC) AS newest,
           jsonb_array_elements(newest.lines) AS named
    WHERE named ->> 'line' = l.line);
UPDATE order_lines l SET awaited = coalesce(l.estimated, l.requested_end, l.requested_start, o.requested_end, o.requested_start)
FROM orders o WHERE o.id = l.order_id AND o.contract IS NOT NULL AND NOT (o.cancelled OR l.cancelled OR l.noted);
CREATE INDEX order_lines_awaited ON order_lines (awaited) WHERE awaited IS NOT NULL;
UPDATE contracts c SET supplier = newest.supplier
FROM (SELECT DISTINCT ON (tenant, contract) tenant, contract, supplier FROM orders ORDER BY tenant, contract, issue_date DESC) AS newest
WHERE (newest.tenant, newest.contract) = (c.tenant, c.id);

-- What people want ordered under a contract: open until an order has it.
CREATE TABLE requisition_items (
    tenant        text        NOT NULL,
    id            text        NOT NULL,
    contract      text        NOT NULL,
    requester     text        NOT NULL,
    name          text        NOT NULL,
    quantity      numeric     NOT NULL CHECK (quantity > 0),
    unit          text        NOT NULL,
    net           numeric     NOT NULL CHECK (net >= 0),
    currency      text        NOT NULL,
    delivery_date date,
    order_id      text,
    line          text,
    requested_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant, id),
    CHECK ((order_id IS NULL) = (line IS NULL))
);
CREATE INDEX requisition_items_open ON requisition_items (tenant, contract) WHERE order_id IS NULL;
CREATE INDEX requisition_items_of_order ON requisition_items (order_id) WHERE order_id IS NOT NULL;
ALTER TABLE requisition_items ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON requisition_items TO po_service_worker USING (true) WITH CHECK (true);
CREATE POLICY api ON requisition_items TO po_service_api USING (tenant = asks_tenant() AND NOT asks_as_supplier());
