"""What the relay reads at once is bounded in bytes, and what status counts doesn't grow with a table."""

import pytest
from tests.integration.shared.conftest import Service, budget

from postroom import db, outbox

MEGABYTE = 1 << 20


async def test_a_relay_reads_no_more_than_so_many_bytes_of_big_records_at_once(service: Service) -> None:
    """Found by counting: 500 parked records of 2 MiB would have been a gigabyte."""
    async with service.pool.acquire() as connection:
        await outbox.put(connection, [("parked.shared-tests", b"k", "[]", bytes(2 * MEGABYTE)) for _ in range(9)])
        await outbox.put(connection, [("in.tests", b"k", "[]", b"small") for _ in range(30)])
        big = await outbox.unpublished(connection, "parked.shared-tests", 500, 8 * MEGABYTE)
        one = await outbox.unpublished(connection, "parked.shared-tests", 500, MEGABYTE)
        small = await outbox.unpublished(connection, "in.tests", 20, 8 * MEGABYTE)
    assert [row["id"] for row in big] == [1, 2, 3, 4]
    assert [row["id"] for row in one] == [1], "one that is bigger than the bound goes by itself"
    assert [row["id"] for row in small] == list(range(10, 30))


async def test_keys_and_headers_count_too(service: Service) -> None:
    """A record without a value can be as big."""
    headers = f'[["x", "{"y" * MEGABYTE}"]]'
    async with service.pool.acquire() as connection:
        await outbox.put(connection, [("in.tests", bytes(MEGABYTE), headers, b"small") for _ in range(9)])
        assert len(await outbox.unpublished(connection, "in.tests", 500, 8 * MEGABYTE)) == 4


async def test_more_than_fits_a_transaction_is_too_much_before_it_is_all_in_memory(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MOST_BYTES", 2_000)
    async with service.pool.acquire() as connection:
        with pytest.raises(db.TooMuch):
            await outbox.add(connection, [budget(f"b-{n}") for n in range(100)])
        await outbox.add(connection, [budget("one")])


async def test_rows_are_counted_while_they_are_few_and_estimated_beyond(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    async with service.pool.acquire() as connection:
        await outbox.put(connection, [("in.tests", b"k", "[]", b"small") for _ in range(30)])
        assert await db.rows(connection, "outbox") == 30
        monkeypatch.setattr(db, "COUNTED_ROWS", 20)
        assert await db.rows(connection, "outbox") == 20, "never analysed: at least as many as were counted"
    owner = await db.open_pool(service.settings, "worker", size=1)
    async with owner.acquire() as connection:
        await connection.execute("SET ROLE NONE; ANALYZE outbox")
        assert await db.rows(connection, "outbox") == 30
    await owner.close()
