"""The Chromium that the browser tests drive: the system's own; as root it is installed when missing."""

import os
import shutil
import subprocess
import sys

_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome", "microsoft-edge")
_HELP = """No Chromium was found, which the browser tests need. Install one and run the command again:
  Debian, Ubuntu: apt-get install chromium     Fedora: dnf install chromium     Arch: pacman -S chromium
or say where yours is: CHROMIUM=/path/to/chromium make test"""


def find() -> str | None:
    """Give the path of a Chromium: $CHROMIUM, else one of the PATH."""
    asked = os.environ.get("CHROMIUM")
    return shutil.which(asked) if asked else next((path for name in _NAMES if (path := shutil.which(name))), None)


def install() -> bool:
    """Install Debian's Chromium; True when that worked."""
    if os.geteuid() != 0 or not shutil.which("apt-get") or os.environ.get("CHROMIUM"):
        return False
    sys.stdout.write("Installing Chromium with apt-get for the browser tests (about a minute, once) …\n")
    sys.stdout.flush()
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for argv in (["apt-get", "-qq", "update"], ["apt-get", "-qq", "install", "-y", "--no-install-recommends", "chromium"]):
        done = subprocess.run(argv, check=False, capture_output=True, text=True, env=quiet)
        if done.returncode:
            sys.stderr.write(f"{' '.join(argv)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}\n")
            return False
    return find() is not None


if __name__ == "__main__":  # python -m embedded.chromium: make sure that there is one
    if not find() and not install():
        sys.stderr.write(_HELP + "\n")
        sys.exit(1)
