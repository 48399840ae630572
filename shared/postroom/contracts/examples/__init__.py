"""The golden examples: for each event type a folder of structured CloudEvents, as any system may write them; for raw documents, UBL.

A file is never changed once its version has been published: it stands for what lies in Kafka. A new field comes in a new example.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Example:
    """One golden file: `value` is its bytes, a structured CloudEvent, or the XML of a raw document."""

    type: str
    name: str
    value: bytes


@cache
def of_type(type_: str) -> tuple[Example, ...]:
    """The examples of an event type such as GoodsReceived.v1, or of raw documents (UBL), by name."""
    return tuple(Example(type_, path.stem, path.read_bytes()) for path in sorted((_FOLDER / type_).glob("*.*")))


def types() -> tuple[str, ...]:
    """Every event type that has examples; raw documents are no events yet."""
    return tuple(sorted(path.name for path in _FOLDER.iterdir() if any(path.glob("*.json"))))
