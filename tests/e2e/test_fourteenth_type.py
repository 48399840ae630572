"""A customer's own message type, added at run time as docs/add-a-message-type.md says it, by the very commands that stand there."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.conftest import House

from embedded import control
from embedded.demo.door import until
from embedded.paths import ROOT

PAGE = (ROOT / "docs" / "add-a-message-type.md").read_text("utf-8")
CODE = re.compile(r"^```\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_SHOWN, *STEPS = CODE.findall(PAGE)
pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed (Debian: apt-get install curl)")


@pytest.fixture
def newcomer(house: House, tmp_path: Path) -> Iterator[Path]:
    """A folder that looks like the repository to whoever follows the page; its `custom` is the house's."""
    custom = Path(house.endpoints["custom"])
    (tmp_path / ".run").symlink_to(house.run)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / "custom").symlink_to(custom)
    yield tmp_path
    for folder in ("rules", "templates"):
        shutil.rmtree(custom / folder)
        (custom / folder).mkdir()


def test_the_page_leads_to_a_mail_in_each_language_without_a_restart(house: House, newcomer: Path) -> None:
    before = control.endpoints(house.run)["pids"]
    script = "set -e\n" + "\n".join(STEPS)
    done = subprocess.run(["bash", "-c", script], cwd=newcomer, capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing wrong, with each of" in done.stdout
    assert "Budget aufgebraucht: Workshop tools" in done.stdout, "the preview in German"
    assert {to: _subjects(house, f"{to}@acme.example") for to in ("cora", "carl", "you")} == {
        "cora": ["Budget used up: Workshop tools"],
        "carl": ["Budget aufgebraucht: Workshop tools"],
        "you": ["[Test] Budget used up: Workshop tools"],
    }
    tried = re.search(r"postroom explain (\S+) tells", done.stdout)
    assert tried
    assert "[Test] Budget used up" in house.postroom("explain", tried[1]).stdout
    assert control.endpoints(house.run)["pids"] == before, "nothing was started anew"


def test_a_template_copied_to_the_folder_lets_go_of_what_waited_for_it(house: House, newcomer: Path) -> None:
    """The rule comes first, then the event, which waits; then the template, by `cp`, and a broken one meanwhile holds nobody else."""
    written = "\n".join(STEPS[:4]).splitlines()
    script = "set -e\n" + "\n".join(line for line in written if not line.startswith("postroom "))
    event = (newcomer / "event.json").as_posix()
    done = subprocess.run(["bash", "-c", script], cwd=newcomer, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    broken = newcomer / "custom" / "templates" / "budget-warning"
    shutil.copytree(newcomer / "budget-warning", broken)
    (broken / "body.html").write_text("<p>{{ facts.name|safe }}</p>")
    # A rule counts for what comes after it was read: within 2 s, or as soon as the list shows it.
    until("the rule", lambda: "budget-warning" in house.postroom("rules", "list").stdout or None, pause=0.5)
    _emit(house, Path(event), "budget-2", "B-78")
    until("both are held", lambda: _states(house, "budget-2") == ["held", "held"] or None, pause=0.5)
    listed = house.postroom("templates", "list")
    assert listed.returncode == 1
    assert "must be escaped" in listed.stdout
    shutil.copy(newcomer / "budget-warning" / "body.html", broken / "body.html")
    until("both are sent", lambda: _states(house, "budget-2") == ["sent", "sent"] or None, pause=0.5)
    assert house.postroom("templates", "list").returncode == 0


def _subjects(house: House, to: str) -> list[str]:
    mails = until(f"the mail to {to}", lambda: house.door.mails(to) or None)
    return [str(mail["Subject"]).partition(" (")[0] for mail in mails]


def _emit(house: House, event: Path, id_: str, budget: str) -> None:
    event.write_text(event.read_text().replace("budget-1", id_).replace("B-77", budget))
    done = house.postroom("emit", str(event))
    assert done.returncode == 0, done.stderr


def _states(house: House, event: str) -> list[str]:
    story = house.postroom_json("explain", event)
    decisions = [decision for one in story.get("events", []) for decision in one["decisions"]]
    told = [decision["message"] for decision in decisions if decision["message_type"] == "budget-warning" and decision["message"]]
    return [envelope["state"] for message in told if isinstance(message, dict) for envelope in message["envelopes"]]
