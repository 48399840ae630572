"""An event as a writer has it in hand before it goes to Kafka: a golden example, told of other things and other people."""

import json
import re
from copy import deepcopy
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.faults import cast

from postroom.contracts.examples import Example

# What an event is about: a new one mostly, so that it is no repetition of another.
_ITS_OWN = {
    *("message", "envelope", "log", "mail", "forward", "budget", "note", "receipt", "request", "reply"),
    *("template", "structure", "run", "invoice", "catalog", "user"),
}
_PEOPLE = {"owner", "person", "person_responsible", "ordered_by", "requester", "purchaser", "purchaser_contact", "deputy", "by"}
_LISTS_OF_PEOPLE = {"managers", "to", "notify"}
ORDERS, STRANGERS = 60, 200
_MARK = re.compile(r'"<raw (\d+) raw>"')


class Raw(str):
    """JSON as it is to stand there, such as NaN or 1e400, which no writer of JSON gives."""

    __slots__ = ()


@dataclass
class Draft:
    """CloudEvents attributes and data, and how they are to be written; `bare` leaves the Kafka headers out."""

    attributes: dict[str, Any]
    data: Any
    structured: bool = False
    ascii: bool = False
    key: bytes | None = None
    headers: list[tuple[str, bytes | None]] = field(default_factory=list)
    at: int | None = None

    def written(self) -> tuple[list[tuple[str, bytes | None]], bytes]:
        """(headers, value)."""
        if self.structured:
            document = {**self.attributes, "datacontenttype": "application/json", "data": self.data}
            return [("content-type", b"application/cloudevents+json"), *self.headers], text_of(document, ascii_only=self.ascii)
        attributes = [(f"ce_{name}", _utf8(str(value))) for name, value in self.attributes.items()]
        return [("content-type", b"application/json"), *attributes, *self.headers], text_of(self.data, ascii_only=self.ascii)


def text_of(value: Any, *, ascii_only: bool = False) -> bytes:
    """JSON with what stands in it raw."""
    raws: list[str] = []

    def marked(one: Any) -> Any:
        if isinstance(one, Raw):
            raws.append(str(one))
            return f"<raw {len(raws) - 1} raw>"
        if isinstance(one, dict):
            return {name: marked(inner) for name, inner in one.items()}
        return [marked(inner) for inner in one] if isinstance(one, list) else one

    text = json.dumps(marked(value), ensure_ascii=ascii_only)
    return _utf8(_MARK.sub(lambda mark: raws[int(mark[1])], text))


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def fresh(example: Example, id_: str, random: Random, *, of_directory: bool = False) -> Draft:
    """The example as an event of its own: another id, about something new, for people of the cast or strangers.

    A record of the directory speaks of strangers alone: nobody whom the house is to write to may change by it.
    """
    event = json.loads(example.value)
    data = _told_anew(deepcopy(event.pop("data")), id_, random, of_directory=of_directory)
    if "recipients" in data:  # elsewhere it is one that was sent before
        data["correspondence"] = id_
    event.pop("datacontenttype", None)
    order = f"order-{random.randrange(ORDERS)}"
    attributes = {**event, "id": id_, "subject": order}
    if of_directory:
        attributes["subject"] = f"demo/{data.get('person', data.get('company'))}"
    return Draft(attributes, data, random.random() < 0.4, random.random() < 0.3, attributes["subject"].encode())


def _told_anew(data: dict[str, Any], id_: str, random: Random, *, of_directory: bool) -> dict[str, Any]:
    for name, value in data.items():
        if name in _ITS_OWN and isinstance(value, str) and random.random() < 0.85:
            data[name] = f"{value[:40]}-{id_}"
        elif name == "message_id":
            data[name] = f"<{id_}@bad.example>"
        elif name == "order" and isinstance(value, dict):
            data[name] = {**value, "id": f"order-{random.randrange(ORDERS)}"}
    return {name: _with_people(name, value, random, of_directory=of_directory) for name, value in data.items()}


def _with_people(name: str, value: Any, random: Random, *, of_directory: bool) -> Any:
    if isinstance(value, dict):
        return {inner: _with_people(inner, one, random, of_directory=of_directory) for inner, one in value.items()}
    if isinstance(value, list):
        inner = "person" if name in _LISTS_OF_PEOPLE else name
        return [_with_people(inner, one, random, of_directory=of_directory) for one in value]
    if isinstance(value, str) and (name in _PEOPLE or (of_directory and name == "company")):
        known = not of_directory and random.random() < 0.7
        return random.choice(cast.REQUESTERS) if known else f"stranger-{random.randrange(STRANGERS)}"
    return value
