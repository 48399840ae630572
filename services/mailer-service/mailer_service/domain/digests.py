"""One mail a day for who wants it so: its facts, from what was told since the last one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from mailer_service.domain.messages import Message
from postroom.contracts import ids
from postroom.contracts.messages import Cause
from postroom.zones import zone

MESSAGE_TYPE = "digest"
SHOWN, CHARACTERS = 200, 600
_REASONS = {
    "de": "Sie haben Nachrichten dieser Art als tägliche Übersicht gewählt",
    "en": "you chose a daily digest for messages like these",
}


@dataclass(frozen=True, slots=True)
class Reader:
    """To whom a digest goes, as the newest message in it knows them."""

    tenant: str
    person: str
    name: str
    email: str | None
    language: str
    zone: str


def id_of(tenant: str, person: str, moment: datetime) -> str:
    """One person's digest of one moment is one message, however often it is made."""
    return ids.stable(MESSAGE_TYPE, tenant, person, moment.isoformat())


def following(moment: datetime, now: datetime, zone_name: str) -> datetime:
    """The next moment after now at the same hour of the day there."""
    days = max(1, math.ceil((now - moment) / timedelta(days=1)))
    return (moment.astimezone(zone(zone_name)) + timedelta(days=days)).astimezone(UTC)


def entry(row: Any, subject: str, text: str) -> dict[str, Any]:
    """One message in it; the whole text is in the inbox."""
    return {
        "message": row["id"],
        "message_type": row["message_type"],
        "subject": subject,
        "text": text if len(text) <= CHARACTERS else text[: CHARACTERS - 1].rstrip() + "…",
        "created_at": row["created_at"].isoformat(),
        "order_number": row["order_number"],
    }


def message(reader: Reader, moment: datetime, entries: Sequence[dict[str, Any]], more: int) -> Message:
    """The digest as a message; `more` is how many are not among `entries`."""
    id_ = id_of(reader.tenant, reader.person, moment)
    day = moment.astimezone(zone(reader.zone)).date()
    return Message(
        id=id_,
        tenant=reader.tenant,
        message_type=MESSAGE_TYPE,
        person=reader.person,
        name=reader.name,
        email=reader.email,
        language=reader.language,
        zone=reader.zone,
        hop="",
        reason=_REASONS["de" if reader.language.partition("-")[0] == "de" else "en"],
        order_id=None,
        order_number="",
        key=id_,
        cause=Cause(emitter="mailer-service", source="mailer-service", id=id_, type=MESSAGE_TYPE).model_dump(),
        cause_id=id_,
        correspondence=None,
        facts={"day": day.isoformat(), "entries": list(entries), "more": more},
        unmailed="",
    )
