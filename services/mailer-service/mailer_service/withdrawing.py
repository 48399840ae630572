"""What was withdrawn takes effect on what is not sent yet; by the intake, and by a sender that finds it out first."""

from collections.abc import Collection, Sequence
from typing import Any

from mailer_service import outcomes
from mailer_service.domain.withdrawals import remaining
from mailer_service.rows import Row
from mailer_service.store import withdrawals as store
from postroom import failpoints, outbox
from postroom.db import Connection, Pool


async def withdraw(connection: Connection, messages: Collection[str]) -> None:
    """Cancel those of these messages of which nothing is left; one that keeps some lines is rendered without the others.

    What was forwarded says what was read, line for line: it holds as long as anything of its original does.
    """
    void = await _void(connection, messages)
    if not void:
        return
    if copies := await store.add_of_copies(connection, [(id_, row["reason"], row["cause"]) for id_, row in void.items()]):
        void |= await _void(connection, copies)
    details = [f"withdrawn: {row['reason']}" for row in void.values()]
    stopped = await store.cancel_envelopes(connection, list(void), details)
    waited = await store.cancel_digest_entries(connection, list(void))
    await store.mark_inbox(connection, list(void), [row["reason"] for row in void.values()])
    failpoints.reach("withdrawal.marked")
    told = [outcomes.cancelled(void[row["message"]], row) for row in stopped]
    await outbox.add(connection, told + [outcomes.left_out(void[id_]) for id_ in waited])


async def _void(connection: Connection, messages: Collection[str]) -> dict[str, Row]:
    touched = {row["message"]: row for row in await store.touched(connection, messages)}
    return {id_: row for id_, row in touched.items() if is_void(row)}


async def without_void(pool: Pool, loaded: Sequence[Row]) -> dict[str, Row]:
    """A sender's messages by id: void ones are cancelled and left out, others come without their void lines."""
    void = {row["id"] for row in loaded if row["void"] and is_void(row)}
    if void:
        async with pool.acquire() as connection, connection.transaction():
            await withdraw(connection, void)
    return {row["id"]: cut(row) if row["void"] else row for row in loaded if row["id"] not in void}


def is_void(row: Row) -> bool:
    """Whether nothing of this message (facts, lines, about, void) holds any more."""
    return remaining(row["facts"], row["lines"], row["about"], set(row["void"])) is None


def cut(row: Row) -> dict[str, Any]:
    """The message without its void lines; whole, if all of them are: then it is only shown, as withdrawn."""
    return {**row, "facts": remaining(row["facts"], row["lines"], row["about"], set(row["void"])) or row["facts"]}
