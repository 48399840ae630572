"""All SQL of the gateway: the web page's sessions, and nothing else."""

from datetime import timedelta
from typing import Any

import asyncpg

from postroom.db import Connection


async def begin(connection: Connection, id_: bytes, given: dict[str, Any], life: timedelta) -> None:
    """Keep a new session; those that have run out go."""
    await connection.execute(
        """
        WITH gone AS (DELETE FROM sessions WHERE ends_at < now())
        INSERT INTO sessions (id, csrf, principal, language, zone, token, ends_at) VALUES ($1, $2, $3, $4, $5, $6, now() + $7)
        """,
        id_,
        given["csrf"],
        given["principal"],
        given["language"],
        given["zone"],
        given["token"],
        life,
    )


async def find(connection: Connection, id_: bytes, idle: timedelta) -> asyncpg.Record | None:
    """A session that neither ended nor was left alone for too long; `stale` says that its last sight should be written down."""
    return await connection.fetchrow(
        """
        SELECT csrf, principal, language, zone, token, seen_at < now() - interval '1 minute' AS stale FROM sessions
        WHERE id = $1 AND ends_at > now() AND seen_at > now() - $2::interval
        """,
        id_,
        idle,
    )


async def touch(connection: Connection, id_: bytes) -> None:
    """It was used just now."""
    await connection.execute("UPDATE sessions SET seen_at = now() WHERE id = $1", id_)


async def renew(connection: Connection, id_: bytes, principal: dict[str, Any]) -> None:
    """Whom it stands for has changed."""
    await connection.execute("UPDATE sessions SET principal = $2 WHERE id = $1", id_, principal)


async def speak(connection: Connection, id_: bytes, language: str) -> None:
    """Its pages come in this language from now on."""
    await connection.execute("UPDATE sessions SET language = $2 WHERE id = $1", id_, language)


async def end(connection: Connection, id_: bytes) -> None:
    """It opens nothing any more."""
    await connection.execute("DELETE FROM sessions WHERE id = $1", id_)
