"""A long text in short paragraphs: xhtml2pdf breaks the rest of a paragraph into lines again on every page that it runs across."""

import re
from collections.abc import Iterator

LINES, CHARACTERS = 20, 1_500
_EMPTY_LINES = re.compile(r"\n\s*\n")
_SENTENCE_END = re.compile(r".*[.!?…;。]\s", re.DOTALL)
_BLANK = re.compile(r".*\s", re.DOTALL)


def pieces(text: str) -> Iterator[tuple[bool, list[str]]]:
    """(whether a paragraph of the writer's begins, its lines): at most so many lines and characters each, and nothing left out."""
    for paragraph in _EMPTY_LINES.split(text.strip("\n")):
        first, lines, size = True, list[str](), 0
        for line in (part for whole in paragraph.splitlines() for part in _parts(whole)):
            if lines and (len(lines) == LINES or size + len(line) > CHARACTERS):
                yield first, lines
                first, lines, size = False, [], 0
            lines.append(line)
            size += len(line)
        yield first, lines


def _parts(line: str) -> Iterator[str]:
    """A line that is too long, cut where a sentence ends, or between words, or anywhere."""
    while len(line) > CHARACTERS:
        head = line[:CHARACTERS]
        found = _SENTENCE_END.match(head) or _BLANK.match(head)
        end = found.end() if found else CHARACTERS
        yield line[:end]
        line = line[end:]
    yield line
