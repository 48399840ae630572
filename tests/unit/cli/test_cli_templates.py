"""postroom templates: what is sent to the gateway, findings as compilers print them, and exit codes that scripts can use."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli.conftest import Cli, FakeGateway

PATH = "/api/templates/budget-warning"
GOOD = {"ok": True, "findings": [], "examples": ["minimal"], "event": "BudgetExpired.v1", "message_type": "budget-warning"}
FAULTY = {**GOOD, "ok": False, "findings": [{"file": "de/body.txt", "line": 3, "problem": "There is no filter 'mony'."}]}
MAIL = {"subject": "Left", "text": "€\N{NO-BREAK SPACE}12 \x1b[2J", "html": "<p>Left</p>"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "budget-warning"
    (folder / "de").mkdir(parents=True)
    (folder / "subject.txt").write_text("Left", "utf-8-sig")
    (folder / "de" / "subject.txt").write_text("Frei")
    (folder / "subject.txt~").write_text("an editor's copy")
    (folder / ".swp").write_text("another's")
    return folder


def test_check_sends_the_folders_files_under_its_name_and_points_to_the_line(gateway: FakeGateway, cli: Cli, folder: Path) -> None:
    gateway.answers["POST", f"{PATH}/check"] = (200, FAULTY)
    ran = cli("templates", "check", str(folder), "--event", "BudgetExpired.v1")
    assert ran.code == 1
    assert f"{folder}/de/body.txt:3: There is no filter 'mony'." in ran.out
    files = {"subject.txt": "Left", "de/subject.txt": "Frei"}
    assert json.loads(gateway.asked[-1].body) == {"event": "BudgetExpired.v1", "files": files}


def test_save_writes_nothing_while_something_is_wrong(gateway: FakeGateway, cli: Cli, folder: Path) -> None:
    gateway.answers["POST", f"{PATH}/check"] = (200, FAULTY)
    assert cli("templates", "save", "budget-warning", str(folder)).code == 1
    assert "PUT" not in {one.method for one in gateway.asked}
    gateway.answers["POST", f"{PATH}/check"] = (200, GOOD)
    gateway.answers["PUT", PATH] = (200, {"whose": "customer"})
    ran = cli("templates", "save", "budget-warning", str(folder))
    assert (ran.code, "in force from now on" in ran.out) == (0, True)


def test_list_exits_1_while_a_template_can_not_be_used(gateway: FakeGateway, cli: Cli) -> None:
    row: dict[str, Any] = {"message_type": "budget-warning", "whose": None, "languages": [], "problem": "subject.txt: It is missing"}
    gateway.answers["GET", "/api/templates"] = (200, {"custom": "/custom/templates", "templates": [row]})
    ran = cli("templates", "list")
    assert ran.code == 1
    assert "its mails are held: subject.txt: It is missing" in ran.out
    assert cli("templates", "list", "--json").json["templates"] == [row]


def test_preview_takes_a_message_or_an_event_and_can_not_command_the_terminal(gateway: FakeGateway, cli: Cli, tmp_path: Path) -> None:
    gateway.answers["POST", f"{PATH}/preview"] = (200, MAIL)
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"specversion": "1.0", "type": "BudgetExpired.v1", "data": {"name": "B1"}}))
    page = tmp_path / "page.html"
    ran = cli("templates", "preview", "budget-warning", "--facts", str(event), "--html", str(page))
    assert ran.code == 0
    assert "€\N{NO-BREAK SPACE}12" in ran.out
    assert "\x1b[2J" not in ran.out
    assert page.read_text() == MAIL["html"]
    assert json.loads(gateway.asked[-1].body) == {"facts": {"name": "B1"}, "event": "BudgetExpired.v1", "language": None}
    cli("templates", "preview", "budget-warning", "--message", "m-1", "--language", "de")
    assert json.loads(gateway.asked[-1].body) == {"message": "m-1", "language": "de"}
    assert cli("templates", "preview", "budget-warning").code == 2


def test_a_test_goes_to_the_address_that_one_names(gateway: FakeGateway, cli: Cli) -> None:
    gateway.answers["POST", f"{PATH}/test"] = (202, {"message": "m-2", "to": "me@example.com", "subject": "[Test] Left"})
    ran = cli("templates", "test", "budget-warning", "--message", "m-1", "--to", "me@example.com")
    assert (ran.code, "“[Test] Left” is on its way to me@example.com." in ran.out) == (0, True)
    token = next(one for one in gateway.asked if one.path == "/token")
    assert json.loads(token.body)["email"] == "me@example.com"


def test_show_writes_the_files_to_start_from_and_remove_tells_what_is_in_force(gateway: FakeGateway, cli: Cli, tmp_path: Path) -> None:
    gateway.answers["GET", PATH] = (200, {"files": {"subject.txt": "Left", "de/subject.txt": "Frei"}})
    assert cli("templates", "show", "budget-warning", "--to", str(tmp_path / "new")).code == 0
    assert (tmp_path / "new" / "de" / "subject.txt").read_text() == "Frei"
    gateway.answers["DELETE", PATH] = (200, {"message_type": "budget-warning", "removed": True, "whose": "house"})
    assert "the house's are in force again" in cli("templates", "remove", "budget-warning").out


def test_a_folder_without_files_is_named(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "nothing"):
        ran = cli("templates", "check", str(folder))
        assert (ran.code, str(folder) in ran.err) == (2, True)
