"""A withdrawal that was parked and is replayed late: what was told of events before it is void, what came to Kafka after it holds."""

from datetime import time, timedelta

import pytest
from tests.integration.rules.conftest import WRITTEN, Rules, person_changed
from tests.unit.rules.reminders_support import line, noted, order_changed, overdue

from postroom.contracts.event import Event

ANNA = person_changed("anna")
DAY = timedelta(days=1)
AFTER = WRITTEN + DAY
NOTHING = ("none", "nothing that was told, or is still to be decided, is void by this")


def _new_date() -> Event:
    """The same line's reminder of the date that the order was changed to."""
    return overdue(line(delivery_date="2026-12-01"), id="new")


async def _withdrawn(rules: Rules) -> list[str]:
    """The ids of the events whose messages were withdrawn."""
    rows = await rules.pool.fetch(
        """
        SELECT cause.event_id FROM decisions void JOIN decisions cause ON cause.message = void.message AND cause.outcome = 'message'
        WHERE void.outcome = 'withdrawn' ORDER BY void.decided_at
        """
    )
    found = [row["event_id"] for row in rows]
    assert len(await rules.published("MessageWithdrawn.v1")) == len(found)
    assert await rules.pool.fetchval("SELECT count(*) FROM claims WHERE withdrawn_at IS NOT NULL") == len(found)
    return found


@pytest.mark.parametrize("wish", [("now", None, None), ("digest", None, None), ("now", time(0), time(23, 59))])
async def test_what_was_told_after_it_is_left_alone(rules: Rules, wish: tuple[str, time | None, time | None]) -> None:
    """Whether its mail has gone or waits: the one of the old date goes."""
    await rules.take(ANNA, overdue(id="old"), written=WRITTEN - DAY)
    parked = await rules.park(order_changed("1"))
    await rules.pool.execute(
        "INSERT INTO preferences (tenant, person, mail, quiet_from, quiet_until) VALUES ('demo', 'anna', $1, $2, $3)", *wish
    )
    await rules.take(_new_date(), written=AFTER)
    held = (await rules.published("MessageRequested.v1"))[-1]
    assert bool(held.get("digest") or held.get("not_before")) == (wish != ("now", None, None))
    await rules.intake.replay(parked)
    assert await _withdrawn(rules) == ["old"]


async def test_one_that_finds_only_news_withdraws_nothing_and_says_so(rules: Rules) -> None:
    parked = await rules.park(order_changed("1"))
    await rules.take(ANNA, _new_date(), written=AFTER)
    await rules.intake.replay(parked)
    assert await _withdrawn(rules) == []
    assert NOTHING in await rules.decisions()


async def test_what_waits_undecided_of_an_event_after_it_is_left_alone(rules: Rules) -> None:
    await rules.take(overdue(id="old"), written=WRITTEN - DAY)
    parked = await rules.park(order_changed("1"))
    await rules.take(_new_date(), written=AFTER)
    await rules.intake.replay(parked)
    rows = await rules.pool.fetch("SELECT id, void FROM undecided")
    assert [(row["id"], row["void"]) for row in rows] == [("new", [])]
    await rules.take(ANNA)
    (message,) = await rules.published("MessageRequested.v1")
    assert message["cause"]["id"] == "new"


async def test_what_was_told_later_of_an_event_before_it_is_void(rules: Rules) -> None:
    """The moment of the event counts, and not when somebody was found to tell."""
    await rules.take(overdue(id="old"), written=WRITTEN - DAY)
    parked = await rules.park(order_changed("1"))
    await rules.take(ANNA, written=AFTER)
    await rules.intake.replay(parked)
    assert await _withdrawn(rules) == ["old"]


async def test_of_several_in_one_batch_the_latest_counts_and_the_first_that_is_late_enough_is_named(rules: Rules) -> None:
    await rules.take(ANNA, _new_date(), written=AFTER)
    last = [noted("1", id="note"), order_changed("1", id="changed again")]
    records = [*rules.records([order_changed("1", id="changed")]), *rules.records(last, AFTER + DAY)]
    await rules.intake.process(records, "tests")
    assert await _withdrawn(rules) == ["new"]
    (fact,) = await rules.published("MessageWithdrawn.v1")
    assert fact["cause"]["id"] == "note"


@pytest.mark.parametrize("later", [timedelta(0), timedelta(seconds=59)])
async def test_partitions_that_are_read_side_by_side_need_no_exact_clock(rules: Rules, later: timedelta) -> None:
    await rules.take(ANNA, overdue(id="a little later"), written=WRITTEN + later)
    await rules.take(overdue(line("2", "ben")), written=WRITTEN + later)
    await rules.take(noted("1", "2"))
    assert await _withdrawn(rules) == ["a little later"]
    assert (await rules.figures())["undecided"] == 0


async def test_what_an_event_of_before_written_at_was_kept_has_told_is_void_as_ever(rules: Rules) -> None:
    await rules.take(ANNA, overdue(id="told"), overdue(line("2", "ben"), id="undecided"), written=AFTER)
    await rules.pool.execute("UPDATE events SET written_at = NULL")
    await rules.take(order_changed("1", "2"))
    assert await _withdrawn(rules) == ["told"]
    assert (await rules.figures())["undecided"] == 0
