"""The command against the real gateway, po-service and rules; commlog and mailer are away."""

import json
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx
import pytest

from embedded.issuer import ensure_issuer
from embedded.paths import ROOT
from embedded.ports import free_port
from embedded.services import Service
from postroom_cli.app import run

SAMPLES = Path(__file__).parents[2] / "samples"
MODULES = {"po": "po_service.app", "rules": "notification_rules.app", "gateway": "gateway.app"}


@dataclass(frozen=True)
class Ran:
    """What a run of the command left behind."""

    code: int
    out: str
    err: str


Cli = Callable[..., Ran]


@pytest.fixture(scope="module")
async def installation(kafka: str, postgres: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    """A folder with .run/endpoints.json of three running services, their databases made by themselves."""
    folder = tmp_path_factory.mktemp("installation")
    issuer = ensure_issuer(folder / ".run" / "issuer")
    ports = {key: free_port() for key in MODULES}
    databases = {key: f"cli_{key}_{uuid4().hex[:8]}" for key in MODULES}
    env = {
        "POSTROOM_KAFKA": kafka,
        "POSTROOM_POSTGRES": postgres,
        "POSTROOM_EMITTERS": str(ROOT / "deploy" / "emitters.yaml"),
        "POSTROOM_BLOBS": str(folder / "blobs"),
        "POSTROOM_ISSUER_PUBLIC": str(issuer.public),
        "POSTROOM_ISSUER_PRIVATE": str(issuer.private),
        "POSTROOM_ISSUER_SECRET": issuer.secret,
        "POSTROOM_COMMLOG_URL": "http://127.0.0.1:1",
        "POSTROOM_MAILER_URL": "http://127.0.0.1:1",
        **{f"POSTROOM_{key.upper()}_URL": f"http://127.0.0.1:{port}" for key, port in ports.items()},
    }
    endpoints = {"gateway_url": f"http://127.0.0.1:{ports['gateway']}", "kafka": kafka, "issuer_secret": issuer.secret}
    (folder / ".run" / "endpoints.json").write_text(json.dumps(endpoints))
    services = [
        Service(key, module, ports[key], {**env, "POSTROOM_DATABASE": databases[key]}, folder / f"{key}.log")
        for key, module in MODULES.items()
    ]
    with ExitStack() as stack, ThreadPoolExecutor() as pool:
        for service in services:
            stack.callback(service.stop)
        list(pool.map(Service.start, services))
        yield folder
    connection = await asyncpg.connect(f"{postgres}/postgres")
    for database in databases.values():
        await connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
    await connection.close()


@pytest.fixture
def cli(installation: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """`cli("status")` as a user runs it inside the installation's folder."""
    monkeypatch.chdir(installation)

    def call(*arguments: str) -> Ran:
        capsys.readouterr()
        code = run(arguments)
        return Ran(code, *capsys.readouterr())

    return call


def _until(check: Callable[[], bool]) -> None:
    """Wait for what comes through Kafka."""
    deadline = time.monotonic() + 60
    while not check():
        assert time.monotonic() < deadline, "it did not come within 60 s"
        time.sleep(0.3)


def test_a_document_that_is_no_document_is_parked_shown_and_discarded(cli: Cli, tmp_path: Path) -> None:
    broken = tmp_path / "broken.xml"
    broken.write_text("<Order>")
    done = cli("import", str(broken), "--json")
    assert done.code == 1, done.err
    row = json.loads(done.out)["documents"][0]
    assert (row["outcome"], row["file"]) == ("parked", str(broken))
    ref = f"po-service/{row['parked']}"
    assert ref in cli("parked", "list", "--service", "po-service").out
    assert "<Order>" in cli("parked", "show", ref).out
    assert cli("parked", "replay", ref).code == 1
    assert cli("parked", "discard", ref).out == f"{ref}: discarded\n"
    assert cli("parked", "discard", ref).code == 1
    assert cli("parked", "list", "--service", "po-service").out == "Nothing is parked.\n"
    assert "discarded" in cli("parked", "list", "--service", "po-service", "--closed").out


def test_a_document_is_explained_while_it_waits_and_once_its_order_is_there(cli: Cli) -> None:
    """As ops ask: by the order's number, before there is any event, and then by the despatch advice's own."""
    order, despatch = SAMPLES / "order-4321.xml", SAMPLES / "despatch-4321.xml"
    assert cli("import", str(despatch)).code == 0
    waits = cli("explain", "4321")
    assert (waits.code, "waiting DespatchAdvice D-1 · for the order 4321" in waits.out) == (0, True), waits
    assert cli("import", str(order)).code == 0
    _until(lambda: "event DeliveryNoteRecorded.v1" in cli("explain", "D-1").out)
    lines = [line.lstrip("│ ├└─") for line in cli("explain", "4321").out.splitlines()]
    assert [line.partition(" ")[0] for line in lines[:5]] == ["4321", "order", "contract", "processed", "processed"]
    told = json.loads(cli("explain", "4321", "--json").out)
    assert [(one["kind"], one["outcome"]) for one in told["documents"]] == [("DespatchAdvice", "processed"), ("Order", "processed")]


def test_a_broken_event_is_emitted_parked_mended_and_explained(cli: Cli, tmp_path: Path) -> None:
    id_ = str(uuid4())
    event = {"specversion": "1.0", "id": id_, "source": "/cli-tests", "type": "BudgetExpired.v1", "subject": "B-cli"}
    data = {"budget": "B-cli", "name": "B", "kind": "user", "period_start": "2026-01-01", "period_end": "2026-06-30"}
    file = tmp_path / "event.json"
    file.write_text(json.dumps({**event, "data": data}))
    assert cli("emit", str(file)).code == 1

    def parked() -> list[str]:
        rows = json.loads(cli("parked", "list", "--service", "notification-rules", "--json").out)["parked"]
        return [f"{row['service']}/{row['id']}" for row in rows if row["event_id"] == id_]

    _until(lambda: bool(parked()))
    assert "parked" in cli("explain", id_).out
    mended = {**data, "start_value": "1", "current_value": "0", "currency": "EUR", "reason": "date", "owner": "nobody.yet"}
    file.write_text(json.dumps({**event, "data": mended}))
    done = cli("parked", "replay", parked()[0], "--value", str(file))
    assert (done.code, done.err) == (0, "")
    story = cli("explain", id_)
    assert story.code == 0
    assert "event BudgetExpired.v1" in story.out
    assert "closed: mended" in story.out
    assert "mailer-service does not answer" in story.err
    assert parked() == []


def test_tasks_tokens_status_and_what_is_not_known(cli: Cli) -> None:
    assert "check-budgets" in cli("task", "list").out
    assert json.loads(cli("task", "run", "check-budgets", "--as-of", "2026-12-01", "--json").out)["raised"] == 0
    assert cli("task", "run", "nope").code == 1
    assert cli("token", "operator").out.count(".") == 2
    assert "nobody" in cli("token", "nobody").err
    assert cli("explain", "never-heard-of").code == 1
    status = cli("status", "--json")
    assert status.code == 1
    answer = json.loads(status.out)
    assert set(answer["services"]) == {"po-service", "notification-rules"}
    assert set(answer["unreachable"]) == {"commlog-service", "mailer-service"}
    assert {"lag", "outbox", "parked", "duplicates", "waiting"} <= set(answer["services"]["po-service"])


def test_after_a_restore_one_says_how_to_go_on_and_the_mailer_must_be_there(cli: Cli) -> None:
    """The mailer doesn't run here: nothing is released behind its back."""
    assert "mailer-service does not answer" in cli("restore", "status").err
    assert cli("restore", "list").code == 2
    assert "Say how" in cli("restore", "release").err
    assert "Say how" in cli("restore", "release", "--all", "--sent-by-outcomes").err
    refused = cli("restore", "release", "--all")
    assert refused.code == 2
    assert "mailer-service can't be reached" in refused.err


OWN_RULE = """\
rules:
  - name: big-budgets
    event: BudgetExpired.v1
    message_type: big-budgets
    label: {en: A big budget has run out, de: Ein großes Budget ist abgelaufen}
    when:
      - is: dec(start_value) >= dec("10000")
        otherwise: a small budget
    recipients:
      - {hop: owner, person: owner, because: it is yours}
    claim: {key: "[budget, period_start]", about: budget, told: told before}
"""


def test_rules_are_checked_and_tried_without_effect(cli: Cli, tmp_path: Path) -> None:
    """As a customer's engineer writes a rule: check, try with an event, and see why."""
    rules, event = tmp_path / "big-budgets.yaml", tmp_path / "event.json"
    rules.write_text(OWN_RULE)
    assert "✓ big-budgets: BudgetExpired.v1 → big-budgets" in cli("rules", "check", str(rules)).out
    data = {
        "budget": "B9",
        "name": "Travel",
        "kind": "user",
        "period_start": "2026-01-01",
        "period_end": "2026-06-30",
        "owner": "nobody.yet",
    }
    data |= {"start_value": "9000", "current_value": "0", "currency": "EUR", "reason": "date"}
    event.write_text(json.dumps({"type": "BudgetExpired.v1", "data": data}))
    tried = cli("rules", "try", str(rules), str(event), "--emitter", "erp")
    assert (tried.code, tried.err) == (1, "")
    assert '✗ dec(start_value) >= dec("10000") · a small budget' in tried.out
    assert "undecided" in tried.out, "the house's own rule waits for the owner"
    rules.write_text(OWN_RULE.replace("start_value", "start_valu"))
    refused = cli("rules", "check", str(rules))
    assert (refused.code, "big-budgets.yaml:7: rule 'big-budgets': when.0.is: " in refused.err) == (1, True), refused.err
    listed = cli("rules", "list")
    assert (listed.code, "big-budgets" in listed.out, "budget-expired" in listed.out) == (0, False, True)


def test_preferences_are_set_in_a_persons_own_name(cli: Cli, installation: Path) -> None:
    endpoints = json.loads((installation / ".run" / "endpoints.json").read_text())
    headers = {"Authorization": f"Bearer {cli('token', 'operator').out.strip()}"}
    with httpx.Client(base_url=endpoints["gateway_url"], headers=headers, trust_env=False) as http:
        assert http.put("/api/companies/cli-buyer", json={"name": "Buyer", "side": "client"}).is_success
        person = {"name": "Pia", "email": "pia@example.org", "zone": "Europe/Vienna", "company": "cli-buyer"}
        assert http.put("/api/people/pia", json=person).is_success
    _until(lambda: "Europe/Vienna" in cli("preferences", "show", "pia").out)
    done = cli("preferences", "set", "goods-receipt=off", "--quiet", "22:00-06:00", "--as", "pia")
    assert (done.code, done.err) == (0, "")
    assert "quiet from 22:00 until 06:00 · Europe/Vienna" in cli("preferences", "show", "--as", "pia").out
    refused = cli("preferences", "set", "budget-expired=off", "--as", "pia")
    assert (refused.code, "is mandatory: its mail always comes" in refused.err) == (1, True)
