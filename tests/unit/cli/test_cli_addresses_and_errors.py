"""Where the command looks for Postroom, who it is there, and how it says what went wrong."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.cli.conftest import SECRET, Cli, FakeGateway

TASKS = {"tasks": [{"name": "check-budgets", "last_slot": "2026-11-23"}]}


def test_the_address_comes_from_the_nearest_endpoints_file_upward(gateway: FakeGateway, cli: Cli) -> None:
    gateway.answers["GET", "/api/tasks"] = (200, TASKS)
    ran = cli("task", "list", "--json")
    assert (ran.code, ran.json) == (0, TASKS)


def test_it_asks_as_the_operator_of_the_tenant(gateway: FakeGateway, cli: Cli) -> None:
    gateway.answers["GET", "/api/tasks"] = (200, TASKS)
    cli("task", "list", "--tenant", "acme")
    token, tasks = gateway.asked
    assert token.headers["x-issuer-secret"] == SECRET
    assert json.loads(token.body) == {"person": "operator", "tenant": "acme"}
    assert tasks.headers["authorization"] == "Bearer token-of-operator@acme"


def test_a_token_of_the_environment_is_taken_instead(gateway: FakeGateway, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway.answers["GET", "/api/tasks"] = (200, TASKS)
    monkeypatch.setenv("POSTROOM_TOKEN", "mine")
    assert cli("task", "list").code == 0
    assert [(one.path, one.headers["authorization"]) for one in gateway.asked] == [("/api/tasks", "Bearer mine")]


def test_an_option_beats_the_file(gateway: FakeGateway, cli: Cli) -> None:
    ran = cli("--gateway", "http://127.0.0.1:1", "status")
    assert ran.code == 2
    assert "http://127.0.0.1:1 does not answer" in ran.err
    assert gateway.asked == []


def test_without_any_address_it_says_how_to_give_one(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = cli("status")
    assert ran.code == 2
    assert "Nothing says where the gateway is." in ran.err
    assert "--gateway" in ran.err
    assert "POSTROOM_GATEWAY_URL" in ran.err


def test_without_token_and_issuer_it_says_so(gateway: FakeGateway, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    ran = cli("--gateway", gateway.url, "status", "--json")
    assert (ran.code, json.loads(ran.err)["error"]["code"]) == (2, "no_issuer")
    assert ran.out == ""


def test_a_broken_endpoints_file_is_named(gateway: FakeGateway, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / ".run" / "endpoints.json").write_text("{")
    ran = cli("status")
    assert ran.code == 2
    assert "endpoints.json can't be read" in ran.err


@pytest.mark.parametrize(("status", "code"), [(404, 1), (409, 1), (422, 1), (401, 2), (403, 2), (500, 2), (503, 2)])
def test_a_problem_is_told_with_its_field_and_an_exit_code(gateway: FakeGateway, cli: Cli, status: int, code: int) -> None:
    gateway.answers["POST", "/api/tasks/no/run"] = (status, {"code": "a_code", "detail": "Not so.", "field": "as_of"})
    ran = cli("task", "run", "no")
    assert ran.code == code
    assert "postroom: Not so. (at as_of)" in ran.err
    machine = cli("task", "run", "no", "--json")
    assert (machine.code, machine.out) == (code, "")
    error = json.loads(machine.err)["error"]
    assert (error["code"], error["detail"], error["field"]) == ("a_code", "Not so.", "as_of")


def test_an_answer_that_is_no_json_is_one_sentence(gateway: FakeGateway, cli: Cli) -> None:
    gateway.answers["GET", "/status"] = (200, b"<html>")
    ran = cli("status")
    assert ran.code == 2
    assert "no JSON" in ran.err


@pytest.mark.parametrize("arguments", [["nope"], ["status", "--nope"], ["task", "run"], ["import", "/does/not/exist.xml"]])
def test_wrong_usage_is_code_2_for_persons_and_scripts(cli: Cli, arguments: list[str]) -> None:
    assert cli(*arguments).code == 2
    machine = cli(*arguments, "--json")
    assert (machine.code, json.loads(machine.err)["error"]["code"]) == (2, "usage")


@pytest.mark.parametrize("command", ["import", "emit", "explain", "parked", "task", "token", "status"])
def test_every_command_explains_itself(cli: Cli, command: str) -> None:
    ran = cli(command, "--help")
    assert ran.code == 0
    assert "Usage" in ran.out


def test_the_installed_command_has_no_traceback_for_any_of_this(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("postroom")
    done = subprocess.run([command, "status"], check=False, capture_output=True, text=True, cwd=tmp_path, timeout=30)
    assert done.returncode == 2
    assert done.stderr.startswith("postroom: Nothing says where the gateway is.")
