"""The versions of an upgrade, as trees that services are started from: the landed one, this one, and two made-up later ones.

What the later ones change is what a version may: a column is added, another renamed by expanding and contracting, an event gets a field
and another one its next major.
"""

import io
import json
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

from embedded.errors import EmbeddedError
from embedded.paths import ROOT

Data = dict[str, Any]
PARTS = ("shared", "services")
LANDED = ROOT / "tests" / "contract" / "landed.txt"
COMING = Path(__file__).parent / "coming"
_NOTE = "shared/postroom/contracts/purchasing.py"
_STORE = "services/mailer-service/mailer_service/store"
_MIGRATIONS = {
    "mailer": "services/mailer-service/mailer_service/migrations",
    "rules": "services/notification-rules/notification_rules/migrations",
    "po": "services/po-service/po_service/migrations",
}
_ADDED = {
    "rules": "ALTER TABLE decisions ADD COLUMN remark text NOT NULL DEFAULT '';\n",
    "po": "ALTER TABLE orders ADD COLUMN remark text;\n",
}

_LIFT = """LIFTS: dict[str, Lift] = {
    "DeliveryNoteRecorded.v1": lambda old: {"recorded_by" if name == "origin" else name: value for name, value in old.items()}
}"""


def python_path(tree: Path) -> str:
    """What PYTHONPATH must be to have a service of this tree."""
    return os.pathsep.join(map(str, (tree / "shared", *sorted((tree / "services").iterdir()))))


def landed_commit() -> str:
    """The commit that installations run: the one that landed.txt names, or POSTROOM_UPGRADE_FROM."""
    named = re.search(r"commit (\w+)", LANDED.read_text())
    return os.environ.get("POSTROOM_UPGRADE_FROM") or (named[1] if named else "")


def landed(folder: Path) -> Path:
    """The services as they were in that commit. Raises EmbeddedError where there is no history to take it from."""
    packed = subprocess.run(["git", "archive", landed_commit(), *PARTS], cwd=ROOT, check=False, capture_output=True)
    if packed.returncode:
        raise EmbeddedError(
            f"the commit {landed_commit()}, from which the upgrade begins, is not in this repository's history: fetch it, or name another "
            f"one by POSTROOM_UPGRADE_FROM ({packed.stderr.decode(errors='replace').strip()})"
        )
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def coming(folder: Path) -> Path:
    """This version, and on top of it what a next one brings: DeliveryNoteRecorded.v2, a new field in an event, changed tables."""
    for part in PARTS:
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    _next_major(folder)
    _change(
        folder / "shared/postroom/contracts/messages.py", '    sender: Text = ""\n', '    sender: Text = ""\n    remark: Text = "new"\n'
    )
    for name in ("digests", "inbox", "reading", "rendered"):
        _change(folder / _STORE / f"{name}.py", "m.hop", "m.standing AS hop")
    _change(folder / _STORE / "intake.py", "zone, hop, reason", "zone, standing, reason", count=1)
    for file in COMING.glob("mailer_90*.sql"):
        shutil.copy(file, folder / _MIGRATIONS["mailer"] / file.name.removeprefix("mailer_"))
    for service, statement in _ADDED.items():
        (folder / _MIGRATIONS[service] / "9001_remark.sql").write_text(statement)
    return folder


def later(folder: Path, before: Path) -> Path:
    """The version after that: what the renaming left behind goes."""
    shutil.copytree(before, folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(COMING / "mailer_9101.sql", folder / _MIGRATIONS["mailer"] / "9101.sql")
    return folder


def _next_major(folder: Path) -> None:
    """`origin` is called `recorded_by` from the second major on; the first is lifted to it."""
    _change(folder / _NOTE, '"DeliveryNoteRecorded.v1"', '"DeliveryNoteRecorded.v2"')
    _change(folder / _NOTE, '    origin: Text = "despatch-advice"', '    recorded_by: Text = "despatch-advice"')
    _change(
        folder / "services/po-service/po_service/domain/notes.py",
        "        origin=note.origin,",
        "        recorded_by=note.origin,",
        count=1,
    )
    rules = folder / "services/notification-rules/notification_rules/rules.yaml"
    _change(rules, "DeliveryNoteRecorded.v1", "DeliveryNoteRecorded.v2")
    _change(rules, 'when: origin == "requester"', 'when: recorded_by == "requester"')
    _change(folder / "shared/postroom/contracts/versions.py", "LIFTS: dict[str, Lift] = {}", _LIFT)
    examples = folder / "shared/postroom/contracts/examples"
    (examples / "DeliveryNoteRecorded.v2").mkdir()
    for file in (examples / "DeliveryNoteRecorded.v1").glob("*.json"):
        event = json.loads(file.read_text())
        event |= {"type": "DeliveryNoteRecorded.v2", "data": lifted(event["data"])}
        (examples / "DeliveryNoteRecorded.v2" / file.name).write_text(json.dumps(event))


def lifted(data: Data) -> Data:
    """Data of DeliveryNoteRecorded.v1 as the second major has them."""
    return {"recorded_by" if name == "origin" else name: value for name, value in data.items()}


def as_today(type_: str, data: Data) -> tuple[str, Data]:
    """(type, data) of a made-up next major in today's words, which are the oracle's; all else as it is."""
    if type_ != "DeliveryNoteRecorded.v2":
        return type_, data
    return "DeliveryNoteRecorded.v1", {"origin" if name == "recorded_by" else name: value for name, value in data.items()}


def _change(file: Path, old: str, new: str, count: int = -1) -> None:
    text = file.read_text()
    if old not in text:
        raise EmbeddedError(
            f"the made-up version changes {old!r} in {file.name}, and it isn't there any more: let tests/faults/versions.py say otherwise"
        )
    file.write_text(text.replace(old, new, count))
