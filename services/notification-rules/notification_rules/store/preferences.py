"""How people want their mail; and the key of the tokens that end it."""

from collections.abc import Collection

from notification_rules.domain.people import Person, PersonKey
from notification_rules.domain.preferences import Change, Preferences, QuietHours
from postroom.db import Connection


async def load(connection: Connection, people: Collection[PersonKey]) -> dict[PersonKey, Preferences]:
    """Of these people, those who have set something."""
    rows = await connection.fetch(
        """
        SELECT tenant, person, mail, types, quiet_from, quiet_until, digest_at FROM preferences
        WHERE (tenant, person) IN (SELECT * FROM unnest($1::text[], $2::text[]))
        """,
        [tenant for tenant, _ in people],
        [person for _, person in people],
    )
    return {
        (row["tenant"], row["person"]): Preferences(
            mail=row["mail"],
            types=row["types"],
            quiet=None if row["quiet_from"] is None else QuietHours(row["quiet_from"], row["quiet_until"]),
            digest_at=row["digest_at"],
        )
        for row in rows
    }


async def save(connection: Connection, key: PersonKey, change: Change) -> None:
    """In one statement, so that two windows that each change another type both have their effect."""
    await connection.execute(
        """
        INSERT INTO preferences AS known (tenant, person, mail, types, quiet_from, quiet_until, digest_at)
        VALUES ($1, $2, coalesce($3, 'now'), jsonb_strip_nulls($4), $6, $7, coalesce($8, time '07:00'))
        ON CONFLICT (tenant, person) DO UPDATE SET
            mail = coalesce($3, known.mail),
            types = jsonb_strip_nulls(known.types || $4),
            quiet_from = CASE WHEN $5 THEN known.quiet_from ELSE $6 END,
            quiet_until = CASE WHEN $5 THEN known.quiet_until ELSE $7 END,
            digest_at = coalesce($8, known.digest_at),
            changed_at = now()
        """,
        *key,
        change.mail,
        dict(change.types),
        change.keep_quiet,
        change.quiet.start if change.quiet else None,
        change.quiet.until if change.quiet else None,
        change.digest_at,
    )


async def person(connection: Connection, key: PersonKey) -> Person | None:
    """Whose preferences they are, as the directory knows them; row-level security shows oneself, and operators their tenant."""
    row = await connection.fetchrow("SELECT name, email, language, zone, active FROM people WHERE (tenant, person) = ($1, $2)", *key)
    return Person(person=key[1], **dict(row)) if row else None


async def unsubscribe_key(connection: Connection) -> bytes:
    """What tokens are made with; for the worker alone."""
    key: bytes = await connection.fetchval("SELECT key FROM unsubscribe_key")
    return key
