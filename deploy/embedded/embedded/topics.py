"""The contracts' own deploy step, which makes the topics that they declare."""

import os
import subprocess
import sys
from pathlib import Path

from embedded.errors import EmbeddedError

_LIMIT = 60


def deploy_topics(bootstrap: str, emitters: Path) -> None:
    """Make every declared topic, and `in.<emitter>` for each emitter of the file; what is there already stays."""
    argv = [sys.executable, "-m", "postroom.contracts.deploy", "--bootstrap", bootstrap]
    env = {**os.environ, "POSTROOM_EMITTERS": str(emitters)}
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=_LIMIT, env=env)
    if done.returncode:
        raise EmbeddedError(f"the topics can't be made: {done.stdout}{done.stderr}")
