"""What an operator gives to be checked or tried."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Self

import orjson
from pydantic import Field, model_validator

from notification_rules.api.wishes import Body
from notification_rules.store.decisions import event_by_id
from postroom.auth import Principal
from postroom.contracts import cloudevents, examples, topics
from postroom.contracts.emitters import Emitter
from postroom.contracts.event import Event
from postroom.contracts.record import Record
from postroom.db import Connection
from postroom.http import Problem

_LONGEST = 500_000
# So that type and data alone are enough to try something.
_TRIED = {"specversion": "1.0", "id": "tried", "source": "/tried", "subject": "tried"}


class GivenRules(Body):
    """A file of rules, in the place of the customer's file of this name if there is one. `alone`: a whole table, without the house's."""

    text: str = Field(max_length=_LONGEST)
    name: str = Field(default="your-rules.yaml", min_length=1, max_length=200)
    alone: bool = False


class GivenEvent(Body):
    """A structured CloudEvent, or the id of a past event; `emitter` tries it as another system's. `text` as in GivenRules."""

    text: str | None = Field(default=None, max_length=_LONGEST)
    name: str = Field(default="your-rules.yaml", min_length=1, max_length=200)
    alone: bool = False
    event: dict[str, Any] | None = None
    event_id: str | None = Field(default=None, min_length=1, max_length=500, pattern=r"^[^\x00]+$")
    emitter: str | None = None

    @model_validator(mode="after")
    def _one_event(self) -> Self:
        if (self.event is None) == (self.event_id is None):
            raise ValueError("give an event, or the id of a past one (event_id)")
        return self

    @property
    def rules(self) -> GivenRules | None:
        """The file, if one was given."""
        return None if self.text is None else GivenRules(text=self.text, name=self.name, alone=self.alone)


async def event_of(connection: Connection, given: GivenEvent, caller: Principal, emitters: Mapping[str, Emitter]) -> Event:
    """The event to try. Raises Problem or Refused that names what is wrong with it."""
    event = await _past(connection, given.event_id) if given.event_id else _decoded(given.event or {}, caller.tenant)
    if given.emitter is not None:
        if given.emitter not in emitters:
            there = ", ".join(sorted(emitters))
            raise Problem(422, "unknown_emitter", f"No system {given.emitter!r} is registered; there are {there}.", "emitter")
        event = replace(event, emitter=given.emitter)
        emitters[given.emitter].check(event)
    if event.tenant != caller.tenant:
        raise Problem(403, "forbidden", f"The event is of the tenant {event.tenant!r}, and you are {caller.tenant!r}'s operator.", "tenant")
    return event


async def _past(connection: Connection, id_: str) -> Event:
    event = await event_by_id(connection, id_)
    if event is None:
        detail = f"No event {id_!r} has been here. `explain` tells the ids of an order's events; give a new event as JSON."
        raise Problem(404, "unknown_event", detail, "event_id")
    return event


def example_events(type_: str) -> Iterator[tuple[str, Event]]:
    """The golden examples of an event type, with their names."""
    for example in examples.of_type(type_):
        document = orjson.loads(example.value)
        yield example.name, _decoded(document, document["tenant"])


def _decoded(document: dict[str, Any], tenant: str) -> Event:
    """As the intake would read it from its owner's own topic."""
    record = Record("", 0, 0, None, (), orjson.dumps({**_TRIED, **document}), datetime.now(UTC))
    event = cloudevents.decode(record, "", tenant)
    return replace(event, emitter=topics.of_fact(event.type).owner)
