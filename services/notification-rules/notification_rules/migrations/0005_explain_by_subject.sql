-- What an event of no order is about (a budget, a template, a catalog, an invoice), so that explain finds it by that.
CREATE INDEX events_by_subject ON events (subject) WHERE order_id IS NULL;
