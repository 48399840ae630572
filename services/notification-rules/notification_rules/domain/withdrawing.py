"""What became void: of the batch's own messages and of earlier ones, and what is said of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from notification_rules.domain.deciding import ClaimKey, Decision, Outcome
from notification_rules.domain.plan import Withdrawal
from notification_rules.domain.rule import Rule
from notification_rules.domain.undecided import Undecided
from postroom.contracts.event import Event

Thing = tuple[str, str, str]
"""Tenant, message type, and what it is about."""
Pair = tuple[Withdrawal, str, str]
"""A withdrawal, a message, and what of it is void."""
Things = Mapping[Thing, Sequence[Withdrawal]]
"""What a batch withdraws, each thing with who does so, in the batch's order."""
NOTHING = "nothing that was told, or is still to be decided, is void by this"
# Partitions have several brokers' clocks, and are read side by side: what came so little later need not be news.
MARGIN = timedelta(minutes=1)


class Told(NamedTuple):
    """Who got a message; `key` is that of its cause, `written_at` when that came to Kafka, if it is known."""

    message_type: str
    person: str
    hop: str
    language: str
    key: str
    written_at: datetime | None


class Claimed(NamedTuple):
    """A claim that is not withdrawn, with the messages that tell it: all of one event."""

    key: ClaimKey
    about: str
    messages: list[str]

    @property
    def thing(self) -> Thing:
        """As a withdrawal names it."""
        return (*self.key[:2], self.about)


class Open(NamedTuple):
    """What waits undecided, and what of it is not void yet."""

    undecided: Undecided
    message_type: str
    about: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Void:
    """Of this message `about` is void."""

    withdrawal: Withdrawal
    message: str
    about: tuple[str, ...]
    told: Told


@dataclass(frozen=True, slots=True)
class Dropped:
    """Of this undecided event something is void, or all of it."""

    withdrawal: Withdrawal
    event: Event
    rule: Rule | None
    message_type: str


def named(withdrawals: Iterable[Withdrawal]) -> dict[Thing, list[Withdrawal]]:
    """Everything that these withdraw, each with who does so, in the batch's order."""
    found: dict[Thing, list[Withdrawal]] = {}
    for one in withdrawals:
        for message_type in one.message_types:
            found.setdefault((one.event.tenant, message_type, one.about), []).append(one)
    return found


def reaching(withdrawals: Iterable[Withdrawal], written_at: datetime | None) -> Withdrawal | None:
    """The first of these to which what was caused by an event of this moment is no news: one that was parked is replayed late."""
    moments = ((one, one.event.written_at) for one in withdrawals)
    return next((one for one, at in moments if written_at is None or at is None or written_at - MARGIN <= at), None)


def void_claims(things: Things, claimed: Iterable[Claimed], told: Mapping[str, Told]) -> list[tuple[Withdrawal, Claimed]]:
    """Those of these that are void, each with what makes it so; one whose cause nobody knows of any more is."""
    causes = ((one, next((told[message].written_at for message in one.messages if message in told), None)) for one in claimed)
    return [(by, one) for one, written_at in causes if (by := reaching(things[one.thing], written_at))]


def void_of(one: Open, things: Things) -> dict[str, Withdrawal]:
    """What of it is void now, each with what makes it so."""
    event = one.undecided.event
    by = {about: reaching(things.get((event.tenant, one.message_type, about), ()), event.written_at) for about in one.about}
    return {about: withdrawal for about, withdrawal in by.items() if withdrawal}


class Within:
    """Withdraws what an earlier event of the same batch told or left undecided; a later one's is news, and stands."""

    def __init__(self, outcome: Outcome, order: Sequence[Event]) -> None:
        self._outcome = outcome
        self._places = {event.identity: place for place, event in enumerate(order)}
        self._things = named(outcome.withdrawals)

    def messages(self) -> list[Pair]:
        """Marks their claims as void."""
        pairs: list[Pair] = []
        for (tenant, message_type, _), taken in self._outcome.claims.items():
            event = self._outcome.messages[taken.messages[0]].event
            if withdrawal := self._after(event, (tenant, message_type, taken.about)):
                taken.void = True
                pairs += [(withdrawal, message, taken.about) for message in taken.messages]
        return pairs

    def told(self) -> dict[str, Told]:
        """The batch's own messages."""
        return {
            id_: Told(
                one.rule.message_type, one.found.told.person, one.found.hop, one.found.told.language, one.event.key, one.event.written_at
            )
            for id_, one in self._outcome.messages.items()
        }

    def undecided(self) -> list[Dropped]:
        """Takes it away, or marks what of it is void."""
        dropped: list[Dropped] = []
        left = []
        for plan, waiting in self._outcome.undecided:
            message_type = plan.rule.message_type if plan.rule else ""
            void = {one: by for one in waiting.about if (by := self._after(plan.event, (plan.event.tenant, message_type, one)))}
            if len(void) < len(waiting.about) or not void:
                left.append((plan, replace(waiting, void=tuple(void))))
            dropped += [Dropped(by, plan.event, plan.rule, message_type) for by in {id(one): one for one in void.values()}.values()]
        self._outcome.undecided = left
        return dropped

    def _after(self, event: Event, thing: Thing) -> Withdrawal | None:
        place = self._places[event.identity]
        return next((one for one in self._things.get(thing, ()) if self._places[one.event.identity] > place), None)


def voids(pairs: Iterable[Pair], told: Mapping[str, Told]) -> list[Void]:
    """One for each message and event that withdraws something of it; a message nobody knows of any more is left out."""
    found: dict[tuple[str, int], tuple[Withdrawal, dict[str, None]]] = {}
    for withdrawal, message, about in pairs:
        found.setdefault((message, id(withdrawal.event)), (withdrawal, {}))[1][about] = None
    return [Void(by, message, tuple(about), told[message]) for (message, _), (by, about) in found.items() if message in told]


def said(withdrawals: Iterable[Withdrawal], void: Sequence[Void], dropped: Sequence[Dropped]) -> list[Decision]:
    """A decision for each message withdrawn and each event no longer undecided, and for an event that withdrew nothing."""
    decisions = [
        Decision(by.event, by.rule, "withdrawn", by.because.en, one.told.person, one.told.hop, one.message, one.told.message_type)
        for one in void
        for by in (one.withdrawal,)
    ]
    for one in dropped:
        by = one.withdrawal
        undecided = f"{by.because.en}; who is told of {one.event.type} {one.event.id} was not decided yet"
        decisions.append(Decision(by.event, by.rule, "withdrawn", undecided, withdrawn_type=one.message_type))
        because = f"{by.because.en} ({by.event.type} {by.event.id})"
        decisions.append(Decision(one.event, one.rule, "withdrawn", because, withdrawn_type=one.message_type))
    effective = {*(id(one.withdrawal.event) for one in void), *(id(one.withdrawal.event) for one in dropped)}
    idle = {(one.event.identity, one.rule.name): one for one in withdrawals if id(one.event) not in effective}
    return [*decisions, *(Decision(one.event, one.rule, "none", NOTHING) for one in idle.values())]
