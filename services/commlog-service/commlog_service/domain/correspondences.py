"""A correspondence: the logs it froze, and each click on Send."""

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson

from commlog_service.domain.addresses import mailbox
from commlog_service.domain.logs import SOURCE, Log
from commlog_service.domain.orders import Order, Person
from postroom.contracts import event
from postroom.contracts.commlog import Attachment, Author, Blob, CorrespondenceRecipient, CorrespondenceRequested, FrozenLog, FrozenLogs
from postroom.contracts.errors import Refused
from postroom.contracts.event import Event
from postroom.contracts.fields import Part

MAX_SUBJECT = 500
MAX_DOCUMENTS = 100
DOCUMENT_BYTES = 10 * 1024 * 1024
TOTAL_BYTES = 20 * 1024 * 1024
_SUBJECTS = {"en": "Purchase order {number}: communication log", "de": "Bestellung {number}: Kommunikationseintrag"}
# Characters that end a line somewhere: a subject with one could become a header.
_LINE_ENDS = {"Cc", "Cs", "Zl", "Zp"}


class Correspondence(Part):
    """An open window: `logs` are the frozen ids, `contacts` and `documents` what was offered when it opened."""

    id: str
    tenant: str
    order_id: str
    side: str
    person: str
    scope: str
    logs: list[str]
    subject: str
    contacts: list[Person]
    documents: list[dict[str, Any]]
    opened_at: datetime


class Send(Part):
    """One click on Send, whole: what was asked for, by whom, to whom, with which bytes."""

    id: str
    correspondence: Correspondence
    order: Order
    entry: int
    sender: Author
    reply_to: str | None
    subject: str
    frozen: Blob
    documents: list[Attachment]
    recipients: list[CorrespondenceRecipient]
    attach_pdf: bool
    language: str = "en"
    zone: str = "UTC"
    requested_at: datetime

    @property
    def fingerprint(self) -> str:
        """The same for two clicks that would send the same to the same people."""
        return sha256(
            orjson.dumps(
                [
                    self.sender.person,
                    self.correspondence.logs,
                    sorted(mailbox(one.address) for one in self.recipients),
                    self.subject,
                    sorted([one.document, one.sha256] for one in self.documents),
                    self.attach_pdf,
                    self.language,
                ]
            )
        ).hexdigest()


def chosen(logs: Sequence[Log], scope: str, latest: str | None) -> list[str]:
    """The ids that the window freezes: the log just saved, pinned by its id, or all in their order. What was erased has nothing to send."""
    there = [log.log for log in logs if not log.erased]
    if scope == "all":
        if not there:
            raise Refused("no_logs", "There is no log on this order yet: write one first.", "scope")
        return there
    if not latest:
        raise Refused("invalid", "Say which log: `log` is the id of the one just saved.", "log")
    if latest not in there:
        raise Refused("unknown_log", "There is no such log on this order.", "log")
    return [latest]


def default_subject(order: Order, language: str = "en") -> str:
    """What the subject says unless it is edited: English, but for those who read German."""
    pattern = _SUBJECTS.get(language.partition("-")[0].lower(), _SUBJECTS["en"])
    return pattern.format(number=order.number)


def checked_subject(text: str) -> str:
    """The subject, or Refused: it may not be empty, too long or hold a line break."""
    if any(unicodedata.category(character) in _LINE_ENDS for character in text):
        raise Refused("invalid", "The subject holds a line break or control character: write it in one line. Nothing was sent.", "subject")
    if not text.strip():
        raise Refused("invalid", "The subject is missing: write one. Nothing was sent.", "subject")
    if len(text.strip()) > MAX_SUBJECT:
        raise Refused("invalid", f"The subject has {len(text.strip())} characters; it may have {MAX_SUBJECT}. Nothing was sent.", "subject")
    return text.strip()


def checked_zone(name: str) -> str:
    """The time zone that times are written in, or Refused."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: "Europe" is a folder of zones
        told = f"There is no time zone {name[:60]!r}: give its IANA name, such as Europe/Vienna. Nothing was sent."
        raise Refused("invalid", told, "zone") from error
    return name


def checked_documents(ids: Sequence[str]) -> list[str]:
    """The chosen documents, each once."""
    found = list(dict.fromkeys(ids))
    if len(found) > MAX_DOCUMENTS:
        raise Refused("too_many_documents", f"{len(found)} documents; one correspondence takes {MAX_DOCUMENTS}.", "documents")
    return found


def oversize(sizes: Sequence[tuple[str, int]]) -> str | None:
    """Why one of these documents (filename, bytes) can't be sent at all, or None."""
    for filename, size in sizes:
        if size > DOCUMENT_BYTES:
            return f"{filename} has {size} bytes; a document may have {DOCUMENT_BYTES}. Untick it. Nothing was sent."
    return None


def links(sizes: Sequence[int]) -> list[bool]:
    """Which documents of these sizes go as a link instead of an attachment: in the chosen order, each that finds no room in the mail."""
    found, room = list[bool](), TOTAL_BYTES
    for size in sizes:
        found.append(size > room)
        room -= 0 if found[-1] else size
    return found


def packed(documents: Sequence[Attachment]) -> list[Attachment]:
    """The documents as they go out."""
    marks = links([one.size for one in documents])
    return [one.model_copy(update={"link": link}) for one, link in zip(documents, marks, strict=True)]


def freeze(order: Order, logs: Sequence[Log], subject: str, language: str, zone: str) -> FrozenLogs:
    """What the mail and the PDF show; Refused where a log was erased since the window froze it."""
    if any(log.erased for log in logs):
        raise Refused("erased", "A log of this window was erased since it was opened: open another. Nothing was sent.", "logs")
    return FrozenLogs(
        order=order.ref,
        buyer=order.buyer_name,
        subject=subject,
        language=language,
        zone=zone,
        logs=[FrozenLog.model_validate(log.model_dump()) for log in logs],
    )


def requested(send: Send) -> Event:
    """CorrespondenceRequested; its id is the send's, so that one click is one correspondence."""
    fact = CorrespondenceRequested(
        correspondence=send.id,
        order=send.order.ref,
        buyer=send.order.buyer_name,
        subject=send.subject,
        sender=send.sender,
        reply_to=send.reply_to,
        scope=send.correspondence.scope,
        logs=send.frozen,
        log_count=len(send.correspondence.logs),
        documents=send.documents,
        recipients=send.recipients,
        attach_pdf=send.attach_pdf,
        language=send.language,
        zone=send.zone,
        requested_at=send.requested_at,
    )
    return event.new(
        fact,
        source=SOURCE,
        subject=send.order.id,
        tenant=send.order.tenant,
        id=send.id,
        company=send.order.buyer,
        actor=send.sender.person,
        aggregateversion=send.entry,
    )
