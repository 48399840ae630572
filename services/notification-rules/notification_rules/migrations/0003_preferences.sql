-- How each person wants their mail, and the key of the tokens that end it with one click.

-- A row only for those who have set something; types: message type → now, digest or off. Times are the person's own clock.
CREATE TABLE preferences (
    tenant      text        NOT NULL,
    person      text        NOT NULL,
    mail        text        NOT NULL DEFAULT 'now' CHECK (mail IN ('now', 'digest', 'off')),
    types       jsonb       NOT NULL DEFAULT '{}',
    quiet_from  time,
    quiet_until time,
    digest_at   time        NOT NULL DEFAULT '07:00',
    changed_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, person),
    CHECK ((quiet_from IS NULL) = (quiet_until IS NULL) AND quiet_from <> quiet_until)
);

-- One row of 256 random bits. The API's role can't read it: the service reads it once, as the worker.
CREATE TABLE unsubscribe_key (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    key bytea   NOT NULL
);
INSERT INTO unsubscribe_key (key)
VALUES (sha256((gen_random_uuid()::text || gen_random_uuid()::text || gen_random_uuid()::text)::bytea));
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON unsubscribe_key FROM notification_rules_worker, notification_rules_api;
REVOKE DELETE, TRUNCATE ON preferences FROM notification_rules_worker, notification_rules_api;

ALTER TABLE preferences ENABLE ROW LEVEL SECURITY;
ALTER TABLE unsubscribe_key ENABLE ROW LEVEL SECURITY;
CREATE POLICY worker ON preferences TO notification_rules_worker USING (true) WITH CHECK (true);
CREATE POLICY worker ON unsubscribe_key FOR SELECT TO notification_rules_worker USING (true);

-- A person reads and writes their own; an operator may read their tenant's, to say why somebody got no mail.
CREATE POLICY own ON preferences TO notification_rules_api
    USING (tenant = current_setting('postroom.tenant', true) AND person = current_setting('postroom.person', true));
CREATE POLICY operator ON preferences FOR SELECT TO notification_rules_api USING (
    current_setting('postroom.side', true) = 'operator' AND tenant = current_setting('postroom.tenant', true));
CREATE POLICY own ON people FOR SELECT TO notification_rules_api
    USING (tenant = current_setting('postroom.tenant', true) AND person = current_setting('postroom.person', true));
