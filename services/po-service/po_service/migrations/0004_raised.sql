-- What a scan has raised, once for good: `fact` is the event's type, `key` what makes it one (a budget, its period, the reason).
CREATE TABLE raised (
    tenant    text        NOT NULL,
    fact      text        NOT NULL,
    key       text[]      NOT NULL,
    raised_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, fact, key)
);
INSERT INTO raised (tenant, fact, key, raised_at)
SELECT tenant, 'BudgetExpired.v1', ARRAY[budget, period_start::text, reason], raised_at FROM budgets_raised;
DROP TABLE budgets_raised;

ALTER TABLE raised ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON raised TO po_service_worker USING (true) WITH CHECK (true);
CREATE POLICY api ON raised TO po_service_api USING (tenant = asks_tenant() AND NOT asks_as_supplier());
