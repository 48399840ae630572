"""What a check finds."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

MOST = 50


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing to mend: the file below the message type, the line (0 where it is about the whole file), and what to do."""

    file: str
    line: int
    problem: str


def tidy(found: Iterable[Finding]) -> list[Finding]:
    """Each thing once, in the order of the files, and no more than a person reads."""
    return sorted(set(found))[:MOST]


def choice(name: str, there: Iterable[str]) -> str:
    """A sentence that names what there is instead, the likely one first."""
    names = sorted(there)
    [*close] = get_close_matches(name, names, 1)
    meant = f"Did you mean {close[0]}? " if close else ""
    return f"{meant}There are: {', '.join(names)}." if names else "There is nothing at all."
