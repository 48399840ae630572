-- Row-level security behind the API's own check: the worker sees all, the API what its caller may see.
-- A supplier sees the orders of its own company and what hangs on them; the buying side its tenant.
CREATE FUNCTION asks_tenant() RETURNS text STABLE LANGUAGE sql AS $$ SELECT current_setting('postroom.tenant', true) $$;
CREATE FUNCTION asks_company() RETURNS text STABLE LANGUAGE sql AS $$ SELECT nullif(current_setting('postroom.company', true), '') $$;
CREATE FUNCTION asks_as_supplier() RETURNS boolean STABLE LANGUAGE sql AS $$
    SELECT coalesce(current_setting('postroom.side', true), 'supplier') NOT IN ('client', 'operator')
$$;

DO $$
DECLARE
    protected text;
BEGIN
    FOREACH protected IN ARRAY ARRAY['companies', 'company_endpoints', 'people', 'contracts', 'orders', 'order_lines', 'order_contacts',
                                     'delivery_notes', 'goods_receipts', 'ubl_documents', 'order_documents', 'budgets', 'budgets_raised']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', protected);
        EXECUTE format('CREATE POLICY worker ON %I TO po_service_worker USING (true) WITH CHECK (true)', protected);
    END LOOP;
    -- What hangs on an order is seen by whoever sees the order: the policy of orders holds inside the EXISTS.
    FOREACH protected IN ARRAY ARRAY['order_lines', 'order_contacts', 'delivery_notes', 'goods_receipts', 'order_documents']
    LOOP
        EXECUTE format('CREATE POLICY api ON %I TO po_service_api USING (EXISTS (SELECT FROM orders WHERE orders.id = %I.order_id))', protected, protected);
    END LOOP;
    FOREACH protected IN ARRAY ARRAY['contracts', 'ubl_documents', 'budgets', 'budgets_raised']
    LOOP
        EXECUTE format('CREATE POLICY api ON %I TO po_service_api USING (tenant = asks_tenant() AND NOT asks_as_supplier())', protected);
    END LOOP;
END $$;

CREATE POLICY api ON orders TO po_service_api
    USING (tenant = asks_tenant() AND (NOT asks_as_supplier() OR supplier = asks_company()));
CREATE POLICY api ON companies TO po_service_api
    USING (tenant = asks_tenant() AND (NOT asks_as_supplier() OR id = asks_company()));
CREATE POLICY api ON company_endpoints TO po_service_api
    USING (tenant = asks_tenant() AND (NOT asks_as_supplier() OR company = asks_company()));
CREATE POLICY api ON people TO po_service_api
    USING (tenant = asks_tenant() AND (NOT asks_as_supplier() OR company = asks_company()
                                       OR EXISTS (SELECT FROM order_contacts c WHERE c.person = people.id)
                                       OR EXISTS (SELECT FROM order_lines l WHERE l.ordered_by = people.id)));
