"""Scene (h): the mailer is killed with -9 while it sends, and every mail is there, twice only where an attempt is `unknown`."""

from collections import Counter
from pathlib import Path
from typing import Any

from embedded import control
from embedded.demo import cast
from embedded.demo.door import Door, until
from embedded.demo.scenes import OPERATOR, received
from embedded.demo.stage import Stage

MAILS = 1000
FIRST = 50  # delivered before the kill, so that it comes in the middle of the work
_TO = cast.address(cast.BELA)
_MARK = "STORM"


def kill_while_sending(stage: Stage, run: Path) -> None:
    """Write a burst, kill the mailer when the first mails of it have arrived, and count."""
    stage.title("h", f"{MAILS} events at once, and the mailer is killed with -9 while it sends")
    total, before = stage.door.total(), stage.door.count(_TO, _MARK)
    stage.door.write("in.erp", [received(f"storm-{n}", f"{_MARK}-{n:04d}", cast.BELA, "Fuse") for n in range(MAILS)])
    if before == 0:
        until("the first mails of the burst", lambda: stage.door.total() > total + FIRST or None, pause=0.005)
        name, pid = control.kill(run, "mailer-service")
        stage.say(f"{name} (process {pid}) is killed with {stage.door.count(_TO, _MARK)} of {MAILS} mails delivered; it is started again")
    else:
        stage.say("every one of them is known from an earlier run: nothing is sent, and nobody is killed")
    until("every mail of the burst", lambda: arrived(stage.door, _MARK, MAILS), patience=90)
    until("no attempt being open", lambda: settled(stage), patience=90)
    copies = copies_of(stage.door, _MARK)
    unknown, beyond_one = ever_unknown(stage), copies.total() - len(copies)
    stage.check(f"all {MAILS} mails are there", len(copies) == MAILS, f"{len(copies)} are")
    doubled = {subject: count for subject, count in copies.items() if count > 1}
    stage.check(f"copies beyond one: {beyond_one}; attempts ever unknown: {unknown}", beyond_one <= unknown, doubled)


def copies_of(door: Door, mark: str) -> Counter[str]:
    """How often each mail with this mark in its subject lies in the mailbox."""
    return Counter(mail["Subject"] for mail in door.mails(_TO, mark))


def arrived(door: Door, mark: str, mails: int) -> bool | None:
    """Whether this many different mails with the mark are there."""
    return (door.count(_TO, mark) >= mails and len(copies_of(door, mark)) >= mails) or None


def settled(stage: Stage) -> bool | None:
    """Whether no envelope waits, is being sent, or is unknown."""
    states: dict[str, int] = _status(stage)["envelopes"]
    return not any(states.get(state, 0) for state in ("pending", "leased", "sending", "deferred", "unknown")) or None


def ever_unknown(stage: Stage) -> int:
    """Attempts whose reply was lost, since the beginning."""
    return int(_status(stage)["unknown_attempts"])


def _status(stage: Stage) -> dict[str, Any]:
    services = stage.door.get(OPERATOR, "/status")["services"]
    found: dict[str, Any] = services["mailer-service"]
    return found
