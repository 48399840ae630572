"""A person decides what becomes of a mail whose reply was lost: it is sent once more, it arrived, or it is left."""

from collections.abc import Sequence
from typing import Literal

from mailer_service import outcomes
from mailer_service.rows import Row
from mailer_service.store import envelopes
from mailer_service.store import unknown as store
from postroom import outbox
from postroom.auth import Principal
from postroom.db import Connection

Decision = Literal["resend", "arrived", "leave"]
Chosen = tuple[str, int]
"""(envelope, attempt): what the person saw. A later attempt is another question."""
STATES: dict[Decision, str] = {"resend": "pending", "arrived": "sent", "leave": "cancelled"}


async def decide(connection: Connection, who: Principal, decision: Decision, reason: str, chosen: Sequence[Chosen]) -> dict[Chosen, str]:
    """Carry it out, once each, with its outcome told; → why not, for those that are something else by now."""
    if not chosen:
        return {}
    standing = await store.standing(connection, chosen)
    refused = {one: why for one in chosen if (why := _refusal(standing.get(one), decision))}
    fresh = [one for one in chosen if one not in refused and not standing[one]["decision"]]
    if not fresh:
        return refused
    moved = await store.move(connection, [envelope for envelope, _ in fresh], STATES[decision], _detail(decision, reason, who.person))
    await store.note(connection, [(row["id"], row["attempts"], row["tenant"]) for row in moved], decision, reason, who.person)
    if decision == "resend":
        await envelopes.wake_senders(connection)
    else:
        told = [
            outcomes.outcome(
                {**row, "message": row["message"]},
                envelope=row["id"],
                address=row["address"],
                person=row["person"],
                state=STATES[decision],
                attempt=row["attempts"],
                detail=row["detail"],
            )
            for row in moved
        ]
        await outbox.add(connection, told)
    return refused


def _detail(decision: Decision, reason: str, person: str) -> str:
    said = {"resend": "sent once more", "arrived": "arrived", "leave": "left unsent"}[decision]
    return f"{said}, by the word of {person}{f': {reason}' if reason else ''}"


def _refusal(row: Row | None, decision: Decision) -> str:
    """Empty where it can be decided, or has been decided so already."""
    if row is None:
        return "there is no such envelope"
    if row["decision"]:
        said = f"{row['person']} decided it on {row['decided_at']:%Y-%m-%d %H:%M} UTC: {row['decision']}"
        return "" if row["decision"] == decision else said
    if row["state"] != "unknown" or row["attempts"] != row["attempt"]:
        return f"it is {row['state']} at attempt {row['attempts']} since {row['changed_at']:%Y-%m-%d %H:%M} UTC"
    return ""
