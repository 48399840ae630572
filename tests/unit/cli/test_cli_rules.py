"""`postroom rules` and `postroom preferences`: what is asked of the gateway, what a person reads, and the exit codes."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli.conftest import Cli, FakeGateway

from postroom_cli.rules import _brief

RULE = {"name": "goods-receipt", "event": "GoodsReceived.v1", "message_type": "goods-receipt", "file": "rules.yaml"}
WITHDRAWS = {"name": "cancelled", "event": "OrderChanged.v1", "withdraws": [{"message_types": ["a", "b"]}], "file": "own.yaml"}
CLAIM = {"key": '["n1","anna"]', "about": "n1", "taken": False, "itself": False, "messages": []}
MESSAGE: dict[str, Any] = {
    "message": "m1",
    "recipient": {"person": "anna", "name": "Anna", "email": "anna@example.org", "hop": "orderer"},
    "reason": "you ordered these goods",
    "claims": [CLAIM],
    "mail": "at once",
    "preview": {"subject": "Your goods are here", "text": "Dear Anna,\n2 EA Paper", "html": "<p>"},
    "no_preview": "",
}
CONDITIONS = [
    {"field": "when.0", "source": 'booking == "automatic"', "passed": True, "otherwise": "by hand", "error": "", "lines": None},
    {"field": "lines.where.0", "source": "line.late", "passed": False, "otherwise": "in time", "error": "", "lines": 3, "passed_lines": 0},
    {"field": "when.1", "source": "dec(note)", "passed": None, "otherwise": "x", "error": "no decimal", "lines": None},
]
TRIED: dict[str, Any] = {
    "event": {"emitter": "erp", "type": "GoodsReceived.v1", "subject": "R1", "id": "e1"},
    "none": "",
    "rules": [
        {
            "rule": "goods-receipt",
            "message_type": "goods-receipt",
            "conditions": CONDITIONS,
            "error": "",
            "decisions": [
                {"outcome": "message", "reason": "you ordered", "person": "anna", "hop": "orderer", "message": "m1", "claims": []},
                {
                    "outcome": "none",
                    "reason": "told before",
                    "person": "bert",
                    "hop": "orderer",
                    "message": None,
                    "claims": [{**CLAIM, "taken": True, "messages": ["m0"]}],
                },
            ],
            "messages": [MESSAGE],
            "withdraws": [],
        }
    ],
}
NONE = {**TRIED, "rules": [{**TRIED["rules"][0], "messages": [], "decisions": TRIED["rules"][0]["decisions"][1:]}]}
PREFERENCES = {
    "person": "anna",
    "name": "Anna",
    "email": "anna@example.org",
    "zone": "Europe/Berlin",
    "mail": "now",
    "quiet_hours": {"from": "22:00", "until": "06:00"},
    "digest_at": "07:00",
    "types": [
        {"message_type": "goods-receipt", "label": {"en": "Receipt"}, "mandatory": False, "mail": "off", "own": True},
        {"message_type": "due-template", "label": {"en": "Due"}, "mandatory": False, "mail": "now", "own": False},
        {"message_type": "budget-expired", "label": {"en": "Budgets"}, "mandatory": True, "mail": "now", "own": False},
    ],
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "own.yaml"
    made.write_text("rules: []\n")
    return made


def test_the_list_names_each_rule_and_a_file_that_cannot_be_used(gateway: FakeGateway, cli: Cli) -> None:
    gateway.answers["GET", "/api/rules"] = (200, {"rules": [RULE, {**RULE, "mandatory": True}, WITHDRAWS], "faults": {}})
    done = cli("rules", "list")
    assert (done.code, done.err) == (0, "")
    assert [line.split() for line in done.out.splitlines()[1:]] == [
        ["goods-receipt", "GoodsReceived.v1", "goods-receipt", "optional", "rules.yaml"],
        ["goods-receipt", "GoodsReceived.v1", "goods-receipt", "mandatory", "rules.yaml"],
        ["cancelled", "OrderChanged.v1", "withdraws", "a,", "b", "own.yaml"],
    ]
    gateway.answers["GET", "/api/rules"] = (200, {"rules": [RULE], "faults": {"own.yaml": "own.yaml:3: rule 'x': event: unknown"}})
    done = cli("rules", "list")
    assert (done.code, done.err) == (1, "own.yaml:3: rule 'x': event: unknown. The last good version stays in force.\n")


def test_a_check_that_passes_and_one_that_does_not(gateway: FakeGateway, cli: Cli, file: Path) -> None:
    gateway.answers["POST", "/api/rules/check"] = (
        200,
        {"file": "own.yaml", "rules": [{**RULE, "replaces": "goods-receipt"}], "would_park": []},
    )
    done = cli("rules", "check", str(file))
    assert (done.code, "✓ goods-receipt: GoodsReceived.v1 → goods-receipt, instead of goods-receipt" in done.out) == (0, True)
    assert json.loads(gateway.asked[-1].body) == {"text": "rules: []\n", "name": "own.yaml", "alone": False}
    detail = "own.yaml:7: rule 'x': when.0.is: 'bookin' is not there"
    gateway.answers["POST", "/api/rules/check"] = (422, {"code": "rules_invalid", "detail": detail, "field": "when.0.is"})
    done = cli("rules", "check", str(file), "--alone")
    assert (done.code, done.err) == (1, f"postroom: {detail}\n")
    assert json.loads(gateway.asked[-1].body)["alone"] is True
    assert cli("rules", "check", str(file.parent / "nothing.yaml")).code == 2


def test_a_rule_that_parks_an_example_is_to_mend(gateway: FakeGateway, cli: Cli, file: Path) -> None:
    parking = {"rule": "goods-receipt", "example": "minimal", "detail": "the rule goods-receipt can't be evaluated: 'x': null"}
    gateway.answers["POST", "/api/rules/check"] = (200, {"file": "own.yaml", "rules": [RULE], "would_park": [parking]})
    done = cli("rules", "check", str(file))
    assert done.code == 1
    assert f"✗ An event like the example minimal would be parked: {parking['detail']}" in done.out
    assert "1 rule, 1 to mend" in done.out
    assert "✓" not in done.out


def test_a_try_is_a_tree_of_conditions_people_claims_and_the_mail(gateway: FakeGateway, cli: Cli, file: Path, tmp_path: Path) -> None:
    gateway.answers["POST", "/api/rules/try"] = (200, TRIED)
    (event := tmp_path / "event.json").write_text('{"type": "GoodsReceived.v1"}')
    done = cli("rules", "try", str(file), str(event), "--emitter", "erp")
    assert (done.code, done.err) == (0, "")
    asked = json.loads(gateway.asked[-1].body)
    assert (asked["event"], asked["emitter"], asked["text"]) == ({"type": "GoodsReceived.v1"}, "erp", "rules: []\n")
    for said in (
        "event GoodsReceived.v1 · from erp · subject R1 · e1",
        "rule goods-receipt",
        '✓ booking == "automatic"',
        "✗ line.late · 0 of 3 line(s) · in time",
        "? dec(note) · no decimal",
        "message → Anna (anna) <anna@example.org> · as orderer · you ordered these goods",
        'claim ["n1","anna"] · about n1 · free',
        "taken: told in message m0",
        "mail at once",
        "Your goods are here",
        "2 EA Paper",
        "nothing was stored and nothing was sent",
    ):
        assert said in done.out, said


def test_a_try_that_tells_nobody(gateway: FakeGateway, cli: Cli) -> None:
    gateway.answers["POST", "/api/rules/try"] = (200, NONE)
    done = cli("rules", "try", "0b5f-an-id")
    assert (done.code, "none → bert · as orderer · told before" in done.out) == (1, True)
    asked = json.loads(gateway.asked[-1].body)
    assert (asked["event_id"], "text" in asked) == ("0b5f-an-id", False)
    gateway.answers["POST", "/api/rules/try"] = (200, {**TRIED, "rules": [], "none": "no rule names this event type"})
    done = cli("rules", "try", "0b5f-an-id")
    assert (done.code, "no rule names this event type" in done.out) == (1, True)
    assert json.loads(cli("rules", "try", "0b5f-an-id", "--json").out)["rules"] == []


def test_a_try_of_what_is_no_event(gateway: FakeGateway, cli: Cli, file: Path) -> None:
    done = cli("rules", "try", str(file), str(file))
    assert (done.code, "is no JSON" in done.err) == (2, True)
    assert cli("rules", "try", "a", "b", "c").code == 2


def test_what_is_hostile_in_an_answer_commands_no_terminal(gateway: FakeGateway, cli: Cli) -> None:
    hostile = {**MESSAGE, "preview": {"subject": "\x1b[31m[bold]", "text": "\x1b]0;x\x07", "html": ""}, "reason": "[red]x"}
    gateway.answers["POST", "/api/rules/try"] = (200, {**TRIED, "rules": [{**TRIED["rules"][0], "messages": [hostile]}]})
    done = cli("rules", "try", "id")
    assert ("\x1b" in done.out, "[bold]" in done.out, "[red]x" in done.out) == (False, True, True)


def test_preferences_are_shown_and_set_in_the_name_of_a_person(gateway: FakeGateway, cli: Cli) -> None:
    gateway.answers["GET", "/api/preferences"] = gateway.answers["PUT", "/api/preferences"] = (200, PREFERENCES)
    done = cli("preferences", "show", "--as", "anna")
    assert (done.code, gateway.asked[-1].headers["authorization"]) == (0, "Bearer token-of-anna@demo")
    assert done.out.splitlines()[0] == "Anna (anna) <anna@example.org>"
    assert "optional mail now · digest at 07:00 · quiet from 22:00 until 06:00 · Europe/Berlin" in done.out
    rows = [line.split() for line in done.out.splitlines()[3:]]
    assert rows == [
        ["goods-receipt", "Receipt", "off"],
        ["due-template", "Due", "now", "as", "all"],
        ["budget-expired", "Budgets", "now", "mandatory"],
    ]
    done = cli(
        "preferences", "set", "goods-receipt=off", "due-template=default", "--mail", "digest", "--quiet", "22:00-06:00", "--as", "anna"
    )
    assert done.code == 0, done.err
    assert json.loads(gateway.asked[-1].body) == {
        "types": {"goods-receipt": "off", "due-template": None},
        "mail": "digest",
        "quiet_hours": {"from": "22:00", "until": "06:00"},
    }
    cli("preferences", "set", "--quiet", "none", "--digest-at", "08:00", "--as", "anna")
    assert json.loads(gateway.asked[-1].body) == {"types": {}, "quiet_hours": None, "digest_at": "08:00"}


def test_somebody_elses_are_read_as_operator(gateway: FakeGateway, cli: Cli) -> None:
    gateway.answers["GET", "/api/preferences?person=anna"] = (200, {**PREFERENCES, "email": None, "quiet_hours": None})
    done = cli("preferences", "show", "anna")
    assert (done.code, gateway.asked[-1].headers["authorization"]) == (0, "Bearer token-of-operator@demo")
    assert "no address: the inbox only" in done.out
    assert "no quiet hours" in done.out


def test_who_names_a_person_means_that_person_also_beside_a_token(gateway: FakeGateway, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway.answers["GET", "/api/preferences"] = (200, PREFERENCES)
    monkeypatch.setenv("POSTROOM_TOKEN", "mine")
    cli("preferences", "show", "--as", "anna")
    assert gateway.asked[-1].headers["authorization"] == "Bearer token-of-anna@demo"
    cli("preferences", "show")
    assert gateway.asked[-1].headers["authorization"] == "Bearer mine"


def test_odd_wishes_and_mandatory_types(gateway: FakeGateway, cli: Cli) -> None:
    for odd in (["goods-receipt"], ["=off"], ["--quiet", "22-06"]):
        assert cli("preferences", "set", *odd, "--as", "anna").code == 2, odd
    assert gateway.asked == []
    gateway.answers["PUT", "/api/preferences"] = (409, {"code": "mandatory", "detail": "“Budgets” is mandatory.", "field": "types.b"})
    done = cli("preferences", "set", "b=off", "--as", "anna")
    assert (done.code, "“Budgets” is mandatory." in done.err) == (1, True)


def test_on_a_terminal_names_stay_whole_and_what_goes_without_saying_is_left_out() -> None:
    """The longest names of the house leave no room for the type and the file in 100 columns."""
    assert [_brief(one) for one in (RULE, {**RULE, "name": "mine", "mandatory": True}, WITHDRAWS)] == [
        ("goods-receipt", "GoodsReceived.v1", "optional"),
        ("mine", "GoodsReceived.v1", "mandatory\nas goods-receipt"),
        ("cancelled", "OrderChanged.v1", "withdraws\na,\nb\nown.yaml"),
    ]
