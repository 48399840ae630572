"""A communication log: what may be written, and the event that tells of it."""

import unicodedata
from datetime import datetime

from commlog_service.domain.orders import Order
from postroom.contracts import event
from postroom.contracts.commlog import Author, FrozenLog, LogCreated
from postroom.contracts.errors import Refused
from postroom.contracts.event import Event
from postroom.contracts.fields import Part
from postroom.contracts.mail import ReceivedFile

SOURCE = "commlog-service"
DEFAULT_TYPES = ["General", "Delivery", "Price", "Quality", "Documents"]
MAX_MESSAGE = 20_000
MAX_TYPE = 60
BY_MAIL = "e-mail"


class TenantSettings(Part):
    """What a tenant has chosen: the types of its logs, and whether the client sees logs that were saved and not sent."""

    log_types: list[str] = DEFAULT_TYPES
    visible_unsent: bool = True


class Acceptance(Part):
    """Who let a reply that was held join the thread."""

    person: str
    name: str


class Log(FrozenLog):
    """A log on its order: `entry` is its place in the order's history, `sent` whether a correspondence has carried it.

    A reply by mail may have attachments, which are no documents of the order; `accepted_by` says who let it in, had it been held.
    `erased`: its text was blanked (docs/history.md); that it was there stays.
    """

    entry: int
    sent: bool = False
    erased: bool = False
    attachments: list[ReceivedFile] = []
    accepted_by: Acceptance | None = None


def checked_text(text: str, field: str, longest: int) -> str:
    """The text without surrounding blanks, or Refused naming the field. NUL and lone surrogates can't be stored."""
    stripped = text.strip()
    if not stripped:
        raise Refused("invalid", f"The {field} is missing: write one.", field)
    if len(stripped) > longest:
        raise Refused("invalid", f"The {field} has {len(stripped)} characters; it may have {longest}.", field)
    if any(unicodedata.category(character) in {"Cc", "Cs"} and character not in "\n\r\t" for character in stripped):
        raise Refused("invalid", f"The {field} holds a control character: type it again without it.", field)
    return stripped


def checked_type(name: str, known: list[str]) -> str:
    """The type as the tenant spells it, or Refused with the types there are."""
    if not name.strip():
        raise Refused("invalid", f"The type is missing: choose one of {', '.join(known)}.", "type")
    for one in known:
        if one.casefold() == name.strip().casefold():
            return one
    raise Refused("invalid", f"There is no log type {name.strip()[:MAX_TYPE]!r}: choose one of {', '.join(known)}.", "type")


def checked_types(names: list[str]) -> list[str]:
    """A tenant's new list of types: at least one, none twice."""
    found = [checked_text(name, "types", MAX_TYPE) for name in names]
    if not found:
        raise Refused("invalid", "Name at least one log type: without one nobody could write a log.", "types")
    if len({name.casefold() for name in found}) != len(found):
        raise Refused("invalid", "A log type stands twice in the list.", "types")
    return found


def write(log_id: str, author: Author, type_: str, message: str, entry: int, *, known: list[str], at: datetime) -> Log:
    """The new log, or Refused naming what is missing."""
    return Log(
        log=log_id,
        log_type=checked_type(type_, known),
        message=checked_text(message, "message", MAX_MESSAGE),
        author=author,
        created_at=at,
        entry=entry,
    )


def created(order: Order, log: Log, settings: TenantSettings) -> Event:
    """LogCreated, for the other side's people; its id is the log's, so that a retry can't tell it twice."""
    fact = LogCreated(
        log=log.log,
        order=order.ref,
        log_type=log.log_type,
        message=log.message,
        author=log.author,
        created_at=log.created_at,
        visible_to_other_side=log.author.side == "client" or settings.visible_unsent or log.origin == BY_MAIL,
        notify=order.others(log.author.side)[:500],
    )
    return event.new(
        fact,
        source=SOURCE,
        subject=order.id,
        tenant=order.tenant,
        id=log.log,
        company=order.buyer,
        actor=log.author.person,
        aggregateversion=log.entry,
    )
