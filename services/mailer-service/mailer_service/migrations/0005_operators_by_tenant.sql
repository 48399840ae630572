-- An operator sees all of one tenant, not of all: as in the other services.
DO $$
DECLARE
    name text;
    side text := '(SELECT current_setting(''postroom.side'', true)) = ''operator''';
BEGIN
    FOREACH name IN ARRAY ARRAY['messages', 'envelopes', 'inbox', 'forwards', 'digests', 'digest_entries'] LOOP
        EXECUTE format('ALTER POLICY operator ON %I USING (%s AND tenant = (SELECT current_setting(''postroom.tenant'', true)))', name, side);
    END LOOP;
    -- What hangs on a message or an envelope is seen by whoever sees that.
    EXECUTE format('ALTER POLICY operator ON rendered USING (%s AND EXISTS (SELECT FROM messages WHERE messages.id = rendered.message))', side);
    EXECUTE format('ALTER POLICY operator ON withdrawals USING (%s AND EXISTS (SELECT FROM messages WHERE messages.id = withdrawals.message))', side);
    EXECUTE format('ALTER POLICY operator ON attempts USING (%s AND EXISTS (SELECT FROM envelopes WHERE envelopes.id = attempts.envelope))', side);
END $$;
