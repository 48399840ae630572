-- The list of orders: its columns, its order and its filters, each by an index, for a supplier and for the buying side.

-- Derived from lines, notes and receipts whenever they change, as estimated_delivery and fully_delivered are. `number_key` is the number as
-- it is looked for (case-folded; COLLATE "C", so that a beginning is a range of the index); `backorder`: something came and something is
-- still open; `next_date`: the earliest day of a line that is open; `net_total`: null where a line has no amount.
ALTER TABLE orders
    ADD COLUMN number_key text COLLATE "C",
    ADD COLUMN backorder  boolean NOT NULL DEFAULT false,
    ADD COLUMN next_date  date,
    ADD COLUMN net_total  numeric;
UPDATE orders SET number_key = lower(number);
ALTER TABLE orders ALTER COLUMN number_key SET NOT NULL;

WITH counted AS (
    SELECT newest.order_id, one ->> 'line' AS line, one ->> 'unit' AS unit, (one ->> 'quantity')::numeric AS quantity
    FROM (SELECT DISTINCT ON (order_id, position) order_id, lines FROM delivery_notes ORDER BY order_id, position, version DESC) AS newest,
         jsonb_array_elements(newest.lines) AS one
    UNION ALL
    SELECT order_id, one ->> 'line', one ->> 'unit', (one ->> 'quantity')::numeric
    FROM goods_receipts, jsonb_array_elements(lines) AS one WHERE note IS NULL
), came AS (
    SELECT order_id, line, unit, sum(quantity) AS quantity FROM counted GROUP BY order_id, line, unit
), due AS (
    SELECT l.order_id, l.quantity, l.net, coalesce(came.quantity, 0) AS delivered,
           coalesce(l.estimated, l.requested_end, l.requested_start, o.requested_end, o.requested_start) AS day
    FROM order_lines l JOIN orders o ON o.id = l.order_id
    LEFT JOIN came ON (came.order_id, came.line, came.unit) = (l.order_id, l.line, l.unit)
    WHERE NOT l.cancelled
), derived AS (
    SELECT order_id, bool_or(delivered > 0) AND bool_or(delivered < quantity) AS backorder,
           min(day) FILTER (WHERE delivered < quantity) AS next_date, CASE WHEN bool_and(net IS NOT NULL) THEN sum(net) END AS net_total
    FROM due GROUP BY order_id
)
UPDATE orders SET
    backorder = derived.backorder AND NOT cancelled,
    next_date = CASE WHEN NOT cancelled THEN derived.next_date END,
    net_total = derived.net_total
FROM derived WHERE derived.order_id = orders.id;

DROP INDEX orders_by_supplier;
CREATE INDEX orders_newest ON orders (tenant, issue_date DESC, number, id);
CREATE INDEX orders_newest_of_supplier ON orders (tenant, supplier, issue_date DESC, number, id);
CREATE INDEX orders_beginning ON orders (tenant, number_key);
CREATE INDEX orders_beginning_of_supplier ON orders (tenant, supplier, number_key);
CREATE INDEX orders_standing ON orders (tenant, cancelled, fully_delivered, estimated_delivery);
CREATE INDEX orders_standing_of_supplier ON orders (tenant, supplier, cancelled, fully_delivered, estimated_delivery);
CREATE INDEX orders_backorder ON orders (tenant, issue_date DESC, number, id) WHERE backorder;
CREATE INDEX orders_backorder_of_supplier ON orders (tenant, supplier, issue_date DESC, number, id) WHERE backorder;

-- A note is found by its number, and seen by whom the order is: both without a look at the order.
ALTER TABLE delivery_notes ADD COLUMN tenant text, ADD COLUMN supplier text, ADD COLUMN number_key text COLLATE "C";
UPDATE delivery_notes n SET tenant = o.tenant, supplier = o.supplier, number_key = lower(n.number) FROM orders o WHERE o.id = n.order_id;
ALTER TABLE delivery_notes ALTER COLUMN tenant SET NOT NULL, ALTER COLUMN supplier SET NOT NULL, ALTER COLUMN number_key SET NOT NULL;
CREATE INDEX delivery_notes_beginning ON delivery_notes (tenant, number_key);
CREATE INDEX delivery_notes_beginning_of_supplier ON delivery_notes (tenant, supplier, number_key);

-- Whom of the buying side a supplier knows from its orders: contacts, and who ordered. One row a person and supplier, where a look at the
-- orders would read all on which somebody stands.
CREATE TABLE acquaintances (
    tenant   text NOT NULL,
    supplier text NOT NULL,
    person   text NOT NULL,
    PRIMARY KEY (tenant, supplier, person)
);
INSERT INTO acquaintances
    SELECT o.tenant, o.supplier, c.person FROM order_contacts c JOIN orders o ON o.id = c.order_id
    UNION SELECT o.tenant, o.supplier, l.ordered_by FROM order_lines l JOIN orders o ON o.id = l.order_id;
ALTER TABLE acquaintances ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON acquaintances TO po_service_worker USING (true) WITH CHECK (true);
CREATE POLICY api ON acquaintances TO po_service_api
    USING (tenant = (SELECT asks_tenant()) AND (NOT (SELECT asks_as_supplier()) OR supplier = (SELECT asks_company())));

-- Who asks is looked up once a statement, (SELECT …), not once a row.
ALTER POLICY api ON orders
    USING (tenant = (SELECT asks_tenant()) AND (NOT (SELECT asks_as_supplier()) OR supplier = (SELECT asks_company())));
ALTER POLICY api ON delivery_notes
    USING (tenant = (SELECT asks_tenant()) AND (NOT (SELECT asks_as_supplier()) OR supplier = (SELECT asks_company())));
ALTER POLICY api ON companies
    USING (tenant = (SELECT asks_tenant()) AND (NOT (SELECT asks_as_supplier()) OR id = (SELECT asks_company())));
ALTER POLICY api ON people
    USING (tenant = (SELECT asks_tenant())
           AND (NOT (SELECT asks_as_supplier()) OR company = (SELECT asks_company())
                OR EXISTS (SELECT FROM acquaintances a
                           WHERE a.tenant = people.tenant AND a.supplier = (SELECT asks_company()) AND a.person = people.id)));
