"""Erasing: the content goes everywhere that it is shown, that it was there stays, and only an operator's own tenant can be reached."""

from typing import Any

import asyncpg
import orjson
import pytest
from tests.integration.audit.conftest import CLIENT, OPERATOR, SUPPLIER, Archive

from postroom import db
from postroom.auth import Principal

WHY = "Article 17 GDPR, case 12"


async def erase(archive: Archive, ref: str, order: str = "o1", **who: Any) -> Any:
    body = {"order": order, "ref": ref, "reason": WHY}
    return await archive.house.ask("POST", "/operations/history/erasures", body, **{"tenant": archive.tenant, **OPERATOR, **who})


async def test_an_erased_log_is_shown_as_erased_to_both_sides(archive: Archive) -> None:
    log = await archive.log("o1", "My private number is 0664 1234", **SUPPLIER)
    await archive.log("o1", "Thank you", **CLIENT)
    answer = await erase(archive, log)
    assert (answer.status_code, answer.json()) == (201, {"order": "o1", "ref": log, "entry": 3, "erased": [1]})
    for who in (SUPPLIER, CLIENT):
        logs = (await archive.ask("GET", "/orders/o1/logs", **who))["logs"]
        assert [(one["message"], one["erased"], one["author"]["person"]) for one in logs] == [
            ("", True, "sam"),
            ("Thank you", False, "bea"),
        ]
    content = await archive.owner.fetchval("SELECT content FROM history_contents WHERE entry = 3")
    assert orjson.loads(content) == {"entries": [1], "reason": WHY, "supplier": "seller"}
    left = await archive.owner.fetchval("SELECT count(*) FROM history_contents WHERE content LIKE '%0664%' OR salt IS NULL AND entry <> 1")
    assert left == 0
    assert await archive.owner.fetchval("SELECT count(*) FROM idempotency WHERE response::text LIKE '%0664%'") == 0


async def test_a_send_is_erased_with_its_recipients_and_outcomes_once_its_mails_have_ended(archive: Archive) -> None:
    await archive.log("o1", "Late", **SUPPLIER)
    send = await archive.send("o1", "Late: o1")
    early = await erase(archive, send)
    assert (early.status_code, early.json()["code"]) == (409, "under_way")
    await archive.outcomes((send, "bea@buyer.example", "sent", 1), (send, "board@buyer.example", "bounced", 1))
    assert (await erase(archive, send)).json()["erased"] == [2, 3, 4]
    (shown,) = (await archive.ask("GET", "/orders/o1/correspondences", **CLIENT))["correspondences"]
    assert (shown["subject"], shown["erased"], shown["documents"]) == ("", True, [])
    assert [(one["address"], one["state"]) for one in shown["recipients"]] == [("", "sent"), ("", "bounced")]
    for table in ("recipients", "sends", "history_contents", "idempotency"):
        rows = await archive.owner.fetchval(f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE '%board@%'")  # noqa: S608
        assert rows == 0, table


async def test_only_operators_erase_and_only_in_their_own_tenant(archive: Archive) -> None:
    log = await archive.log("o1", "Late", **SUPPLIER)
    for who in (SUPPLIER, CLIENT):
        assert (await erase(archive, log, **who)).status_code == 403
        assert (await archive.house.ask("GET", "/operations/history", tenant=archive.tenant, **who)).status_code == 403
    assert (await erase(archive, log, tenant="other")).status_code == 404
    assert (await erase(archive, log, order="o2")).status_code == 404
    foreign = await archive.house.ask("GET", "/operations/history", tenant="other", **OPERATOR)
    assert orjson.loads(foreign.content) == {"tenant": "other", "orders": 0, "pending": {"file": [], "kafka": []}}


@pytest.mark.parametrize("role", ["worker", "api"])
@pytest.mark.parametrize("table", ["logs", "sends", "history", "history_contents", "correspondences", "history_heads"])
async def test_no_serving_role_can_rewrite_what_is_history(archive: Archive, role: str, table: str) -> None:
    pool = getattr(archive.house.app.state.wiring, role)
    for statement in (f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE", f"UPDATE {table} SET tenant = tenant"):  # noqa: S608
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute(statement)


@pytest.mark.parametrize("role", ["worker", "api"])
async def test_a_head_can_do_one_thing_and_that_is_to_advance(archive: Archive, role: str) -> None:
    await archive.log("o1", "Late", **SUPPLIER)
    pool = getattr(archive.house.app.state.wiring, role)
    async with db.as_principal(pool, Principal(person="ops", tenant=archive.tenant, side="operator")) as connection:
        for change in ("hash = repeat('a', 64)", "entry = entry - 1"):
            with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="only grows"):
                async with connection.transaction():
                    await connection.execute(f"UPDATE history_heads SET {change}")  # noqa: S608


async def test_the_role_that_erases_can_blank_its_tenants_contents_and_nothing_else(archive: Archive) -> None:
    await archive.log("o1", "Late", **SUPPLIER)
    as_operator = Principal(person="ops", tenant=archive.tenant, side="operator")
    api = archive.house.app.state.wiring.api
    async with db.as_principal(api, as_operator) as connection:
        await connection.execute("SET LOCAL ROLE commlog_service_erase")
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="may be erased, not rewritten"):
            async with connection.transaction():
                await connection.execute("UPDATE history_contents SET content = '{}'")
        for statement in (
            "DELETE FROM history_contents",
            "UPDATE history SET actor = 'x'",
            "UPDATE logs SET entry = 9",
            "DELETE FROM logs",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with connection.transaction():
                    await connection.execute(statement)
        assert await connection.execute("UPDATE history_contents SET salt = NULL, content = NULL") == "UPDATE 1"
    async with db.as_principal(api, as_operator.model_copy(update={"tenant": "other"})) as connection:
        await connection.execute("SET LOCAL ROLE commlog_service_erase")
        assert await connection.execute("UPDATE history_contents SET salt = NULL, content = NULL") == "UPDATE 0"
