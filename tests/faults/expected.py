"""What the accepted records lead to, by the oracle alone: a pure function, without a line of the services' code."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tests.faults import cast, versions
from tests.faults.ledger import MARK
from tests.faults.load import EMITTER, PAPERS, TOPIC
from tests.oracle.letters import Void
from tests.oracle.seed import oracle_of
from tests.oracle.talk import Deed, Hired, consequences

DAY = date(2026, 11, 23)
Place = tuple[str, int, int]
Identity = tuple[str, str, str]
Owed = tuple[str, str]
"""(address, mark)"""
Told = tuple[str, str, str]
"""(person, message type, mark)"""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A record as it lies in Kafka."""

    topic: str
    partition: int
    offset: int
    key: bytes
    headers: tuple[tuple[str, bytes], ...]
    value: bytes

    @property
    def place(self) -> Place:
        return (self.topic, self.partition, self.offset)

    def header(self, name: str) -> str:
        return next((value.decode("utf-8", "replace") for key, value in self.headers if key == name), "")


@dataclass
class Expected:
    """`owed`: (address, mark) → message type; `processed`: the identities with an effect; `refused`: where a record must be parked.

    `void`: of what is owed, what a later record has made void: sent, if it was on its way by then, or cancelled. `inbox`: (person, message
    type, mark) of each message that lies in an inbox. The others: what people's own deeds lead to (oracle/talk.py).
    """

    owed: dict[Owed, str] = field(default_factory=dict)
    processed: set[Identity] = field(default_factory=set)
    refused: set[Place] = field(default_factory=set)
    void: set[Owed] = field(default_factory=set)
    inbox: set[Told] = field(default_factory=set)
    attached: dict[Owed, frozenset[str]] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)
    reviews: dict[str, str] = field(default_factory=dict)
    erased: int = 0
    orders: set[str] = field(default_factory=set)


class Standing:
    """What was told and may become void: (message type, what it is about) → the letters that speak of it, each with what is left of it."""

    def __init__(self) -> None:
        self._of: defaultdict[tuple[str, str], list[tuple[Owed, set[str]]]] = defaultdict(list)

    def told(self, owed: Owed, message_type: str, event: Any, items: frozenset[str]) -> None:
        order = event["data"].get("order")
        left = {f"{order['id']}/{item}" for item in items} if order else set(items)
        for about in left:
            self._of[message_type, about].append((owed, left))

    def void(self, voids: Iterable[Void]) -> Iterator[Owed]:
        """Those of which nothing is left now."""
        for one in voids:
            for owed, left in self._of.pop((one.message_type, one.about), ()):
                left.discard(one.about)
                if not left:
                    yield owed


def expected(records: Sequence[Accepted], deeds: Mapping[str, Deed] | None = None) -> Expected:
    """Records in their partitions' order; what one says first under an id is what counts. `deeds`: what people did besides, by mark."""
    people = cast.people()
    for deed in (deeds or {}).values():
        if isinstance(deed, Hired):
            people.add(deed.person)
    found, oracle, standing = Expected(), oracle_of(people, DAY), Standing()
    said: dict[Identity, Any] = {}
    for record in sorted((one for one in records if one.topic == TOPIC), key=lambda one: one.place):
        data = _readable(record)
        if data is None:
            found.refused.add(record.place)
            continue
        identity = (EMITTER, record.header("ce_source"), record.header("ce_id"))
        content = (record.header("ce_type"), record.header("ce_subject"), data)
        if identity in said:
            if said[identity] != content:
                found.refused.add(record.place)
            continue
        said[identity] = content
        found.processed.add(identity)
        type_, data = versions.as_today(content[0], data)
        event = {"type": type_, "data": data, "company": record.header("ce_company"), "emitter": EMITTER}
        mark = _mark_of(record)
        for letter in oracle.letters(event):
            owed = (cast.address(letter.person), mark)
            found.owed[owed] = letter.message_type
            found.inbox.add((letter.person, letter.message_type, mark))
            standing.told(owed, letter.message_type, event, letter.items)
        found.void.update(standing.void(oracle.voids(event)))
    return _with_talk(_with_papers(found, records), dict(deeds or {}))


def _with_papers(found: Expected, records: Sequence[Accepted]) -> Expected:
    """ "the quantity delivered recorded in the delivery note differs": the contract's contact is told of each short despatch advice."""
    for record in records:
        if record.topic == PAPERS and b"<DespatchAdvice " in record.value:
            found.owed[cast.address(cast.KEEPER), _mark_of(record)] = "wrong-delivery"
            found.inbox.add((cast.KEEPER, "wrong-delivery", _mark_of(record)))
    return found


def _with_talk(found: Expected, deeds: dict[str, Deed]) -> Expected:
    led_to = consequences(deeds)
    found.owed |= dict.fromkeys(led_to.mails, "correspondence")
    found.owed |= {(cast.address(person), mark): message_type for person, message_type, mark in led_to.told}
    found.attached, found.logs, found.reviews = led_to.mails, led_to.logs, led_to.reviews
    found.erased, found.orders = led_to.erased, led_to.orders
    found.inbox |= led_to.inbox
    return found


def _readable(record: Accepted) -> Any:
    """What the event says; None if it can't be read or is of no known type."""
    if not record.header("ce_specversion") or record.header("ce_type") == "NoSuchThing.v1":
        return None
    try:
        return json.loads(record.value)
    except ValueError:
        return None


def _mark_of(record: Accepted) -> str:
    match = MARK.search(record.value.decode("utf-8", "replace"))
    return match[0] if match else ""
