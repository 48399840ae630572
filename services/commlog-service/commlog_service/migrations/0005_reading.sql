-- Which logs a correspondence has carried, a row each: a page of an order's logs looks its own up, and not through all sends with all their
-- logs. Written with the send, by the database, so that no writer can forget it.
CREATE TABLE sent_logs (
    tenant   text NOT NULL,
    order_id text NOT NULL,
    log      text NOT NULL,
    supplier text NOT NULL,
    PRIMARY KEY (tenant, order_id, log)
);
INSERT INTO sent_logs (tenant, order_id, log, supplier)
    SELECT DISTINCT tenant, order_id, log, supplier FROM sends, unnest(logs) AS log;
ALTER TABLE sent_logs ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON sent_logs TO commlog_service_worker USING (true);
CREATE POLICY api ON sent_logs TO commlog_service_api USING (reaches(tenant, supplier));
REVOKE UPDATE, DELETE, TRUNCATE ON sent_logs FROM commlog_service_worker, commlog_service_api;

CREATE FUNCTION note_sent_logs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO sent_logs (tenant, order_id, log, supplier)
        SELECT DISTINCT NEW.tenant, NEW.order_id, log, NEW.supplier FROM unnest(NEW.logs) AS log
        ON CONFLICT DO NOTHING;
    RETURN NEW;
END $$;
CREATE TRIGGER note_sent_logs AFTER INSERT ON sends FOR EACH ROW EXECUTE FUNCTION note_sent_logs();

-- `reaches` for the tables of which many rows are read at once: who asks is looked up once a statement, (SELECT …), not once a row.
DO $$
DECLARE
    protected text;
BEGIN
    FOREACH protected IN ARRAY ARRAY['logs', 'sent_logs', 'sends', 'recipients']
    LOOP
        EXECUTE format($policy$
            ALTER POLICY api ON %I USING (
                tenant = (SELECT current_setting('postroom.tenant', true))
                AND ((SELECT coalesce(current_setting('postroom.side', true) IN ('client', 'operator'), false))
                     OR ((SELECT coalesce(current_setting('postroom.side', true) = 'supplier', false))
                         AND supplier = (SELECT current_setting('postroom.company', true)))))
        $policy$, protected);
    END LOOP;
END $$;
