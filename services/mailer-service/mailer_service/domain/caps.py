"""How many mails may set out within a period: to one recipient, for one order, of one tenant. What is beyond waits for the next one."""

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import md5
from typing import NamedTuple

from mailer_service.domain.messages import CORRESPONDENCE

NO_LIMIT = 2**31 - 1
BUCKETS, CROSSED, PEOPLE = 128, 2**30, "people:"
# What a person has just sent. It is counted apart: a machine's flood doesn't use up what people may send, nor the other way round.
BY_PEOPLE = frozenset({CORRESPONDENCE, "forwarded-message"})
_OF = {"recipient": "to this address", "order": "for this order", "tenant": "of this tenant"}
HOUR = timedelta(hours=1)
NEVER = datetime.min.replace(tzinfo=UTC)


class Key(NamedTuple):
    """What is counted together; `key` is the address or the order, '' for the tenant."""

    scope: str
    tenant: str
    key: str

    @property
    def of_tenant(self) -> "Key":
        """The counter of its tenant, with what people send apart."""
        return Key("tenant", self.tenant, PEOPLE if self.key.startswith(PEOPLE) else "")

    @property
    def place(self) -> int:
        """Where in the sieve it is."""
        return (BUCKETS if self.scope == "order" else 0) + bucket(self.key.removeprefix(PEOPLE))

    @property
    def reason(self) -> str:
        """The hold_reason of what it holds."""
        return f"cap_{self.scope}"


@dataclass(frozen=True, slots=True)
class Caps:
    """The most mails a `period`; 0 is no cap. `tenants` has those of single tenants."""

    period: timedelta = HOUR
    recipient: int = 0
    order: int = 0
    tenant: int = 0
    tenants: Mapping[str, int] = field(default_factory=dict)

    def of(self, scope: str, tenant: str) -> int:
        """The most of this; NO_LIMIT where there is no cap."""
        limit: int = self.tenants.get(tenant, self.tenant) if scope == "tenant" else getattr(self, scope)
        return limit or NO_LIMIT

    def keys(self, candidate: "Candidate") -> list[Key]:
        """What this envelope counts against, in the order in which a cap is named; what has no cap is not counted."""
        apart = PEOPLE if candidate.message_type in BY_PEOPLE else ""
        counted = {"recipient": candidate.address, "order": candidate.order_id, "tenant": ""}
        return [
            Key(scope, candidate.tenant, apart + key)
            for scope, key in counted.items()
            if key is not None and self.of(scope, candidate.tenant) < NO_LIMIT
        ]

    def detail(self, key: Key, began: datetime) -> str:
        """Which cap holds, and when it lets go."""
        often = "an hour" if self.period == HOUR else f"in {self.period.total_seconds():g} s"
        until = began + self.period
        most = f"more than {self.of(key.scope, key.tenant):,} mails {often} {_OF[key.scope]}"
        return f"{most}; goes by itself, in order, from {until:%Y-%m-%d %H:%M:%S} UTC on"


@dataclass(frozen=True, slots=True)
class Candidate:
    """An envelope that has not been counted yet."""

    id: str
    tenant: str
    address: str
    order_id: str | None
    message_type: str


@dataclass(frozen=True, slots=True)
class Used:
    """A counter as the database has it, these candidates added already; not `exact`: it is certain only that there is room."""

    used: int
    waiting: bool
    began: datetime
    exact: bool = True


@dataclass(frozen=True, slots=True)
class OfTenant:
    """A tenant's counter, locked; `anybody`: somebody waits at one of the tenant's counters."""

    used: Used
    sieve: bytes
    anybody: bool


@dataclass(slots=True)
class Admission:
    """What became of candidates: who sets out, what holds the others; `refunds` were counted and don't set out. `began`: the period."""

    began: datetime
    admitted: list[str] = field(default_factory=list)
    over: dict[str, Key] = field(default_factory=dict)
    refunds: Counter[Key] = field(default_factory=Counter)


def bucket(key: str) -> int:
    """As `get_byte(decode(md5(key), 'hex'), 0) % 128` in SQL."""
    return md5(key.encode(), usedforsecurity=False).digest()[0] % BUCKETS


@dataclass(slots=True)
class Sieve:
    """Sums by place; `hot` where one of the keys there may be beyond its cap, `crossed` where that has come with these."""

    sums: "array[int]"
    hot: set[Key] = field(default_factory=set)
    crossed: set[tuple[str, int]] = field(default_factory=set)


def sieve(caps: Caps, stored: bytes, asked: Mapping[Key, int]) -> Sieve:
    """Add these recipients and orders of one tenant. A place that was crossed stays so for the period, whatever the caps are later."""
    found = Sieve(array("I", stored or bytes(2 * BUCKETS * array("I").itemsize)))
    for key, number in asked.items():
        found.sums[key.place] += number
    found.hot = {key for key in asked if found.sums[key.place] > caps.of(key.scope, key.tenant)}
    for place, scope in {key.place: key.scope for key in found.hot}.items():
        if found.sums[place] < CROSSED:
            found.sums[place] += CROSSED
            found.crossed.add((scope, place % BUCKETS))
    return found


def wanted(caps: Caps, candidates: Iterable[Candidate]) -> Counter[Key]:
    """How much of each counter they would use together."""
    return Counter(key for candidate in candidates for key in caps.keys(candidate))


def admit(caps: Caps, candidates: Sequence[Candidate], counters: Mapping[Key, Used], released: Key | None = None) -> Admission:
    """Who sets out, in this order: who finds room in all that it counts against, and nobody waiting there but at `released`."""
    asked = wanted(caps, candidates)
    found = Admission(max((counter.began for counter in counters.values()), default=NEVER))
    if all(counters[key].used <= caps.of(key.scope, key.tenant) and (key == released or not counters[key].waiting) for key in asked):
        found.admitted = [candidate.id for candidate in candidates]
        return found
    room = {key: caps.of(key.scope, key.tenant) - (counters[key].used - number) for key, number in asked.items()}
    closed = {key for key in asked if counters[key].waiting and key != released}
    for candidate in candidates:
        keys = caps.keys(candidate)
        full = next((key for key in keys if key in closed or room[key] <= 0), None)
        if full is None:
            found.admitted.append(candidate.id)
            for key in keys:
                room[key] -= 1
        else:
            closed.add(full)
            found.over[candidate.id] = full
            found.refunds.update(key for key in keys if counters[key].exact)
    return found
