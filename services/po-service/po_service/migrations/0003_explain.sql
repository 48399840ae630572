-- Operators ask with what they have in hand: a document's number or hash, a delivery note.
CREATE INDEX ubl_documents_by_number ON ubl_documents (tenant, number);
CREATE INDEX ubl_documents_by_sha256 ON ubl_documents (tenant, sha256);
CREATE INDEX delivery_notes_by_id ON delivery_notes (id);
CREATE INDEX delivery_notes_by_number ON delivery_notes (number);

-- The document's own number and those of the orders it names, as far as plain text shows them: what is parked may be no XML at all, so
-- nothing here may fail. In encode's escapes, since the bytes needn't be UTF-8; from the first 64 KiB, since both stand at the top.
CREATE FUNCTION numbers_in(document bytea) RETURNS text[] IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$
    SELECT coalesce(array_agg(DISTINCT left(btrim(found[1], E' \t\r\n'), 500)), '{}')
    FROM (SELECT encode(substring(document FROM 1 FOR 65536), 'escape') AS shown) AS t, LATERAL (
        SELECT regexp_matches(shown, '<(?:[\w.-]+:)?ID(?:\s[^>]*)?>([^<]*)<') AS found
        UNION ALL
        SELECT regexp_matches(shown, '<(?:[\w.-]+:)?OrderReference(?:\s[^>]*)?>\s*<(?:[\w.-]+:)?ID(?:\s[^>]*)?>([^<]*)<', 'g')
    ) AS names
$$;
CREATE INDEX parked_by_number ON parked USING gin (numbers_in(value));
