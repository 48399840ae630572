-- Which instance is at a digest: it is written outside of the transaction that makes it.
ALTER TABLE digests ADD COLUMN claimed_until timestamptz;

-- Who came too late for a digest was put down for the next day's, and that one was made only if somebody else came for it.

INSERT INTO digests (tenant, person, moment)
SELECT DISTINCT tenant, person, moment FROM digest_entries WHERE digest IS NULL AND NOT cancelled
ON CONFLICT DO NOTHING;

-- Made already, by a clock that was ahead.
WITH stranded AS (
    UPDATE digest_entries AS e SET moment = date_trunc('milliseconds', now())
    FROM digests AS d
    WHERE (d.tenant, d.person, d.moment) = (e.tenant, e.person, e.moment) AND d.made_at IS NOT NULL AND e.digest IS NULL AND NOT e.cancelled
    RETURNING e.tenant, e.person, e.moment
)
INSERT INTO digests (tenant, person, moment) SELECT DISTINCT tenant, person, moment FROM stranded ON CONFLICT DO NOTHING;
