"""The customer's rules as they were last in force: a service that starts beside a faulty file has the good one still."""

from collections.abc import Mapping

from postroom.db import Connection


async def accepted(connection: Connection) -> dict[str, str]:
    """File → text."""
    return {row["file"]: row["text"] for row in await connection.fetch("SELECT file, text FROM customer_rules")}


async def accept(connection: Connection, files: Mapping[str, str]) -> None:
    """These are in force now, and no others."""
    await connection.execute(
        """
        WITH given AS (SELECT * FROM unnest($1::text[], $2::text[]) AS t (file, text)),
             gone AS (DELETE FROM customer_rules WHERE file NOT IN (SELECT file FROM given))
        INSERT INTO customer_rules AS known (file, text) SELECT file, text FROM given
        ON CONFLICT (file) DO UPDATE SET text = excluded.text, accepted_at = now() WHERE known.text <> excluded.text
        """,
        list(files.keys()),
        list(files.values()),
    )
