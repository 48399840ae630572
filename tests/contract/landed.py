"""`python -m tests.contract.landed COMMIT` writes landed.txt anew: what this published commit has must never change again."""

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

from embedded.paths import ROOT

FILE = Path(__file__).with_suffix(".txt")


def main(commit: str) -> None:
    """Its migrations and its golden examples, each with its hash."""
    whole = _git("rev-parse", commit).decode().strip()
    names = _git("ls-tree", "-r", "--name-only", whole, "shared", "services").decode().split()
    kept = [
        name for name in names if ("/migrations/" in name and name.endswith(".sql")) or ("/examples/" in name and not name.endswith(".py"))
    ]
    first = f"# What installations run: commit {whole}. sha256 and name of what must never change again."
    lines = [f"{sha256(_git('show', f'{whole}:{name}')).hexdigest()}  {name}" for name in sorted(kept)]
    FILE.write_text("\n".join([first, *lines]) + "\n")


def _is_kept(name: str) -> bool:
    return ("/migrations/" in name and name.endswith(".sql")) or ("/contracts/examples/" in name and not name.endswith(".py"))


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True).stdout


if __name__ == "__main__":
    main(sys.argv[1])
