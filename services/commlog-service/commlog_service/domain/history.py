"""The order's official history: one line for each thing that happened, in one sequence."""

from datetime import datetime
from typing import Any

from commlog_service.domain.correspondences import Send
from commlog_service.domain.logs import Log
from postroom.contracts.fields import Part


class Entry(Part):
    """A line of the history: `kind` is log or send, `ref` its id."""

    entry: int
    kind: str
    ref: str
    actor: str
    at: datetime
    content: dict[str, Any]


def of_log(log: Log) -> Entry:
    """A log was written."""
    content = log.model_dump(mode="json", include={"log_type", "message", "author"})
    return Entry(entry=log.entry, kind="log", ref=log.log, actor=log.author.person, at=log.created_at, content=content)


def of_send(send: Send) -> Entry:
    """A correspondence was sent: origin, people, subject, logs and documents by hash."""
    kept = {"sender", "subject", "frozen", "documents", "recipients", "attach_pdf", "language", "zone"}
    content = send.model_dump(mode="json", include=kept)
    content["generated_from"] = send.correspondence.id
    content["logs"] = send.correspondence.logs
    return Entry(entry=send.entry, kind="send", ref=send.id, actor=send.sender.person, at=send.requested_at, content=content)
