"""Locks on things that may not be there yet."""

from collections.abc import Iterable

from postroom.db import Connection

Key = tuple[str, str]


async def take(connection: Connection, what: str, keys: Iterable[Key]) -> None:
    """Wait until nobody else works on these (tenant, id) of a kind (`person`, …); sorted, so that none wait for each other."""
    pairs = list(keys)
    await connection.execute(
        """
        SELECT pg_advisory_xact_lock(tenant, thing)
        FROM (SELECT DISTINCT hashtext(t) AS tenant, hashtext($1 || '/' || k) AS thing
              FROM unnest($2::text[], $3::text[]) AS u (t, k) ORDER BY 1, 2) AS sorted
        """,
        what,
        [tenant for tenant, _ in pairs],
        [id_ for _, id_ in pairs],
    )
