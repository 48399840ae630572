"""The Chromium that the browser tests drive: the system's own; as root it is installed when missing."""

import os
import shutil
import subprocess
import sys

# The shell is the same engine without the browser's windows around it: it needs a third of the processor's time.
_SHELL = "chromium-headless-shell"
_NAMES = (_SHELL, "chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome", "microsoft-edge")
_HELP = """No Chromium was found, which the browser tests need. Install one and run the command again:
  Debian: apt-get install chromium-headless-shell     Ubuntu: apt-get install chromium
  Fedora: dnf install chromium                        Arch: pacman -S chromium
or say where yours is: CHROMIUM=/path/to/chromium make test"""
_UPDATE = ["apt-get", "-qq", "update"]
_INSTALL = ["apt-get", "-qq", "install", "-y", "--no-install-recommends"]


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
    # Not every release has the shell.
    return _run(_UPDATE) and (_run([*_INSTALL, _SHELL]) or _run([*_INSTALL, "chromium"])) and find() is not None


def _run(argv: list[str]) -> bool:
    """Run apt-get, and say what it said when it fails."""
    done = subprocess.run(argv, check=False, capture_output=True, text=True, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    if done.returncode:
        sys.stderr.write(f"{' '.join(argv)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}\n")
    return done.returncode == 0


if __name__ == "__main__":  # python -m embedded.chromium: make sure that there is one
    if not find() and not install():
        sys.stderr.write(_HELP + "\n")
        sys.exit(1)
