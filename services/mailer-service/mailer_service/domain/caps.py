"""How many mails may set out within a period: to one recipient, for one order, of one tenant. What is beyond waits for the next one."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from mailer_service.domain.messages import CORRESPONDENCE

NO_LIMIT = 2**31 - 1
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
        apart = "people:" if candidate.message_type in BY_PEOPLE else ""
        counted = {"recipient": candidate.address.lower(), "order": candidate.order_id, "tenant": ""}
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
    """A counter as the database has it, these candidates added already."""

    used: int
    waiting: bool
    began: datetime


@dataclass(slots=True)
class Admission:
    """What became of candidates: who sets out, what holds the others; `refunds` were counted and don't set out. `began`: the period."""

    began: datetime
    admitted: list[str] = field(default_factory=list)
    over: dict[str, Key] = field(default_factory=dict)
    refunds: Counter[Key] = field(default_factory=Counter)


def wanted(caps: Caps, candidates: Iterable[Candidate]) -> Counter[Key]:
    """How much of each counter they would use together."""
    return Counter(key for candidate in candidates for key in caps.keys(candidate))


def admit(caps: Caps, candidates: Sequence[Candidate], counters: Mapping[Key, Used], released: Key | None = None) -> Admission:
    """Who sets out, in this order: who finds room in all that it counts against, and nobody waiting there but at `released`."""
    asked = wanted(caps, candidates)
    room = {key: caps.of(key.scope, key.tenant) - (counters[key].used - number) for key, number in asked.items()}
    closed = {key for key in asked if counters[key].waiting and key != released}
    found = Admission(max((counter.began for counter in counters.values()), default=NEVER))
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
            found.refunds.update(keys)
    return found
