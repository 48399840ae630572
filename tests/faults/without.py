"""Variants of the code, each without one guard; launch.py makes a service one of them. Nothing here is part of the product."""

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any

from postroom import failpoints, headers, identities, intake, offsets, parked, relay


def intake_key() -> None:
    """Every event is new."""
    remember = identities.remember

    async def all_new(connection: Any, events: Any) -> Any:
        hashes, _ = await remember(connection, events)
        return hashes, set(hashes)

    identities.remember = all_new


def outbox_lane() -> None:
    """Each relay takes what is free, as SKIP LOCKED alone would have it."""

    async def publish_some(self: Any, topic: str, producer: Any, most: int) -> bool:
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(
                """
                SELECT id, key, headers, value FROM outbox WHERE topic = $1 AND published_at IS NULL
                ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED
                """,
                topic,
                min(most, 10),
            )
            # As a busy machine does to one of two.
            await asyncio.sleep(random.uniform(0, 0.2))  # noqa: S311 - jitter
            for row in rows:
                told = [(name, value or b"") for name, value in headers.from_json(row["headers"])]
                await producer.send_and_wait(topic, key=row["key"], value=row["value"], headers=told)
            await self._mark_published(connection, [row["id"] for row in rows])
        return bool(rows)

    relay.Relay._publish_some = publish_some  # type: ignore[method-assign]


def senders_lease() -> None:
    """Nobody takes over from a sender whose time is up."""
    from mailer_service.sender.lease import Lease  # noqa: PLC0415 - this service's process alone has it

    async def nobody(self: Any) -> None:
        """Whatever a sender had in hand stays there."""

    Lease.take_over = nobody  # type: ignore[method-assign]


def fencing_at_the_opening() -> None:
    """Whatever was asked for counts as opened, and the sender's own clock stood still with it, as a suspended machine's does."""
    from mailer_service.sender.lease import Lease  # noqa: PLC0415
    from mailer_service.store import envelopes  # noqa: PLC0415

    open_attempts = envelopes.open_attempts

    async def all_asked(connection: Any, sender: Any, asked: Sequence[Any]) -> set[str]:
        await open_attempts(connection, sender, asked)
        return {id_ for id_, _, _ in asked}

    envelopes.open_attempts = all_asked
    Lease.fresh = True  # type: ignore[assignment,method-assign]


def claim() -> None:
    """Nobody remembers what was told."""
    from notification_rules.store import decisions  # noqa: PLC0415

    async def none_taken(*_: Any) -> Any:
        return set()

    async def all_free(_: Any, claims: Any) -> int:
        return len(claims)

    setattr(decisions, "load_claims", none_taken)  # noqa: B010 - its type is another on purpose
    setattr(decisions, "take_claims", all_free)  # noqa: B010


def offset_in_the_transaction() -> None:
    """The offset moves first, by itself."""

    async def process(self: Any, records: Any, cluster: str, known: Any = None) -> Any:
        async with self._pool.acquire() as connection, connection.transaction():
            await offsets.advance(connection, cluster, records, known)
        failpoints.reach("intake.advanced")
        async with self._pool.acquire() as connection, connection.transaction():
            return await self._take_in(connection, *self._read_all(records))

    intake.Intake.process = process  # type: ignore[method-assign]


def attempt_before_data() -> None:
    """A mail is handed out at once, and its attempt is written down with its result."""
    from mailer_service.sender.recorder import Recorder  # noqa: PLC0415
    from mailer_service.store import envelopes as store  # noqa: PLC0415

    async def commit(self: Any, *, opening: bool = True) -> None:
        shares = self._shares() if opening and self._lease.fresh else []
        self._hand_out(shares, {job.envelope for _, share in shares for job in share})
        finished = self._finished[:]
        if not finished:
            return
        async with self._pool.acquire() as connection, connection.transaction():
            await store.open_attempts(connection, self._lease.id, [(job.envelope, number, job.token) for job, number, _ in finished])
            await self._settle(connection, finished)
        del self._finished[: len(finished)]

    Recorder.commit = commit  # type: ignore[method-assign]


def parked_in_the_transaction() -> None:
    """What can't be processed is parked when the batch is through."""
    park, process = parked.park, intake.Intake.process
    later: list[tuple[str, Any]] = []

    async def remember(_: Any, service: str, rejected: Any) -> None:
        later.append((service, rejected))

    async def then_park(self: Any, records: Any, cluster: str, known: Any = None) -> Any:
        tally = await process(self, records, cluster, known)
        async with self._pool.acquire() as connection, connection.transaction():
            for service, rejected in later:
                await park(connection, service, rejected)
        later.clear()
        return tally

    setattr(parked, "park", remember)  # noqa: B010 - as above
    intake.Intake.process = then_park  # type: ignore[method-assign]


GUARDS: dict[str, Callable[[], None]] = {
    "intake key": intake_key,
    "outbox lane": outbox_lane,
    "sender's lease": senders_lease,
    "fencing at the opening": fencing_at_the_opening,
    "claim": claim,
    "offset in the transaction": offset_in_the_transaction,
    "attempt before DATA": attempt_before_data,
    "parked in the transaction": parked_in_the_transaction,
}
