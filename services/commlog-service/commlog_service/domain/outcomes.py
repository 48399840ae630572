"""What became of each recipient's mail: the newest word of the mailer stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from commlog_service.domain.addresses import mailbox
from postroom.contracts.errors import Refused
from postroom.contracts.event import Event
from postroom.contracts.outcomes import EnvelopeOutcome

Place = tuple[str, str]
"""A recipient: (send, mailbox)."""

# What the sender is shown. The mailer's other words (sent, deferred, bounced, unknown, held, cancelled) say it themselves.
_SHOWN = {"dead": "failed"}


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


def decide(event: Event, standing: Mapping[Place, Standing]) -> tuple[Place, Standing] | None:
    """The row's new standing, or None if this outcome changes nothing: it is older, or not of a correspondence."""
    outcome = event.data
    if not isinstance(outcome, EnvelopeOutcome) or (where := place(outcome)) is None:
        return None
    before = standing.get(where)
    if before is None:
        raise Refused(
            "invalid", f"no correspondence {outcome.correspondence} was sent to {outcome.address} from here", "data.correspondence"
        )
    if (outcome.attempt, outcome.at) < (before.attempt, before.changed_at):
        return None
    return where, Standing(outcome.attempt, outcome.at, _SHOWN.get(outcome.state, outcome.state), outcome.code, outcome.detail)
