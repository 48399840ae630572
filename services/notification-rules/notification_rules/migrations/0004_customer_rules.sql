-- The customer's files of rules as they were last in force (POSTROOM_CUSTOM/rules/*.yaml); for the worker alone.
CREATE TABLE customer_rules (
    file        text        PRIMARY KEY,
    text        text        NOT NULL,
    accepted_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE customer_rules ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON customer_rules TO notification_rules_worker USING (true) WITH CHECK (true);
