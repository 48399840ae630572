"""A whole event as one JSON document, from which it can be decided again."""

from datetime import datetime
from typing import Any

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
    data = FACTS[document["type"]].model_validate(document["data"])
    return Event(**{**document, "time": datetime.fromisoformat(document["time"]), "data": data})
