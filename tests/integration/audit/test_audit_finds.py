"""`postroom audit verify` finds what the database's owner changes, cuts or reorders: 100 of 100, and nothing where nothing was done."""

import os
import random
from collections.abc import Iterator
from typing import Any

import orjson
from tests.integration.audit.conftest import ORDERS, Archive
from tests.integration.audit.forger import Forger
from tests.integration.audit.tamperings import TAMPERINGS, Tampering

from commlog_service.api.history import lines
from postroom.db import Connection
from postroom_cli.audit import check
from postroom_cli.heads import Published

HUNDRED = 100
SEED = int(os.environ.get("POSTROOM_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)


def chance_of(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - which rows are tampered with


async def exported(connection: Connection, tenant: str) -> tuple[dict[str, Any], Iterator[dict[str, Any]]]:
    """The export as the service's own role gives it to an operator of the tenant."""
    await connection.execute("SET LOCAL ROLE commlog_service_api")
    await connection.execute("SELECT set_config('postroom.tenant', $1, true), set_config('postroom.side', 'operator', true)", tenant)
    found = [orjson.loads(line) async for line in lines(connection, tenant, None)]
    return found[0], iter(found[1:])


async def named(archive: Archive, published: dict[str, Published], tamper: Tampering, chance: random.Random) -> tuple[set[str], set[str]]:
    """The orders that a tampering touched, and those that the audit names; all undone afterwards."""
    transaction = archive.owner.transaction()
    await transaction.start()
    try:
        # The owner's way round triggers and foreign keys.
        await archive.owner.execute("SET LOCAL session_replication_role = replica")
        touched = await tamper(Forger(archive.owner, archive.tenant, ORDERS, chance))
        verdict = check(archive.tenant, *await exported(archive.owner, archive.tenant), published)
    finally:
        await transaction.rollback()
    return touched, {one["order"] for one in verdict["findings"]}


async def test_a_hundred_of_a_hundred_tamperings_are_found_and_the_right_orders_named(filled: Archive) -> None:
    print(f"POSTROOM_TEST_SEED={SEED}")  # noqa: T201 - shown by pytest when it fails
    chance, published = chance_of(SEED), await filled.published()
    assert len(TAMPERINGS) >= 40
    wrong = []
    for number in range(HUNDRED):
        tamper = TAMPERINGS[number % len(TAMPERINGS)]
        touched, told = await named(filled, published, tamper, chance)
        if told != touched:
            wrong.append((tamper.__name__, touched, told))
    assert wrong == [], f"seed {SEED}"


async def test_an_untouched_history_is_whole(filled: Archive) -> None:
    published = await filled.published()
    async with filled.owner.transaction():
        verdict = check(filled.tenant, *await exported(filled.owner, filled.tenant), published)
    assert verdict["findings"] == []
    assert (verdict["whole"], verdict["orders"], verdict["unreadable"]) == (True, len(ORDERS), [])
    entries = await filled.owner.fetchval("SELECT count(*) FROM history")
    assert verdict["entries"] == entries
    assert verdict["heads"]["kafka"] == verdict["heads"]["file"] >= len(ORDERS) * 8
    async with filled.owner.transaction():
        await filled.owner.execute("UPDATE outbox SET published_at = NULL WHERE topic = 'history'")
        await filled.owner.execute(
            "INSERT INTO unfiled_heads (tenant, order_id, entry, hash) SELECT tenant, order_id, entry, hash FROM history_heads"
        )
        beginning, orders = await exported(filled.owner, filled.tenant)
        nothing = {name: Published() for name in published}
        assert check(filled.tenant, beginning, orders, nothing)["findings"] == [], "a head that is still on its way is no finding"


async def test_each_source_alone_shows_a_chain_that_was_rewritten_whole(filled: Archive) -> None:
    """Whoever owns the database and one of the two still needs the other."""
    (rewrite,) = [one for one in TAMPERINGS if one.__name__ == "a_log_is_rewritten_with_the_whole_chain_behind_it"]
    for source, published in (await filled.published()).items():
        touched, told = await named(filled, {source: published}, rewrite, chance_of(SEED))
        assert told == touched, source
    assert (await named(filled, {}, rewrite, chance_of(SEED)))[1] == set(), "without a published head nothing could show it"
