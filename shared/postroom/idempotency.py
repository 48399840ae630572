"""One click is one effect: the same Idempotency-Key gets the first answer again, in the transaction of the effect."""

from hashlib import sha256
from typing import Any

import orjson

from postroom import failpoints
from postroom.auth import Principal
from postroom.db import Connection, Pool
from postroom.problems import Problem

MAX_KEY = 200


async def begin(connection: Connection, principal: Principal, key: str, request: Any) -> Any | None:
    """The stored answer of an earlier try, or None for the first one; a concurrent twin waits here until the first has committed.

    Raises Problem 409 when the key was used for another request.
    """
    if not 0 < len(key) <= MAX_KEY:
        raise Problem(400, "idempotency_key", f"The header Idempotency-Key must have 1 to {MAX_KEY} characters.", "Idempotency-Key")
    fingerprint = _fingerprint(request)
    fresh = await connection.fetchval(
        """
        INSERT INTO idempotency (tenant, person, key, request) VALUES ($1, $2, $3, $4)
        ON CONFLICT DO NOTHING RETURNING true
        """,
        principal.tenant,
        principal.person,
        key,
        fingerprint,
    )
    if fresh:
        failpoints.reach("click.begun")
        return None
    row = await connection.fetchrow(
        "SELECT request, response FROM idempotency WHERE tenant = $1 AND person = $2 AND key = $3", principal.tenant, principal.person, key
    )
    if row is None or row["request"] != fingerprint:
        raise Problem(
            409,
            "idempotency_conflict",
            "This Idempotency-Key was used for another request. Use a new key for a new request.",
            "Idempotency-Key",
        )
    return row["response"]


async def answered(pool: Pool, principal: Principal, key: str, request: Any) -> Any | None:
    """The stored answer alone; nothing is begun. Who does much before the transaction asks first: no retry fails for what changed since."""
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            return await begin(connection, principal, key, request)
        finally:
            await transaction.rollback()


def _fingerprint(request: Any) -> str:
    try:
        return sha256(orjson.dumps(request, option=orjson.OPT_SORT_KEYS)).hexdigest()
    except orjson.JSONEncodeError as error:
        # What JSON lets through and nothing behind it holds: a whole number beyond 64 bits, half of a surrogate pair.
        raise Problem(422, "invalid", f"A value of this request can't be taken: {error}. Nothing was changed.") from error


async def finish(connection: Connection, principal: Principal, key: str, response: Any) -> None:
    """Keep the answer for the retries to come."""
    await connection.execute(
        "UPDATE idempotency SET response = $4 WHERE tenant = $1 AND person = $2 AND key = $3",
        principal.tenant,
        principal.person,
        key,
        response,
    )
    failpoints.reach("click.finishing")
