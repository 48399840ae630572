"""A Kafka record as bytes, before anyone has tried to understand it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Record:
    """What lies in Kafka at topic/partition/offset. Header values may be missing or not UTF-8: that is for the decoder to say."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    value: bytes | None
    timestamp: datetime
