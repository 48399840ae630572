"""The golden examples as records of Kafka."""

from collections.abc import Sequence
from datetime import UTC, datetime

import orjson

from postroom.contracts import cloudevents
from postroom.contracts.event import Event
from postroom.contracts.examples import Example
from postroom.contracts.record import Record

WRITTEN = datetime(2026, 11, 23, 9, 15, tzinfo=UTC)


def structured(example: Example, topic: str, offset: int) -> Record:
    """The file's bytes, as a system writes them that knows nothing of this code."""
    return Record(topic, 0, offset, None, (("content-type", b"application/cloudevents+json"),), example.value, WRITTEN)


def binary(example: Example, topic: str, offset: int) -> Record:
    """The same event with its attributes as headers."""
    attributes = orjson.loads(example.value)
    value = orjson.dumps(attributes.pop("data"))
    headers = [("content-type", attributes.pop("datacontenttype").encode())]
    headers += [(f"ce_{name}", str(attribute).encode()) for name, attribute in attributes.items()]
    return Record(topic, 0, offset, attributes["subject"].encode(), tuple(headers), value, WRITTEN)


def document(example: Example, topic: str, offset: int) -> Record:
    """A raw document: the bytes of the file and nothing else."""
    return Record(topic, 0, offset, None, (), example.value, WRITTEN)


def written(event: Event, topic: str, offset: int) -> Record:
    """The event as our own outbox writes it."""
    headers, value = cloudevents.encode(event)
    return Record(topic, 0, offset, event.key.encode(), tuple(headers), value, WRITTEN)


def records(examples: Sequence[Example], topic: str) -> list[Record]:
    """All of them from offset 0, events in both modes by turns."""
    makers = (document, document) if topic.startswith("ubl.") else (structured, binary)
    return [makers[place % 2](example, topic, place) for place, example in enumerate(examples)]
