"""What became of each recipient's mail: the newest word of the mailer stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from commlog_service.domain.addresses import mailbox
from postroom.contracts.errors import Refused
from postroom.contracts.event import Event
from postroom.contracts.outcomes import EnvelopeOutcome

Place = tuple[str, str]
"""A recipient: (send, mailbox)."""

# What the sender is shown. The mailer's other words (sent, deferred, bounced, unknown, held, cancelled) say it themselves.
_SHOWN = {"dead": "failed"}
# What a server has said of a mail for good.
ANSWERED = frozenset({"sent", "bounced"})
# What else can follow under the same attempt; anything else of it came before, and was replayed late.
_FOLLOW = {"sent": ANSWERED, "bounced": ANSWERED, "cancelled": frozenset[str](), "failed": ANSWERED | {"held", "cancelled", "dead"}}


@dataclass(frozen=True, slots=True)
class Standing:
    """What a recipient's row says now, and since when."""

    attempt: int
    changed_at: datetime
    state: str = "queued"
    code: int | None = None
    detail: str = ""


def place(outcome: EnvelopeOutcome) -> Place | None:
    """The recipient an outcome is about; None where the mail was no correspondence."""
    return (outcome.correspondence, mailbox(outcome.address)) if outcome.correspondence else None


@dataclass(frozen=True, slots=True)
class Change:
    """A recipient's new standing, and what the history tells of it: the address, the words of the mailer, the hash of the bytes sent."""

    place: Place
    standing: Standing
    told: dict[str, Any]

    @property
    def send(self) -> str:
        return self.place[0]


def decide(event: Event, standing: Mapping[Place, Standing]) -> Change | None:
    """The row's new standing, or None if this outcome changes nothing: it is older, or not of a correspondence."""
    outcome = event.data
    if not isinstance(outcome, EnvelopeOutcome) or (where := place(outcome)) is None:
        return None
    before = standing.get(where)
    if before is None:
        raise Refused(
            "invalid", f"no correspondence {outcome.correspondence} was sent to {outcome.address} from here", "data.correspondence"
        )
    if _is_older(outcome, before):
        return None
    new = Standing(outcome.attempt, outcome.at, _SHOWN.get(outcome.state, outcome.state), outcome.code, outcome.detail)
    told = {
        **outcome.model_dump(mode="json", include={"address", "message", "envelope", "code", "detail", "attempt", "sha256"}),
        "mailbox": where[1],
        "state": new.state,
    }
    return Change(where, new, told)


def _is_older(outcome: EnvelopeOutcome, before: Standing) -> bool:
    """By its attempt. The topic has an envelope's outcomes in order, and mailers' clocks differ; what is replayed late undoes no reply.

    `sent` stands above the attempts: the first one's 250 may come after the second one was put off.
    """
    if "sent" in (outcome.state, before.state) and outcome.state != before.state:
        return before.state == "sent"
    if outcome.attempt != before.attempt:
        return outcome.attempt < before.attempt
    return outcome.state not in _FOLLOW.get(before.state, {outcome.state})


def decide_all(events: Sequence[Event], standing: Mapping[Place, Standing]) -> list[Change]:
    """The changes of a batch, in its order: each is decided on what the ones before it left."""
    now, changes = dict(standing), []
    for event in events:
        if change := decide(event, now):
            now[change.place] = change.standing
            changes.append(change)
    return changes
