"""`postroom parked replay` for many rows in one process: `python -m tests.faults.bad.replaying FOLDER`, lines of REF, tab, FILE.

The command's own code, called as its entry point calls it; a process for each of thousands of rows would be minutes of imports.
Answers a line of JSON for each: [ref, exit code, what it printed].
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from embedded.paths import ROOT

Told = tuple[int, str]


def replay(run: Path, rows: Mapping[str, Path | None]) -> dict[str, Told]:
    """Replay these parked rows, mended by the file where there is one; ref → (exit code, what was printed)."""
    lines = "".join(f"{ref}\t{file or ''}\n" for ref, file in rows.items())
    command = [sys.executable, "-m", "tests.faults.bad.replaying", str(run)]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=True, cwd=ROOT)
    return {ref: (code, text) for ref, code, text in map(json.loads, done.stdout.splitlines())}


def replay_by_program(run: Path, ref: str) -> Told:
    """The same by the program itself, as a person types it."""
    return _by_program(run, "replay", ref)


def replay_all(run: Path) -> tuple[int, dict[str, Any]]:
    """All that is open at once; → exit code, and what the program told as JSON."""
    code, text = _by_program(run, "replay-all", "--json")
    return code, json.loads(text)


def _by_program(run: Path, *arguments: str) -> Told:
    program = [str(Path(sys.executable).with_name("postroom")), "parked", *arguments]
    env = {**os.environ, "POSTROOM_ENDPOINTS": str(run / "endpoints.json"), "COLUMNS": "200"}
    done = subprocess.run(program, capture_output=True, text=True, check=False, env=env, timeout=900)
    return done.returncode, done.stdout + done.stderr


def _answers(lines: Iterable[str]) -> Iterable[tuple[str, int, str]]:
    from postroom_cli.app import app  # noqa: PLC0415 - it reads its settings from the environment

    for line in lines:
        ref, _, file = line.rstrip("\n").partition("\t")
        done = CliRunner().invoke(app, ["parked", "replay", ref, *(["--value", file] if file else [])])
        yield (
            ref,
            done.exit_code,
            done.output + (repr(done.exception) if done.exception and not isinstance(done.exception, SystemExit) else ""),
        )


if __name__ == "__main__":
    os.environ["POSTROOM_ENDPOINTS"] = str(Path(sys.argv[1]) / "endpoints.json")
    for answer in _answers(sys.stdin):
        print(json.dumps(answer), flush=True)  # noqa: T201 - what the command is for
