"""A whole event as one JSON document, from which it can be decided again."""

from datetime import datetime
from typing import Any

from postroom.contracts import versions
from postroom.contracts.event import Event
from postroom.contracts.facts import FACTS

_ATTRIBUTES = (
    "emitter",
    "source",
    "id",
    "type",
    "subject",
    "key",
    "tenant",
    "hash",
    "company",
    "actor",
    "correlationid",
    "causesource",
    "causeid",
    "aggregateversion",
    "traceparent",
)


def as_json(event: Event) -> dict[str, Any]:
    """Everything that `as_event` needs."""
    attributes = {name: getattr(event, name) for name in _ATTRIBUTES}
    return {**attributes, "time": event.time.isoformat(), "data": event.data.model_dump(mode="json")}


def as_event(document: dict[str, Any]) -> Event:
    """The event, its data in today's shape of its contract."""
    type_, data = versions.lifted(document["type"], document["data"])
    changed = {"type": type_, "time": datetime.fromisoformat(document["time"]), "data": FACTS[type_].model_validate(data)}
    return Event(**{**document, **changed})
