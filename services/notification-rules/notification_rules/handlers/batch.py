"""A batch of events, and what was left undecided: plan, load, resolve, decide, save; one statement a table."""

import itertools
from collections.abc import Sequence
from datetime import datetime

import structlog

from notification_rules.domain import letters, mailing
from notification_rules.domain.deciding import Outcome, claiming, decide, weight
from notification_rules.domain.planning import plan
from notification_rules.domain.preferences import AT_ONCE, Delivery
from notification_rules.domain.resolving import wanted
from notification_rules.domain.undecided import Case, Undecided, look_again, resolve_case
from notification_rules.domain.withdrawing import Void
from notification_rules.handlers import directory
from notification_rules.handlers.withdrawing import withdraw
from notification_rules.library import Library
from notification_rules.store import decisions as store
from notification_rules.store import directory as directory_store
from notification_rules.store import preferences as preferences_store
from notification_rules.store import undecided as undecided_store
from postroom import clock, failpoints, outbox
from postroom.contracts.errors import at_fault
from postroom.contracts.event import Event
from postroom.db import Connection, TooMuch
from postroom.intake import Retry, as_refusal

log = structlog.get_logger()
# A transaction's worth: 50,000 claims are a second and a half of reckoning, and as much in the database.
MOST_CLAIMS, DUE_BYTES = 50_000, 512 * 1024


class Handlers:
    """`waits`: for how many seconds an event waits, by kind (unknown, nobody); `key`: what makes the tokens that unsubscribe."""

    def __init__(self, library: Library, waits: dict[str, float], key: bytes, at_once: int = 200) -> None:
        self._library = library
        self._key = key
        self._waits = waits
        self._at_once = at_once

    async def handle(self, connection: Connection, events: Sequence[Event]) -> None:
        """A batch's fresh events, in the intake's transaction."""
        records = [event for event in events if event.type in directory.TYPES]
        causes = [event for event in events if event.type not in directory.TYPES]
        if records and (awaited := await directory.take_in(connection, records)) and await undecided_store.wake(connection, awaited):
            await self.look_again(connection)
        if causes:
            await store.save_events(connection, causes)
            await self._decide(connection, [Case(one) for event in causes for one in plan(event, self._library.rulebook)], causes)

    async def look_again(self, connection: Connection) -> int:
        """Decide again what is due, as much as fits a transaction. Returns how many rows that were."""
        due = await undecided_store.take_due(connection, self._at_once, DUE_BYTES)
        while due:
            try:
                await self._decide_again(connection, due)
                break
            except TooMuch as error:
                if len(due) == 1:
                    await self._postpone(connection, due[0], error)
                    break
                due = due[: len(due) // 2]
        return len(due)

    async def _decide_again(self, connection: Connection, due: Sequence[Undecided]) -> None:
        """One that can't be decided must stop neither the others nor the directory record that woke it."""
        try:
            async with connection.transaction():
                await self._decide(connection, [look_again(one, self._library.rulebook) for one in due])
        except Exception as error:
            refusal = at_fault(as_refusal(error))
            if refusal is None:
                raise
            if len(due) > 1:
                for one in due:
                    await self._decide_again(connection, [one])
                return
            await self._postpone(connection, due[0], refusal.detail)

    @staticmethod
    async def _postpone(connection: Connection, one: Undecided, why: object) -> None:
        log.error("an undecided event can't be decided", cause=one.event.id, rule=one.rule, error=str(why))
        await undecided_store.postpone(connection, one.event.identity, one.rule, f"can't be decided: {why}")

    async def _decide(self, connection: Connection, cases: Sequence[Case], order: Sequence[Event] = ()) -> None:
        found = await directory_store.load(connection, wanted(case.plan for case in cases))
        now = clock.now()
        resolved = [resolve_case(case, found, now) for case in cases]
        if (claims := sum(map(weight, resolved))) > MOST_CLAIMS:
            raise TooMuch(f"{claims} claims, for each of its lines and people")
        claimings = list(map(claiming, resolved))
        keys = set(itertools.chain.from_iterable(one.keys for one in claimings))
        outcome = decide(claimings, await store.load_claims(connection, keys) if keys else set())
        void = await withdraw(connection, outcome, order, self._library.rulebook) if outcome.withdrawals else []
        if void:
            failpoints.reach("rules.voided")
        await self._save(connection, outcome, void, await self._going(connection, outcome, now))
        waits = {(*plan.event.identity, plan.rule_name) for plan, _ in outcome.undecided}
        decided = [one.undecided for one in cases if one.undecided and (*one.undecided.event.identity, one.undecided.rule) not in waits]
        if decided:
            await undecided_store.settle(connection, decided)
            failpoints.reach("rules.settled")

    async def _going(self, connection: Connection, outcome: Outcome, now: datetime) -> dict[str, Delivery]:
        """Message id → how its mail goes, where that is not at once."""
        people = mailing.recipients(outcome.messages.values())
        known = await preferences_store.load(connection, people) if people else {}
        return mailing.deliveries(outcome.messages.values(), known, now)

    async def _save(self, connection: Connection, outcome: Outcome, void: Sequence[Void], going: dict[str, Delivery]) -> None:
        if outcome.claims and await store.take_claims(connection, outcome.claims) < len(outcome.claims):
            raise Retry  # another instance claimed one of these after we had looked
        failpoints.reach("rules.claimed")
        if outcome.undecided:
            await undecided_store.keep(connection, outcome.undecided, self._waits)
            failpoints.reach("rules.undecided")
        identified = {decision.decision: decision for decision in mailing.explained(outcome.decisions, outcome.messages, going)}
        new = await store.save_decisions(connection, list(identified.items())) if identified else set()
        # One by one: each of many people is told what may be a long list, and the outbox says when it is too much for our memory.
        messages = (mailing.requested(message, going.get(id_, AT_ONCE), self._key) for id_, message in outcome.messages.items())
        made = (letters.made(one) for id_, one in identified.items() if id_ in new)
        await outbox.add(connection, itertools.chain(messages, map(letters.withdrawn, void), made))
        failpoints.reach("rules.saved")
