"""A customer's folder: rules that come, change, break and go while the service runs."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import yaml
from tests.conftest import FreshDatabase
from tests.integration.rules.conftest import composed, person_changed
from tests.integration.rules.door import issuer_in, opened
from tests.unit.rules.rules_support import budget_expired, goods_received

from notification_rules.handlers.reloader import Reloader
from notification_rules.library import Library
from notification_rules.settings import Settings
from notification_rules.store import rules as store
from postroom import db

RULE: dict[str, Any] = {
    "name": "own-receipt",
    "event": "GoodsReceived.v1",
    "message_type": "own-receipt",
    "label": {"en": "Goods are here", "de": "Ware ist da"},
    "recipients": [{"hop": "orderer", "person": "lines[0].ordered_by", "because": "you ordered"}],
    "claim": {"key": "[receipt]", "about": "receipt", "told": "told before"},
}


async def _until(check: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await check():  # noqa: ASYNC110 - it looks from outside, as an operator does
            await asyncio.sleep(0.05)


async def test_rules_come_and_break_and_go_without_a_restart(fresh_database: FreshDatabase, tmp_path: Path) -> None:
    issuer, folder = issuer_in(tmp_path), tmp_path / "custom" / "rules"
    settings = await fresh_database(
        Settings, "notification_rules", issuer_public=issuer.public, kafka="127.0.0.1:1", custom=tmp_path / "custom", reload_seconds=0.05
    )
    async with opened(settings, issuer) as door:

        async def listed() -> dict[str, Any]:
            return dict(await door.get("/rules", "olga", side="operator"))

        async def in_force() -> bool:
            return "own-receipt" in {rule["name"] for rule in (await listed())["rules"]}

        assert not await in_force()
        folder.mkdir(parents=True)
        (folder / "own.yaml").write_text(yaml.safe_dump({"rules": [RULE]}))
        await _until(in_force)
        rule = next(rule for rule in (await listed())["rules"] if rule["name"] == "own-receipt")
        assert (rule["file"], rule["label"]) == ("own.yaml", {"en": "Goods are here", "de": "Ware ist da"})
        types = {one["message_type"]: one["label"] for one in (await door.get("/preferences"))["types"]}
        assert types["own-receipt"]["de"] == "Ware ist da", "people can choose it as any other"

        (folder / "own.yaml").write_text(yaml.safe_dump({"rules": [{**RULE, "event": "GoodsLost.v1"}]}))

        async def faulty() -> bool:
            return bool((await listed())["faults"])

        await _until(faulty)
        fault = (await listed())["faults"]["own.yaml"]
        assert "own.yaml:6: rule 'own-receipt': event: 'GoodsLost.v1' is not known" in fault
        assert await in_force(), "as it last could be used"
        status = (await door.get("/operations/status", "olga", side="operator"))["faulty_rules"]
        assert status == [fault]

        (folder / "own.yaml").unlink()

        async def gone() -> bool:
            return not await in_force()

        await _until(gone)
        assert not await faulty()


async def test_a_batch_takes_the_rules_of_the_moment(fresh_database: FreshDatabase, tmp_path: Path) -> None:
    settings = await fresh_database(Settings, "notification_rules")
    rules = await composed(settings)
    await rules.take(person_changed("anna"), goods_received(("1", "anna"), id="e1"))
    rules.library._folder = tmp_path
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({"rules": [RULE]}))
    rules.library.look()
    await rules.take(goods_received(("1", "anna"), note="n2", id="e2"))
    assert [type_ for type_, _, _ in await rules.told()] == ["goods-receipt", "goods-receipt", "own-receipt"]
    await rules.pool.close()


async def test_a_file_that_is_just_being_copied_is_not_read_in_its_middle(fresh_database: FreshDatabase, tmp_path: Path) -> None:
    """Half of it is YAML too, and what would be decided by it would stay decided."""
    rules = await composed(await fresh_database(Settings, "notification_rules"))
    rules.library._folder = tmp_path
    reloader, whole = Reloader(rules.pool, rules.library, 0.1), yaml.safe_dump({"rules": [RULE, {**RULE, "name": "another"}]})
    await reloader.begin()
    half = whole.index("- ", whole.index("name: own-receipt"))
    for written, taken in ((whole[:half], False), (whole, False), (whole, True)):
        (tmp_path / "own.yaml").write_text(written)
        os.utime(tmp_path / "own.yaml", (1, 1))
        assert await reloader.look() is taken
        assert ("own.yaml" in rules.library.files) is taken
    assert {"another", "own-receipt"} <= {rule.name for rule in rules.library.rulebook}
    await rules.pool.close()


async def test_what_was_good_outlives_a_restart_beside_a_faulty_file(fresh_database: FreshDatabase, tmp_path: Path) -> None:
    issuer, folder = issuer_in(tmp_path), tmp_path / "custom" / "rules"
    settings = await fresh_database(
        Settings, "notification_rules", issuer_public=issuer.public, kafka="127.0.0.1:1", custom=tmp_path / "custom", reload_seconds=0.05
    )
    folder.mkdir(parents=True)
    (folder / "own.yaml").write_text(yaml.safe_dump({"rules": [RULE]}))
    async with opened(settings, issuer) as door:

        async def kept() -> bool:
            async with door.rules.pool.acquire() as connection:
                return "own.yaml" in await store.accepted(connection)

        await _until(kept)
    (folder / "own.yaml").write_text("rules: [")
    async with opened(settings, issuer) as door:
        answer = await door.get("/rules", "olga", side="operator")
        assert ("own-receipt" in {rule["name"] for rule in answer["rules"]}, list(answer["faults"])) == (True, ["own.yaml"])


async def test_an_event_that_waits_for_a_rule_in_a_faulty_file_goes_on_waiting(fresh_database: FreshDatabase, tmp_path: Path) -> None:
    """A restore without the kept rules, say: the event must not be given up because its rule can't be read just now."""
    rules = await composed(await fresh_database(Settings, "notification_rules"))
    house = rules.library.house
    rules.library.rulebook = (with_own := Library(house, tmp_path)).rulebook
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({"rules": [RULE]}))
    with_own.look()
    rules.library.rulebook = with_own.rulebook
    await rules.take(goods_received(("1", "anna"), booking="manual"))
    assert (await rules.figures())["undecided"] == 1
    (tmp_path / "own.yaml").write_text("rules: [")
    (fresh := Library(house, tmp_path)).look()
    rules.library.rulebook = fresh.rulebook
    await rules.take(person_changed("anna"))
    assert ((await rules.figures())["undecided"], await rules.told()) == (1, [])
    reason = await rules.pool.fetchval("SELECT reason FROM undecided")
    assert "own-receipt is missing, and a file of rules can't be used" in reason
    rules.library.rulebook = with_own.rulebook
    await rules.pass_time(120)
    await rules.sweeper.sweep()
    assert await rules.told() == [("own-receipt", "anna", "orderer")]
    await rules.pool.close()


async def test_the_kept_files_are_those_in_force(fresh_database: FreshDatabase) -> None:
    settings = await fresh_database(Settings, "notification_rules")
    async with await db.open_pool(settings, "worker") as pool, pool.acquire() as connection:
        for files in ({"a": "1", "b": "2"}, {"b": "3"}, {}):
            await store.accept(connection, files)
            assert await store.accepted(connection) == files
    async with await db.open_pool(settings, "api") as pool, pool.acquire() as connection:
        assert await store.accepted(connection) == {}


async def test_what_waits_under_a_rule_is_decided_by_the_one_that_replaces_it_and_back(
    fresh_database: FreshDatabase, tmp_path: Path
) -> None:
    """Nobody manages these budgets; the operator says who is to be told instead."""
    rules = await composed(await fresh_database(Settings, "notification_rules"))
    rules.library._folder = tmp_path
    reloader, own = Reloader(rules.pool, rules.library, 0.02), tmp_path / "own.yaml"
    await reloader.begin()

    async def waiting() -> str:
        return str(await rules.pool.fetchval("SELECT string_agg(rule, ', ') FROM undecided"))

    async def replaced() -> bool:
        await rules.sweeper.sweep()
        return await waiting() == "ours"

    async def handed_over() -> bool:
        return await waiting() == "budget-expired"

    await rules.take(budget_expired())
    rule = {**RULE, "name": "ours", "event": "BudgetExpired.v1", "replaces": "budget-expired"}
    rule["recipients"] = [{"hop": "boss", "person": "'boss'", "because": "it is yours now"}]
    rule["claim"] = {"key": "[budget]", "about": "budget", "told": "told before"}
    text = yaml.safe_dump({"rules": [rule]})
    running = asyncio.create_task(reloader.run())
    own.write_text(text)
    await _until(replaced)
    (tmp_path / "broken.yaml").write_text("rules: [")
    own.unlink()

    async def forgotten() -> bool:
        async with rules.pool.acquire() as connection:
            return await store.accepted(connection) == {}

    await _until(forgotten)
    assert await waiting() == "ours", "it may stand in the file that can't be used"
    (tmp_path / "broken.yaml").write_text(yaml.safe_dump({"rules": [RULE]}))
    await _until(handed_over)
    own.write_text(text)
    await _until(replaced)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await rules.take(person_changed("boss"))
    assert await rules.told() == [("own-receipt", "boss", "boss")]
    assert (await rules.figures())["undecided"] == 0
    await rules.pool.close()
