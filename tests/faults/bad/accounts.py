"""What became of bad records: each lies in the intake or among the parked, by its place; where its fate is certain, where it belongs."""

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.faults.bad.records import PARKED, PROCESSED, Bad

Place = tuple[str, int, int]
Identity = tuple[str, str, str]


class _Database(Protocol):
    async def fetch(self, query: str, *args: Any) -> list[Any]: ...


@dataclass
class Books:
    """What a service has written down: the identities it knows, and place → (reason, path) of what it parked, closed again or not."""

    intake: set[Identity]
    parked: dict[Place, tuple[str, str]]
    reasons: Counter[str] = field(default_factory=Counter)


async def books(database: _Database) -> Books:
    """Of one service's database."""
    known = {tuple(row) for row in await database.fetch("SELECT emitter, source, id FROM intake")}
    rows = await database.fetch('SELECT topic, partition, "offset", reason, path FROM parked')
    parked = {(row["topic"], row["partition"], row["offset"]): (row["reason"], row["path"]) for row in rows}
    return Books(known, parked, Counter(reason for reason, _ in parked.values()))


def astray(written: Mapping[Place, Bad], is_known: Callable[[Bad], bool], found: Books) -> Iterator[str]:
    """Each record that is nowhere, or where it does not belong; `is_known` says whether the intake has it."""
    for place, bad in written.items():
        parked, known = place in found.parked, is_known(bad)
        if not parked and not known:
            yield f"neither processed nor parked: {place} {bad.how}"
        elif bad.fate == PARKED and not parked:
            yield f"processed, and must not be: {place} {bad.how}"
        elif bad.fate == PROCESSED and parked:
            yield f"parked as {found.parked[place]}, and nothing is wrong with it: {place} {bad.how}"


def of_owner(owner: str, found: Books) -> Callable[[Bad], bool]:
    """For events: whether the intake knows one under any identity that could be its."""
    return lambda bad: not found.intake.isdisjoint(identities(bad, owner))


def identities(bad: Bad, owner: str) -> set[Identity]:
    """Every identity that a reader could find in it: attributes may stand twice, and in both modes. What is missing is none."""
    told = [(name, (value or b"").decode("utf-8", "replace")) for name, value in bad.headers]
    ids = {value for name, value in told if name == "ce_id"}
    sources = {value for name, value in told if name == "ce_source"}
    with contextlib.suppress(ValueError, RecursionError):
        document = json.loads(bad.value or b"")
        if isinstance(document, dict):
            ids |= {str(one) for one in (document.get("id"),) if isinstance(one, str | int)}
            sources |= {str(one) for one in (document.get("source"),) if isinstance(one, str | int)}
    return {(owner, source, id_) for source in sources for id_ in ids}
