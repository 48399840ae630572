"""Kafka's record batches as they lie on the wire, read so that nothing in them can stop a consumer.

aiokafka raises in the middle of a fetch for a header name that isn't UTF-8 and for a compression that no library here knows; the
records of other partitions in the same fetch are then skipped, and the consumer's task ends (docs/decisions/0002).
"""

import struct
from collections.abc import Iterator, Sequence
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy, _DefaultRecordPy
from aiokafka.record.memory_records import MemoryRecords

_LENGTH_AT, _OVERHEAD, _MAGIC_AT = 8, 12, 16
_MAGIC = 2  # the format of record batches since Kafka 0.11, the only one that Kafka 4 writes


class UnreadBatch(bytes):
    """A whole batch in place of its records, since they can't be told apart; `why` says it. The intake parks it."""

    why = ""


class RecordBatches:
    """What aiokafka's fetcher takes for its MemoryRecords: the same batches, whose records have been read already."""

    def __init__(self, data: bytes) -> None:
        self._size = len(data)
        self._slices = _slices(data)
        self._next = next(self._slices, None)

    def size_in_bytes(self) -> int:
        """All bytes, a batch that was cut off at the end too."""
        return self._size

    def has_next(self) -> bool:
        """Whether a whole batch is there."""
        return self._next is not None

    def next_batch(self) -> Any:
        """The next batch, or None. Never raises for what stands in it."""
        data, self._next = self._next, next(self._slices, None)
        if data is None:
            return None
        return _Batch(data) if data[_MAGIC_AT] == _MAGIC else MemoryRecords(data).next_batch()


class _Batch:
    """One batch; everything but its records is aiokafka's own."""

    def __init__(self, data: bytes) -> None:
        self._batch = DefaultRecordBatch(data)
        self._data = data
        self._records: Iterator[Any] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> "_Batch":
        return self

    def __next__(self) -> Any:
        # Not before the first is asked for: the checksum comes before.
        if self._records is None:
            self._records = iter(_records(self._data))
        return next(self._records)


class _Lenient(_DefaultRecordBatchPy):  # type: ignore[misc] # final for aiokafka's own typing
    """Reads in Python, and shows a header name that is no UTF-8 with escapes instead of raising."""

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        buffer: bytearray = self._buffer  # type: ignore[has-type] # aiokafka is partly untyped
        self._buffer = buffer if isinstance(buffer, _Escaping) else _Escaping(buffer)


class _Escaping(bytearray):
    """aiokafka slices a header's name out of the buffer and decodes it."""

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        return _Escaping(found) if isinstance(at, slice) else found

    def decode(self, encoding: str = "utf-8", _: str = "strict") -> str:
        return super().decode(encoding, "backslashreplace")


def _slices(data: bytes) -> Iterator[bytes]:
    start = 0
    while start + _MAGIC_AT < len(data):
        end = start + _OVERHEAD + int(struct.unpack_from(">i", data, start + _LENGTH_AT)[0])
        if not start + _MAGIC_AT < end <= len(data):
            return
        yield bytes(data[start:end])
        start = end


def _records(data: bytes) -> Sequence[Any]:
    """All records of a batch: quickly; else with escapes in header names; else the batch as one record at its last offset."""
    try:
        return list(DefaultRecordBatch(data))
    except UnicodeDecodeError:
        return _each_or_whole(data)
    except Exception as error:  # noqa: BLE001 - whatever it is, it comes again with each fetch
        return [_whole(data, error)]


def _each_or_whole(data: bytes) -> Sequence[Any]:
    try:
        return list(_Lenient(data))
    except Exception as error:  # noqa: BLE001 - as above
        return [_whole(data, error)]


def _whole(data: bytes, error: Exception) -> _DefaultRecordPy:
    batch = _DefaultRecordBatchPy(data)
    count = batch._num_records  # noqa: SLF001 - it has no other name
    value = UnreadBatch(data)
    value.why = f"the records of this batch ({count}) can't be read: {error}. Write them uncompressed or with gzip"
    return _DefaultRecordPy(batch.next_offset - 1, batch.max_timestamp, batch.timestamp_type, None, value, [])


def install() -> None:
    """Let aiokafka's consumers in this process read this way."""
    fetcher.MemoryRecords = RecordBatches
