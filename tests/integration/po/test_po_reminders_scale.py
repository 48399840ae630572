"""A scan's cost is that of the lines that are due, however many were settled before."""

from collections import Counter
from datetime import date

from tests.integration.po.support import COMPANY, Room, orders_of

from po_service.tasks.reminders import remind_delivery_notes
from postroom.db import Connection

CONTRACT = "INSERT INTO contracts (tenant, id, number, buyer, first_reminder, third_reminder) VALUES ('demo', 'c', 'C', 'b', 0, 10)"
ORDERS = orders_of(4_000, "2026-01-01")
# Line 1 was noted, line 2 is due in 2027; of forty orders, line 3 is due now.
LINES = """
    INSERT INTO order_lines (order_id, line, position, item, description, sellers_item, buyers_item, quantity, unit, base_quantity,
                             ordered_by, response_code, cancelled, estimated, noted, awaited)
    SELECT 'o' || i, l, l, 'item', '', '', '', 1, 'EA', 1, 'p', '', false, day, l = 1, CASE WHEN l > 1 THEN day END
    FROM generate_series(1, 4000) AS i, generate_series(1, 3) AS l,
         LATERAL (SELECT CASE WHEN l = 2 OR i > 40 THEN date '2027-06-01' ELSE date '2026-06-01' END AS day) AS due
"""


async def _lines_read(connection: Connection) -> tuple[int, int]:
    """(in sequential scans, by index) of order_lines in this transaction."""
    row = await connection.fetchrow(
        "SELECT seq_tup_read, idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'order_lines'",
    )
    assert row is not None
    return row["seq_tup_read"], row["idx_tup_fetch"]


async def test_a_scan_reads_due_lines_alone_and_asks_as_often_for_one_as_for_many(room: Room) -> None:
    async with room.pool.acquire() as connection, connection.transaction():
        for statement in (COMPANY, CONTRACT, ORDERS, LINES):
            await connection.execute(statement)
    async with room.pool.acquire() as connection, connection.transaction():
        statements: list[str] = []
        connection.add_query_logger(lambda query: statements.append(query.query))
        # Orders 1 to 40: one event each for levels 1 and 3.
        assert await remind_delivery_notes(connection, None, date(2026, 6, 30)) == 80
        assert max(Counter(statements).values()) < 20, "once for each part, of which there are six"
        sequential, by_index = await _lines_read(connection)
        assert sequential == 0
        # The forty that are due once or twice, then the three lines of each of their orders.
        assert by_index <= 40 * 3 * 3
