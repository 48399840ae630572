"""What each command asks the gateway, and how it shows the answer."""

import json
import re
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Cli, FakeGateway

IMPORT = ("POST", "/api/documents?tenant=demo")
PARKED = {
    "id": 7,
    "service": "notification-rules",
    "topic": "in.erp",
    "partition": 1,
    "offset": 42,
    "event_id": "e-1",
    "reason": "invalid",
    "detail": "Field required",
    "path": "data.name",
    "parked_at": "2026-11-23T09:15:00+00:00",
    "headers": [["content-type", "application/json"]],
    "value": '{"a": "\x1b[2J[bold]"}',
}


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    paths = [tmp_path / f"{name}.xml" for name in ("order", "despatch")]
    for path in paths:
        path.write_text(f"<{path.stem}/>")
    return [str(path) for path in paths]


def test_import_hands_in_each_file_unchanged_and_shows_a_row_each(gateway: FakeGateway, cli: Cli, files: list[str]) -> None:
    gateway.answers[IMPORT] = (202, {"id": "d", "kind": "Order", "outcome": "processed", "order_number": "4711"})
    ran = cli("import", *files)
    assert ran.code == 0
    assert [one.body for one in gateway.asked[1:]] == [b"<order/>", b"<despatch/>"]
    lines = ran.out.splitlines()
    assert lines[0].split() == ["file", "kind", "number", "outcome", "reason"]
    assert lines[1].split() == [files[0], "Order", "4711", "processed"]


def test_import_exits_1_when_one_was_parked_and_says_why(gateway: FakeGateway, cli: Cli, files: list[str]) -> None:
    parked = {
        "id": "d",
        "kind": "Order",
        "outcome": "parked",
        "parked": 3,
        "reason": "conflict",
        "detail": "other content",
        "path": "/Order",
    }
    gateway.answers[IMPORT] = (202, parked)
    ran = cli("import", files[0])
    assert ran.code == 1
    assert "conflict: other content (at /Order)" in ran.out
    assert cli("import", files[0], "--json").json["documents"] == [{"file": files[0], **parked}]


def test_import_goes_on_after_a_file_that_is_refused(gateway: FakeGateway, cli: Cli, files: list[str]) -> None:
    gateway.answers[IMPORT] = (413, {"code": "too_large", "detail": "At most 10 MB."})
    ran = cli("import", *files, "--json")
    assert ran.code == 1
    assert [(row["outcome"], row["reason"]) for row in ran.json["documents"]] == [("refused", "too_large")] * 2


def test_import_tells_what_it_did_before_the_gateway_failed(gateway: FakeGateway, cli: Cli, files: list[str]) -> None:
    gateway.answers[IMPORT] = (202, {"id": "d", "kind": "Order", "outcome": "processed", "order_number": "4711"})
    gateway.fail_after = 2
    ran = cli("import", *files)
    assert ran.code == 2
    assert "po-service is away" in ran.err
    assert [line.split()[0] for line in ran.out.splitlines()] == ["file", files[0]]


def test_token_prints_the_bare_token(gateway: FakeGateway, cli: Cli) -> None:
    assert cli("token", "jane", "--tenant", "acme").out == "token-of-jane@acme\n"
    assert cli("token", "jane", "--json").json["principal"] == {"person": "jane", "tenant": "demo"}


def test_in_a_terminal_a_parked_record_is_a_paragraph(gateway: FakeGateway, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway.answers["GET", "/parked"] = (200, {"parked": [PARKED], "unreachable": []})
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    shown = re.sub(r"\x1b\[[0-9;]*m", "", cli("parked", "list").out).splitlines()
    assert shown[0] == "notification-rules/7  invalid  2026-11-23 09:15:00Z · in.erp/1/42 · e-1"
    assert shown[1].rstrip() == "  Field required (at data.name)"


def test_a_task_runs_as_of_a_day(gateway: FakeGateway, cli: Cli) -> None:
    gateway.answers["POST", "/api/tasks/check-budgets/run?as_of=2026-12-01"] = (200, {"task": "check-budgets", "raised": 2})
    ran = cli("task", "run", "check-budgets", "--as-of", "2026-12-01")
    assert (ran.code, ran.out.strip()) == (0, "check-budgets: 2 raised, as of 2026-12-01")
    assert cli("task", "run", "check-budgets", "--as-of", "1.12.2026").code == 2


def test_parked_list_names_where_it_came_from_and_why(gateway: FakeGateway, cli: Cli) -> None:
    gateway.answers["GET", "/parked"] = (200, {"parked": [PARKED]})
    out = cli("parked", "list").out
    for text in ("notification-rules/7", "2026-11-23 09:15:00Z", "in.erp/1/42", "e-1", "invalid", "Field required (at data.name)"):
        assert text in out
    gateway.answers["GET", "/parked?service=po-service"] = (200, {"parked": []})
    assert cli("parked", "list", "--service", "po-service").out == "Nothing is parked.\n"


def test_parked_list_shows_how_closed_ones_were_closed(gateway: FakeGateway, cli: Cli) -> None:
    gateway.answers["GET", "/parked?closed=true"] = (
        200,
        {"parked": [{**PARKED, "closed_by": "mended"}, {**PARKED, "id": 8, "closed_by": None}]},
    )
    head, *rows = cli("parked", "list", "--closed").out.splitlines()
    assert "closed" in head
    assert ["mended" in row for row in rows] == [True, False]
    gateway.answers["GET", "/parked?service=po-service&closed=true"] = (200, {"parked": []})
    assert cli("parked", "list", "--closed", "--service", "po-service").out == "Nothing was ever parked.\n"


def test_parked_show_can_neither_command_the_terminal_nor_mark_up(gateway: FakeGateway, cli: Cli) -> None:
    gateway.answers["GET", "/parked/notification-rules/7"] = (200, PARKED)
    out = cli("parked", "show", "notification-rules/7").out
    assert "\x1b" not in out
    assert '"\ufffd[2J[bold]"' in out


def test_a_mended_value_is_replayed(gateway: FakeGateway, cli: Cli, tmp_path: Path) -> None:
    gateway.answers["POST", "/parked/notification-rules/7/replay"] = (200, {"id": 7, "closed_by": "mended"})
    (tmp_path / "mended.json").write_text('{"ü": 1}')
    ran = cli("parked", "replay", "notification-rules/7", "--value", str(tmp_path / "mended.json"))
    assert (ran.code, ran.out.strip()) == (0, "notification-rules/7: mended")
    assert json.loads(gateway.asked[-1].body) == {"value": '{"ü": 1}'}
    cli("parked", "replay", "notification-rules/7")
    assert json.loads(gateway.asked[-1].body) == {"value": None}


KINDS = [
    {"service": "po-service", "topic": "ubl.erp", "emitter": "erp", "reason": "forbidden", "records": 700, "newest": 912},
    {"service": "po-service", "topic": "in.erp", "emitter": "erp", "reason": "unknown_type", "records": 1, "newest": 13},
    {"service": "mailer-service", "topic": "messages", "emitter": "rules", "reason": "conflict", "records": 2, "newest": 2},
]


def test_of_many_the_kinds_are_told_beside_the_list(gateway: FakeGateway, cli: Cli) -> None:
    gateway.answers["GET", "/parked"] = (200, {"parked": [PARKED], "kinds": KINDS, "unreachable": []})
    ran = cli("parked", "list")
    assert len(ran.out.splitlines()) == 2
    told = ran.err.splitlines()
    assert told[0] == "703 are parked; these are the newest 1. All together:"
    assert told[2].split() == ["700", "po-service", "forbidden", "ubl.erp", "erp"]
    gateway.answers["GET", "/parked"] = (200, {"parked": [PARKED] * 703, "kinds": KINDS, "unreachable": []})
    assert cli("parked", "list").err == ""


def test_all_are_replayed_slice_by_slice_and_none_that_was_parked_later(gateway: FakeGateway, cli: Cli) -> None:
    gateway.answers["GET", "/parked/kinds"] = (200, {"kinds": KINDS, "unreachable": []})
    refused = {"id": 17, "reason": "invalid", "detail": "Field required", "path": "data.name"}
    gateway.answers["POST", "/parked/po-service/replay"] = [
        (200, {"replayed": 500, "refused": [], "next": 600}),
        (200, {"replayed": 200, "refused": [refused], "next": None}),
        (200, {"replayed": 1, "refused": [], "next": None}),
    ]
    gateway.answers["POST", "/parked/mailer-service/replay"] = (200, {"replayed": 2, "refused": [], "next": None})
    ran = cli("parked", "replay-all", "--emitter", "erp")
    assert (ran.code, ran.out.strip()) == (1, "700 replayed")
    assert ran.err.splitlines() == ["po-service/17: still refused: invalid: Field required (at data.name)"]
    ran = cli("parked", "replay-all", "--json")
    assert (ran.code, ran.json) == (0, {"replayed": 3, "refused": []})
    bodies = [json.loads(one.body) for one in gateway.asked if one.path.endswith("/replay")]
    common = {"reason": None, "topic": None}
    assert bodies[:2] == [{**common, "emitter": "erp", "until": 912, "after": after} for after in (0, 600)]
    assert bodies[2:] == [{**common, "emitter": None, "until": until, "after": 0} for until in (912, 2)]


def test_what_was_replayed_before_a_service_failed_is_told(gateway: FakeGateway, cli: Cli) -> None:
    gateway.answers["GET", "/parked/kinds"] = (200, {"kinds": KINDS, "unreachable": []})
    refused = {"id": 17, "reason": "invalid", "detail": "Field required", "path": "data.name"}
    away = (503, {"code": "database_away", "detail": "The database does not answer."})
    for options in ((), ("--json",)):
        gateway.answers["POST", "/parked/po-service/replay"] = [(200, {"replayed": 500, "refused": [refused], "next": 600}), away]
        ran = cli("parked", "replay-all", *options)
        assert (ran.code, "The database does not answer." in ran.err) == (2, True)
        assert ran.json["replayed"] == 500 if options else ran.out.strip() == "500 replayed"
    gateway.answers["POST", "/parked/po-service/replay"] = away
    assert cli("parked", "replay-all").out == ""


def test_only_a_kind_is_discarded_at_once(gateway: FakeGateway, cli: Cli) -> None:
    gateway.answers["GET", "/parked/kinds"] = (200, {"kinds": KINDS, "unreachable": []})
    gateway.answers["POST", "/parked/po-service/discard"] = (200, {"discarded": 700})
    assert "Say which ones" in cli("parked", "discard-all").err
    ran = cli("parked", "discard-all", "--reason", "forbidden")
    assert (ran.code, ran.out.strip()) == (0, "700 discarded")
    assert json.loads(gateway.asked[-1].body) == {"reason": "forbidden", "topic": None, "emitter": None, "until": 912}


@pytest.mark.parametrize("command", [("replay-all",), ("discard-all", "--reason", "forbidden")])
def test_where_a_service_is_away_not_only_the_others_are_settled(gateway: FakeGateway, cli: Cli, command: tuple[str, ...]) -> None:
    gateway.answers["GET", "/parked/kinds"] = (200, {"kinds": KINDS, "unreachable": ["commlog-service"]})
    ran = cli("parked", *command)
    assert (ran.code, "commlog-service does not answer" in ran.err) == (2, True)
    assert gateway.asked[-1].method == "GET"


def test_one_that_is_refused_again_stays_parked_with_code_1(gateway: FakeGateway, cli: Cli) -> None:
    gateway.answers["POST", "/parked/po-service/7/replay"] = (422, {"code": "invalid", "detail": "Still refused.", "field": "data.name"})
    ran = cli("parked", "replay", "po-service/7")
    assert ran.code == 1
    assert "Still refused. (at data.name)" in ran.err


def test_discard(gateway: FakeGateway, cli: Cli) -> None:
    gateway.answers["POST", "/parked/po-service/7/discard"] = (200, {"id": 7, "closed_by": "discarded"})
    assert cli("parked", "discard", "po-service/7", "--json").json == {"id": 7, "closed_by": "discarded"}


@pytest.mark.parametrize("ref", ["7", "po-service", "po-service/x", "/7", "po-service/"])
def test_an_id_is_a_service_and_a_number(gateway: FakeGateway, cli: Cli, ref: str) -> None:
    ran = cli("parked", "show", ref)
    assert ran.code == 2
    assert "po-service/17" in ran.err
    assert gateway.asked == []
