"""An event as the code holds it: the CloudEvents attributes and one typed fact."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import uuid4

from postroom import clock
from postroom.contracts.fields import Fact


@dataclass(frozen=True, slots=True)
class Event:
    """One CloudEvent. (emitter, source, id) is its identity; `hash` tells whether the same id says the same again.

    `written_at` is when its record came to Kafka, by the broker's clock; it is no part of what the event says.
    """

    emitter: str
    source: str
    id: str
    type: str
    time: datetime
    subject: str
    key: str
    tenant: str
    data: Fact
    hash: str
    company: str | None = None
    actor: str | None = None
    correlationid: str | None = None
    causesource: str | None = None
    causeid: str | None = None
    aggregateversion: int | None = None
    traceparent: str | None = None
    written_at: datetime | None = field(default=None, compare=False)

    @property
    def identity(self) -> tuple[str, str, str]:
        """What the intake knows it by."""
        return (self.emitter, self.source, self.id)


def content_hash(type_: str, subject: str, data: Any) -> str:
    """sha256 over the canonical JSON of what the event says; its time and trace are no part of that.

    The standard library's json, since orjson refuses integers beyond 64 bits and lone surrogates, and a hash must not.
    """
    return sha256(json.dumps([type_, subject, data], sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def new(  # noqa: PLR0913 - the attributes of a CloudEvent, each by name
    data: Fact,
    *,
    source: str,
    subject: str,
    tenant: str,
    key: str | None = None,
    id: str | None = None,  # noqa: A002 - CloudEvents calls it id
    company: str | None = None,
    actor: str | None = None,
    aggregateversion: int | None = None,
    cause: Event | None = None,
) -> Event:
    """A new event of ours. Give `id` (ids.stable) where a retry must not make a second one; `key` is the subject unless given."""
    return Event(
        emitter=source,
        source=source,
        id=id or str(uuid4()),
        type=data.TYPE,
        time=clock.now(),
        subject=subject,
        key=key or subject,
        tenant=tenant,
        data=data,
        hash=content_hash(data.TYPE, subject, data.model_dump(mode="json")),
        company=company or (cause.company if cause else None),
        actor=actor or (cause.actor if cause else None),
        correlationid=(cause.correlationid or cause.id) if cause else None,
        causesource=cause.source if cause else None,
        causeid=cause.id if cause else None,
        aggregateversion=aggregateversion,
        traceparent=cause.traceparent if cause else None,
    )
