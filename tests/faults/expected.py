"""What the accepted records lead to, by the oracle alone: a pure function, without a line of the services' code."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tests.faults import cast, versions
from tests.faults.ledger import MARK
from tests.faults.load import EMITTER, PAPERS, TOPIC
from tests.oracle.seed import oracle_of

DAY = date(2026, 11, 23)
Place = tuple[str, int, int]
Identity = tuple[str, str, str]
Owed = tuple[str, str]
"""(address, mark)"""


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
    """`owed`: (address, mark) → message type; `processed`: the identities with an effect; `refused`: where a record must be parked."""

    owed: dict[Owed, str] = field(default_factory=dict)
    processed: set[Identity] = field(default_factory=set)
    refused: set[Place] = field(default_factory=set)


def expected(records: Sequence[Accepted]) -> Expected:
    """Records in their partitions' order; what one says first under an id is what counts."""
    found, oracle = Expected(), oracle_of(cast.people(), DAY)
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
            found.owed[cast.address(letter.person), mark] = letter.message_type
    return _with_papers(found, records)


def _with_papers(found: Expected, records: Sequence[Accepted]) -> Expected:
    """ "the quantity delivered recorded in the delivery note differs": the contract's contact is told of each short despatch advice."""
    for record in records:
        if record.topic == PAPERS and b"<DespatchAdvice " in record.value:
            found.owed[cast.address(cast.KEEPER), _mark_of(record)] = "wrong-delivery"
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
