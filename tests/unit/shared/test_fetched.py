"""Batches that aiokafka can't read, as bytes on the wire: each record comes, or the batch as one."""

from typing import Any

from aiokafka.record.default_records import DefaultRecordBatchBuilder, _DefaultRecordBatchBuilderPy

from postroom.fetched import RecordBatches, UnreadBatch

ZSTD, COMPRESSION_AT = 4, 22


class OddName(str):
    """A header's name that goes out as bytes which are no UTF-8."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return b"\xff\xfe" + str.encode(self)


def batch(first: int, *values: bytes, name: str = "plain", compression: int = 0, builder: Any = _DefaultRecordBatchBuilderPy) -> bytes:
    made = builder(2, compression, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=-1, batch_size=1_000_000)
    for place, value in enumerate(values):
        made.append(place, timestamp=1_700_000_000_000, key=b"k", value=value, headers=[(name, None)])
    return first.to_bytes(8, "big") + bytes(made.build())[8:]


def read(data: bytes) -> list[tuple[int, bytes, str]]:
    """(offset, value, first header's name) of all records."""
    batches, found = RecordBatches(data), []
    while batches.has_next():
        one = batches.next_batch()
        assert one.validate_crc() or one.compression_type == ZSTD
        found += [(record.offset, record.value, record.headers[0][0] if record.headers else "") for record in one]
    return found


def test_a_header_name_that_is_no_utf8_stops_nothing() -> None:
    data = batch(5, b"a", b"b", name=OddName("x")) + batch(7, b"c", builder=DefaultRecordBatchBuilder)
    assert read(data) == [(5, b"a", "\\xff\\xfex"), (6, b"b", "\\xff\\xfex"), (7, b"c", "plain")]


def test_the_same_inside_a_compressed_batch() -> None:
    assert read(batch(5, b"a", b"b" * 5_000, name=OddName("x"), compression=1)) == [
        (5, b"a", "\\xff\\xfex"),
        (6, b"b" * 5_000, "\\xff\\xfex"),
    ]


def test_a_compression_that_nobody_here_knows_is_one_record_at_the_batches_last_offset() -> None:
    foreign = bytearray(batch(5, b"a", b"b", b"c"))
    foreign[COMPRESSION_AT] = ZSTD
    found = read(bytes(foreign) + batch(8, b"d"))
    assert [offset for offset, _, _ in found] == [7, 8]
    unread = found[0][1]
    assert isinstance(unread, UnreadBatch)
    assert unread == bytes(foreign)
    assert "(3)" in unread.why
    assert "zstd" in unread.why


def test_a_batch_that_the_fetch_cut_off_is_left_for_the_next_fetch() -> None:
    whole = batch(5, b"a")
    assert read(whole + batch(6, b"b")[:-3]) == [(5, b"a", "plain")]
    for end in range(len(whole)):
        batches = RecordBatches(whole[:end])
        assert not batches.has_next()
        assert batches.size_in_bytes() == end
