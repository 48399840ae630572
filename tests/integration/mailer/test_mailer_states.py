"""The ways between the states of an envelope: the docs name the legal ones, and the database refuses every other, whoever asks."""

import re
from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from tests.integration.mailer.conftest import World

from embedded.paths import ROOT

STATES = ("pending", "leased", "sending", "sent", "deferred", "unknown", "bounced", "dead", "cancelled", "held")
NEW = "(new)"
# How an envelope comes into each state from `pending`, by legal ways.
_WAY = {
    "pending": (),
    "leased": ("leased",),
    "sending": ("leased", "sending"),
    "held": ("held",),
    "cancelled": ("cancelled",),
    **{state: ("leased", "sending", state) for state in ("sent", "deferred", "unknown", "bounced", "dead")},
}
_MOVE = """
    UPDATE envelopes SET state = $1, sender_id = CASE WHEN $1 IN ('leased', 'sending') THEN $2::uuid END,
        due_at = CASE WHEN $1 IN ('pending', 'deferred') THEN now() END, hold_reason = CASE $1 WHEN 'held' THEN 'pdf' END
"""


def documented(file: Path = ROOT / "docs" / "architecture.md") -> set[tuple[str, str]]:
    """The table of *An envelope's states*: (from, to)."""
    table = file.read_text().partition("## An envelope's states")[2].partition("\n## ")[0]
    rows = [line.split("|")[1:3] for line in table.splitlines() if re.match(r"\| [(`]", line)]
    befores = [(re.findall(r"`(\w+)`", before) or [NEW], re.findall(r"`(\w+)`", after)) for before, after in rows]
    return {(before, after) for several, afters in befores for before in several for after in afters}


@pytest.fixture
async def owner(world: World) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """The database's owner, with one envelope; all that a test does is rolled back."""
    await world.ask("a@example.com")
    connection = await asyncpg.connect(world.settings.dsn)
    everything = connection.transaction()
    await everything.start()
    yield connection
    await everything.rollback()
    await connection.close()


async def _as(connection: "asyncpg.Connection[asyncpg.Record]", role: str) -> None:
    await connection.execute("RESET ROLE")
    if role != "owner":
        await connection.execute(f"SET ROLE mailer_service_{role}")
    await connection.execute("SELECT set_config('postroom.side', 'operator', false), set_config('postroom.tenant', 'tenant-a', false)")


@pytest.mark.parametrize("role", ["owner", "worker", "api"])
async def test_exactly_the_documented_ways_are_open(owner: "asyncpg.Connection[asyncpg.Record]", role: str) -> None:
    """Each pair of states is tried in the real database; nothing but the trigger stands between them."""
    open_ways: set[tuple[str, str]] = set()
    for before, after in product(STATES, STATES):
        await owner.execute("SAVEPOINT before")
        await _as(owner, "owner")
        for state in _WAY[before]:
            await owner.execute(_MOVE, state, uuid4())
        await _as(owner, role)
        try:
            assert await owner.execute(_MOVE, after, uuid4()) == "UPDATE 1"
        except asyncpg.CheckViolationError as error:
            assert f"does not go from {before} to {after}" in str(error)  # noqa: PT017 - no other reason counts
        else:
            if before != after:
                open_ways.add((before, after))
        await owner.execute("ROLLBACK TO before")
    assert open_ways == {way for way in documented() if way[0] != NEW}


async def test_an_envelope_begins_in_a_documented_state(owner: "asyncpg.Connection[asyncpg.Record]") -> None:
    begun = set()
    for state in STATES:
        try:
            async with owner.transaction():
                await owner.execute(
                    """
                    INSERT INTO envelopes (id, message, tenant, address, state, sender_id, due_at, hold_reason, unknown_since)
                    VALUES ($1, 'm', 't', 'a@b', $1, CASE WHEN $1 IN ('leased', 'sending') THEN gen_random_uuid() END,
                            CASE WHEN $1 IN ('pending', 'deferred') THEN now() END, CASE $1 WHEN 'held' THEN 'pdf' END,
                            CASE $1 WHEN 'unknown' THEN now() END)
                    """,
                    state,
                )
        except asyncpg.CheckViolationError as error:
            assert f"does not begin as {state}" in str(error)  # noqa: PT017
        else:
            begun.add((NEW, state))
    assert begun == {way for way in documented() if way[0] == NEW}


@pytest.mark.parametrize("state", ["pending", "deferred"])
async def test_what_waits_has_a_moment(owner: "asyncpg.Connection[asyncpg.Record]", state: str) -> None:
    for step in _WAY[state]:
        await owner.execute(_MOVE, step, uuid4())
    with pytest.raises(asyncpg.CheckViolationError):
        await owner.execute("UPDATE envelopes SET due_at = NULL")


@pytest.mark.parametrize("role", ["worker", "api"])
@pytest.mark.parametrize("table", ["envelopes", "attempts", "unknown_decisions"])
async def test_nothing_vanishes(owner: "asyncpg.Connection[asyncpg.Record]", role: str, table: str) -> None:
    await _as(owner, role)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await owner.execute(f"DELETE FROM {table}")  # noqa: S608


async def test_a_result_is_written_once(owner: "asyncpg.Connection[asyncpg.Record]") -> None:
    """But for `unknown`, which a late reply corrects."""
    await owner.execute("INSERT INTO attempts (envelope, number, token) VALUES ('e', 1, gen_random_uuid())")
    for result in ("unknown", "unknown", "sent"):
        await owner.execute("UPDATE attempts SET result = $1", result)
    with pytest.raises(asyncpg.CheckViolationError, match="has its result: sent"):
        await owner.execute("UPDATE attempts SET result = 'bounced'")
