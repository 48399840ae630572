"""Plain text as a mail shows it: wrapped lines, and a subject that a list of mails can hold."""

import re

COLUMNS = 72
# A word without an end, such as a link, stays whole; but a line may not be longer than 998 characters (RFC 5322).
LONGEST_WORD = 900
_INDENT = re.compile(r"\s*(?:- )?")


def shortened(text: str, characters: int) -> str:
    """The text, cut after a word and with an ellipsis if it is longer than that."""
    if len(text) <= characters:
        return text
    cut = text[: characters - 1]
    words = cut.rpartition(" ")[0]
    return (words if len(words) > characters // 2 else cut).rstrip(" ,;:-–") + "…"


def wrapped(text: str) -> str:
    """Lines of at most 72 characters; a line that goes on keeps its indent, and an item of a list hangs below its dash."""
    return "\n".join(line if len(line) <= COLUMNS else _folded(line) for line in text.split("\n"))


def _folded(line: str) -> str:
    indent = _INDENT.match(line)
    hanging = " " * min(indent.end() if indent else 0, COLUMNS // 2)
    lines, current, empty = [], line[: len(hanging)], True
    for word in _words(line[len(hanging) :]):
        if not empty and len(current) + 1 + len(word) > COLUMNS:
            lines.append(current)
            current, empty = hanging, True
        current, empty = current + word if empty else f"{current} {word}", False
    return "\n".join([*lines, current])


def _words(line: str) -> list[str]:
    pieces = line.split(" ")
    if len(line) <= LONGEST_WORD:
        return pieces
    return [word[start : start + LONGEST_WORD] for word in pieces for start in range(0, max(len(word), 1), LONGEST_WORD)]
