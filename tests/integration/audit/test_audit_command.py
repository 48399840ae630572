"""`postroom audit` as an operator runs it: through the gateway, with the heads from Kafka and from the file."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import SecretStr
from tests.integration.audit.conftest import Archive, fill
from tests.integration.gateway.conftest import NOWHERE, served

from gateway.app import build
from gateway.settings import Settings
from postroom_cli.app import run

SECRET = "the issuer's"


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Awaitable[Ran]]


@pytest.fixture
async def cli(archive: Archive, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Cli]:
    """`await cli("verify")` in the installation's folder, as the tenant's operator."""
    await fill(archive, ("o2", "o3"))
    settings = Settings(
        issuer_public=archive.house.settings.issuer_public,
        issuer_private=archive.run / "issuer" / "private.pem",
        issuer_secret=SecretStr(SECRET),
        po_url=NOWHERE,
        commlog_url=archive.url,
        rules_url=NOWHERE,
        mailer_url=NOWHERE,
    )
    monkeypatch.setenv("POSTROOM_TENANT", archive.tenant)
    monkeypatch.chdir(archive.run.parent)
    async with served(build(settings)) as url:
        endpoints = {
            "gateway_url": url,
            "kafka": archive.house.settings.kafka,
            "issuer_secret": SECRET,
            "heads": str(archive.house.settings.heads),
        }
        (archive.run / "endpoints.json").write_text(json.dumps(endpoints))
        await archive.published()

        async def call(*arguments: str) -> Ran:
            capsys.readouterr()
            code = await asyncio.to_thread(run, ("audit", *arguments))
            return Ran(code, *capsys.readouterr())

        yield call


async def test_a_whole_history_is_told_in_one_line(cli: Cli) -> None:
    done = await cli("verify")
    assert (done.code, done.err.strip()) == (0, ""), done
    assert done.out.startswith("The history is whole: 2 orders with 21 entries against 17 published heads (file) and 17")
    one = await cli("verify", "--order", "PO-o3", "--json")
    assert (one.code, one.json["orders"], one.json["entries"], one.json["findings"]) == (0, 1, 11, [])


async def test_what_was_changed_is_named_with_order_entry_and_what_was_expected(cli: Cli, archive: Archive) -> None:
    await archive.owner.execute("UPDATE logs SET message = 'They come next year.' WHERE order_id = 'o2' AND message LIKE 'They come%'")
    found = await cli("verify")
    assert found.code == 1
    assert [line for line in found.out.splitlines() if line.startswith("order")] == [
        next(line for line in found.out.splitlines() if line.startswith("order o2, entry 6: log "))
    ]
    assert "  expected They come on Friday.\n  found    They come next year.\n1 finding" in found.out
    (finding,) = (await cli("verify", "--order", "o2", "--json")).json["findings"]
    assert (finding["order"], finding["entry"], finding["expected"]) == ("o2", 6, "They come on Friday.")
    assert (await cli("verify", "--order", "o3")).code == 0, "the other orders are whole"


async def test_a_deleted_order_is_found_by_the_heads_that_were_published(cli: Cli, archive: Archive) -> None:
    await archive.owner.execute("SET session_replication_role = replica")
    for table in ("recipients", "history", "history_contents", "history_heads", "logs", "sends", "correspondences"):
        where = "send IN (SELECT id FROM sends WHERE order_id = 'o3')" if table == "recipients" else "order_id = 'o3'"
        await archive.owner.execute(f"DELETE FROM {table} WHERE {where}")  # noqa: S608 - this test's own names
    await archive.owner.execute("DELETE FROM order_refs WHERE id = 'o3'")
    for options in ((), ("--without-kafka",), ("--order", "o3")):
        found = await cli("verify", "--json", *options)
        assert (found.code, {(one["order"], one["found"]) for one in found.json["findings"]}) == (1, {("o3", "nothing")}), options


async def test_what_can_not_be_checked_is_never_called_whole(cli: Cli, archive: Archive) -> None:
    for options, told in (
        (("--heads", "nowhere.jsonl"), "nowhere.jsonl can't be read"),
        (("--order", "o9"), "Nothing is known about the order o9"),
        (("--tenant", "acme", "--order", "o2"), "Nothing is known about the order o2"),
    ):
        done = await cli("verify", *options)
        assert (done.code, told in done.err) == (2, True), done
    endpoints = archive.run / "endpoints.json"
    endpoints.write_text(json.dumps({**json.loads(endpoints.read_text()), "kafka": "127.0.0.1:1"}))
    done = await cli("verify")
    assert (done.code, "Kafka at 127.0.0.1:1 can't be read" in done.err) == (2, True), done
    assert (await cli("verify", "--without-kafka")).code == 0


async def test_an_operator_erases_a_log_and_the_chain_stays_whole(cli: Cli, archive: Archive) -> None:
    log = await archive.owner.fetchval("SELECT id FROM logs WHERE order_id = 'o2' AND message LIKE 'When%'")
    done = await cli("erase", "o2", log, "--reason", "Article 17, case 7", "--yes")
    assert (done.code, done.out) == (0, "Erased: entry 2 of order o2; entry 11 tells of it.\n"), done
    again = await cli("erase", "o2", log, "--reason", "Article 17, case 7", "--yes")
    assert (again.code, "no log or send of that id whose content is still there" in again.err) == (1, True)
    await archive.published()
    assert (await cli("verify")).code == 0
