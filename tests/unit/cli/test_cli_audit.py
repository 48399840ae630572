"""`postroom audit verify` before a gateway of the tests' own: what can't be checked is never called whole."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli.conftest import Cli, FakeGateway

from postroom.contracts import chain

LOG = {"log_type": "General", "message": "Late", "author": {"person": "sam", "side": "supplier"}, "supplier": "seller"}
AT = "2026-11-23T09:15:00.000000Z"


def exported(orders: int = 1) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The lines of an export of one log, and its head."""
    content, salt = chain.canonical(LOG), bytes(32)
    hashed = chain.content_hash(salt, content)
    link = chain.link(chain.START, "demo", "o1", 1, "log", "l1", "sam", AT, hashed)
    entry = {"entry": 1, "kind": "log", "ref": "l1", "actor": "sam", "at": AT, "supplier": "seller", "content_hash": hashed, "hash": link}
    row: dict[str, Any] = {name: LOG[name] for name in ("log_type", "message", "author", "supplier")}
    row |= {"origin": "portal", "attachments": [], "accepted_by": None, "sent": False}
    order = {
        "order": "o1",
        "number": "4711",
        "head": {"entry": 1, "hash": link},
        "entries": [{**entry, "salt": salt.hex(), "content": content}],
        "logs": [{**row, "log": "l1", "entry": 1, "side": "supplier", "created_at": AT, "erased": False}],
        "sends": [],
    }
    head = {"tenant": "demo", "order": "o1", "entry": 1, "hash": link}
    return [{"tenant": "demo", "orders": orders, "pending": {"kafka": [], "file": []}}, order], head


def answer(gateway: FakeGateway, lines: list[dict[str, Any]]) -> None:
    gateway.answers["GET", "/audit/history"] = (200, "".join(json.dumps(line) + "\n" for line in lines).encode())


def test_a_whole_history(gateway: FakeGateway, cli: Cli, tmp_path: Path) -> None:
    lines, head = exported()
    answer(gateway, lines)
    file = tmp_path / "heads.jsonl"
    file.write_text(json.dumps(head) + "\n" + json.dumps({**head, "tenant": "other", "order": "o7"}) + "\n" + '{"tenant": "de')
    done = cli("audit", "verify", "--without-kafka", "--heads", str(file))
    assert (done.code, done.out) == (0, "The history is whole: 1 order with 1 entry against 1 published head (file).\n")
    assert done.err.strip() == f"{file}:3 can't be read as a head and was passed over."


def test_findings_are_told_without_what_could_command_the_terminal(gateway: FakeGateway, cli: Cli, tmp_path: Path) -> None:
    lines, head = exported()
    lines[1]["logs"][0]["message"] = "\x1b[2JNothing to see"
    answer(gateway, lines)
    (tmp_path / "heads.jsonl").write_text(json.dumps(head))
    done = cli("audit", "verify", "--without-kafka", "--heads", str(tmp_path / "heads.jsonl"))
    assert (done.code, "\x1b" in done.out) == (1, False)
    assert "order o1, entry 1: log l1: its message is not what the chain says\n  expected Late\n" in done.out


def test_half_an_export_is_no_deleted_order(gateway: FakeGateway, cli: Cli, tmp_path: Path) -> None:
    lines, head = exported(orders=2)
    answer(gateway, lines)
    (tmp_path / "heads.jsonl").write_text(json.dumps(head))
    done = cli("audit", "verify", "--without-kafka", "--heads", str(tmp_path / "heads.jsonl"), "--json")
    assert (done.code, json.loads(done.err)["error"]["code"]) == (2, "cut_export")


def test_without_any_published_head_nothing_is_checked(gateway: FakeGateway, cli: Cli) -> None:
    answer(gateway, exported()[0])
    done = cli("audit", "verify", "--without-kafka")
    assert (done.code, "nothing to check the chains against" in done.err) == (2, True)
    assert (cli("audit", "verify")).code == 2, "nor where nobody says where Kafka is"


def test_a_rewritten_chain_is_found_by_the_head_that_was_published(gateway: FakeGateway, cli: Cli, tmp_path: Path) -> None:
    lines, head = exported()
    answer(gateway, lines)
    (tmp_path / "heads.jsonl").write_text(json.dumps({**head, "hash": "ab" * 32}))
    done = cli("audit", "verify", "--without-kafka", "--heads", str(tmp_path / "heads.jsonl"), "--json")
    assert [one["what"] for one in done.json["findings"]] == [
        "the chain is not the one that was published (file)",
        "the chain's end was never published (file)",
    ]


def test_an_erasure_is_asked_about_first(gateway: FakeGateway, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    gateway.answers["POST", "/audit/erasures"] = (201, {"order": "o1", "ref": "l1", "entry": 2, "erased": [1]})
    asked = cli("audit", "erase", "o1", "l1", "--reason", "Article 17")
    assert asked.code != 0
    assert [one.path for one in gateway.asked] == [], "nobody said yes"
    done = cli("audit", "erase", "o1", "l1", "--reason", "Article 17", "--yes")
    assert (done.code, done.out) == (0, "Erased: entry 1 of order o1; entry 2 tells of it.\n")
    assert json.loads(gateway.asked[-1].body) == {"order": "o1", "ref": "l1", "reason": "Article 17"}
