"""Orders that a test has for itself: the demo's documents under other numbers."""

from dataclasses import dataclass
from uuid import uuid4

from embedded.demo import scenes
from embedded.demo.door import Door

_XML = {"content-type": "application/xml"}


@dataclass(frozen=True)
class Paper:
    """A purchase order of the demo's client at the demo's supplier, with a document."""

    id: str
    number: str

    @property
    def note(self) -> str:
        """The number of its first delivery note."""
        return f"DN-{self.number[3:]}"


def place(door: Door, number: str = "") -> Paper:
    """A new order."""
    number = number or f"PO-{uuid4().hex[:8].upper()}"
    return Paper(_hand_in(door, "order.xml", Paper("", number)), number)


def deliver_short(door: Door, paper: Paper) -> None:
    """Its first delivery: 8 desks of 10."""
    _hand_in(door, "despatch-short.xml", paper)


def _hand_in(door: Door, name: str, paper: Paper) -> str:
    xml = (scenes._DOCUMENTS / name).read_bytes().replace(b"PO-2026-0815", paper.number.encode()).replace(b"DN-7001", paper.note.encode())
    answer = door.call(scenes.OPERATOR, "POST", "/api/documents", content=xml, headers=_XML)
    assert answer["outcome"] == "processed", answer
    return str(answer["order"])
