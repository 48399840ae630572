"""A clock that a run can set: libfaketime before a process, and a file that says how far its clock is from the true one.

The library is Debian's package faketime; as root it is installed when missing, as Chromium is. Monotonic clocks stay as they are.
"""

import os
import subprocess
import sys
from pathlib import Path

from embedded.errors import EmbeddedError

_LIBRARY = "faketime/libfaketimeMT.so.1"
_HELP = """libfaketime was not found, which the story `clock` needs. Install it and run the command again:
  Debian, Ubuntu: apt-get install faketime     Fedora: dnf install libfaketime     Arch: pacman -S libfaketime"""
SEEN_AFTER_SECONDS = 2.0
"""A process has seen a new time by then."""


def library() -> str:
    """Its path; installs the package if that can be done. Raises EmbeddedError that says how to."""
    found = _find() or (_install() and _find())
    if not found:
        raise EmbeddedError(_HELP)
    return found


def environment(file: Path) -> dict[str, str]:
    """What a process needs to be told whose clock is as this file says."""
    return {
        "LD_PRELOAD": library(),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_RESET": "1",
        "NO_FAKE_STAT": "1",
    }


def lay(file: Path, seconds: float) -> None:
    """Let the clock be so far ahead of the true one, or behind it."""
    file.parent.mkdir(exist_ok=True)
    file = file.resolve()
    new = file.with_suffix(".new")
    new.write_text(f"{seconds:+.0f}\n")
    new.replace(file)


def _find() -> str:
    return next((str(path) for root in ("/usr/lib", "/usr/lib64", "/usr/local/lib") for path in Path(root).glob(f"**/{_LIBRARY}")), "")


def _install() -> bool:
    """Install Debian's package; True when that worked."""
    if os.geteuid() != 0 or not Path("/usr/bin/apt-get").exists():
        return False
    sys.stdout.write("Installing libfaketime with apt-get for the story of the clock (once) …\n")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for argv in (["apt-get", "-qq", "update"], ["apt-get", "-qq", "install", "-y", "--no-install-recommends", "faketime"]):
        if subprocess.run(argv, check=False, capture_output=True, env=quiet).returncode:
            return False
    return True
