"""An integrator and an operator, with tools that are not ours: kcat, a plain Kafka client, and the command line."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from rich.console import Console
from tests.e2e.conftest import House

from embedded.demo import cast, scenes
from embedded.demo.door import until
from embedded.demo.scenes import received, structured
from embedded.demo.stage import Stage

KCAT = shutil.which("kcat")
needs_kcat = pytest.mark.skipif(KCAT is None, reason="kcat is not installed (Debian: apt-get install kcat)")


@pytest.fixture(scope="module")
def told(house: House) -> House:
    """The house with the demo's people in its directory."""
    scenes.set_the_scene(Stage(house.door, Console(quiet=True)))
    return house


def mails(house: House, to: str, words: str) -> list[dict[str, Any]]:
    return house.door.mails(to, words)


@needs_kcat
@pytest.mark.parametrize("mode", ["binary", "structured"])
def test_an_event_written_by_kcat_becomes_a_mail(told: House, mode: str) -> None:
    """With headers as `kcat -H` writes them, and as one JSON document without any."""
    order = f"KCAT-{mode}-{uuid4().hex[:6]}"
    event = received(order, order, cast.BELA, "Cable")
    key, headers, value = event
    options = [part for name, text in headers for part in ("-H", f"{name}={text.decode()}")] if mode == "binary" else []
    body = value.decode() if mode == "binary" else structured(event)
    subprocess.run(
        [str(KCAT), "-P", "-b", told.endpoints["kafka"], "-t", "in.erp", "-k", key, *options], input=body, text=True, check=True, timeout=30
    )
    until("the mail", lambda: mails(told, cast.address(cast.BELA), order) or None)


@needs_kcat
def test_ops_read_the_decision_with_kcat(told: House) -> None:
    """Headers and plain JSON on `decisions`: who was told and why, without any tool of ours."""
    order = f"READ-{uuid4().hex[:6]}"
    told.door.write("in.erp", [received(order, order, cast.BELA, "Cable")])
    until("the mail", lambda: mails(told, cast.address(cast.BELA), order) or None)
    read = [str(KCAT), "-C", "-b", told.endpoints["kafka"], "-t", "decisions", "-o", "beginning", "-e", "-q", "-f", "%h|%s\n"]
    lines = subprocess.run(read, capture_output=True, text=True, check=True, timeout=30).stdout.splitlines()
    (mine,) = [line for line in lines if order in line]
    headers, _, value = mine.partition("|{")
    assert "ce_type=DecisionMade.v1" in headers
    decision = json.loads("{" + value)
    assert (decision["outcome"], decision["person"], decision["order_number"]) == ("message", cast.BELA, order)


def test_the_command_line_tells_the_story(told: House, tmp_path: Path) -> None:
    """emit → explain: the event, the decision, the mail and its attempt; twice emitted it is one mail."""
    order = f"CLI-{uuid4().hex[:6]}"
    file = tmp_path / "events.jsonl"
    file.write_text(structured(received(order, order, cast.ANNA, "Cable")) + "\n")
    for _ in range(2):
        done = told.postroom("emit", str(file))
        assert done.returncode == 0, done.stderr
    until("the mail", lambda: mails(told, cast.address(cast.ANNA), order) or None)
    story = until("the attempt", lambda: _sent(told, order), pause=0.5)
    (event,) = story["events"]
    (decision,) = event["decisions"]
    assert (decision["outcome"], decision["person"], decision["hop"]) == ("message", cast.ANNA, "orderer")
    assert len(mails(told, cast.address(cast.ANNA), order)) == 1
    shown = told.postroom("explain", order).stdout
    assert "you ordered these goods" in shown
    assert "attempt 1" in shown


def _sent(house: House, ref: str) -> dict[str, Any] | None:
    story: dict[str, Any] = house.postroom_json("explain", ref)
    states = [
        envelope["state"]
        for event in story.get("events", [])
        for decision in event["decisions"]
        for envelope in (decision["message"] or {"envelopes": []})["envelopes"]
    ]
    return story if states == ["sent"] else None


def test_what_is_parked_is_listed_mended_and_replayed(told: House, tmp_path: Path) -> None:
    """A quantity as a number is refused with its field; mended by an operator it has its effect, and the row is closed."""
    order = f"PARK-{uuid4().hex[:6]}"
    told.door.write("in.erp", [received(order, order, cast.ANNA, "Cable", quantity=5.5)])
    row = until("the parked row", lambda: next((one for one in _parked(told) if one["event_id"] == order), None), pause=0.5)
    assert (row["reason"], row["path"]) == ("invalid", "data.lines.0.quantity")
    mended = tmp_path / "mended.json"
    mended.write_text(structured(received(order, order, cast.ANNA, "Cable")))
    number = f"{row['service']}/{row['id']}"
    refused = told.postroom("parked", "replay", number)
    assert refused.returncode != 0
    assert "quantity" in refused.stderr + refused.stdout
    done = told.postroom("parked", "replay", number, "--value", str(mended))
    assert done.returncode == 0, done.stderr
    until("the mail", lambda: mails(told, cast.address(cast.ANNA), order) or None)
    assert not [one for one in _parked(told) if one["event_id"] == order]


def _parked(house: House) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = house.postroom_json("parked", "list")["parked"]
    return rows


def test_every_task_and_figure_is_there(told: House) -> None:
    """task list and run, status with the figures that the issue names, token."""
    tasks = {task["task"] for task in told.postroom_json("task", "list")["tasks"]}
    assert "check-budgets" in tasks
    assert told.postroom_json("task", "run", "check-budgets", "--as-of", "2026-11-01")["task"] == "check-budgets"
    services = told.postroom_json("status")["services"]
    for service in ("po-service", "commlog-service", "notification-rules", "mailer-service"):
        assert {"lag", "outbox", "parked", "duplicates"} <= services[service].keys()
    assert "waiting" in services["po-service"]
    assert "undecided" in services["notification-rules"]
    assert {"envelopes", "leases"} <= services["mailer-service"].keys()
    assert told.postroom("token", cast.FRIDA).stdout.count(".") >= 2
