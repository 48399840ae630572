"""From a record to an event: who wrote it follows from the topic, and so does what it may say."""

from collections.abc import Mapping

from postroom.contracts import cloudevents
from postroom.contracts.emitters import Emitter
from postroom.contracts.errors import Refused
from postroom.contracts.event import Event
from postroom.contracts.record import Record
from postroom.contracts.topics import Topic


class Reader:
    """Reads the records of declared topics; the trust in `source` ends at the topic it came by."""

    def __init__(self, topics: tuple[Topic, ...], emitters: Mapping[str, Emitter]) -> None:
        self._topics = {topic.name: topic for topic in topics}
        self._emitters = emitters

    def __call__(self, record: Record) -> Event:
        """The event in this record, or Refused."""
        topic = self._topics[record.topic]
        if record.value is not None and len(record.value) > topic.max_bytes:
            raise Refused("too_large", f"{len(record.value)} bytes; {topic.name} takes {topic.max_bytes}")
        emitter = self._emitters.get(topic.owner) if topic.name.startswith("in.") else None
        event = cloudevents.decode(record, topic.owner, emitter.default_tenant if emitter else None)
        if emitter:
            emitter.check(event)
        elif event.type not in {fact.TYPE for fact in topic.facts}:
            raise Refused("forbidden", f"{event.type} does not belong on the topic {topic.name}", "type")
        return event
