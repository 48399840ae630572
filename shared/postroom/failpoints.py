"""Places between two durable steps at which a fault run may have this process killed; without POSTROOM_FAILPOINTS they do nothing."""

import os
import signal
from pathlib import Path

# As the clock's offset: for tests alone, so one look at start is enough.
_FOLDER = os.environ.get("POSTROOM_FAILPOINTS", "")


def reach(name: str) -> None:
    """If the folder holds a file of this name, the process dies here (kill -9), or stands still if the file says `stop`.

    The file is renamed first: one that was laid there is used up once, by whichever process is first, and shows that it was.
    """
    if _FOLDER:
        _use_up(Path(_FOLDER) / name)


def _use_up(armed: Path) -> None:
    try:
        stop = armed.read_text() == "stop"
        armed.rename(armed.with_name(f"{armed.name}.hit-{os.getpid()}"))
    except OSError:
        return  # not armed, or another process was a moment faster
    os.kill(os.getpid(), signal.SIGSTOP if stop else signal.SIGKILL)
