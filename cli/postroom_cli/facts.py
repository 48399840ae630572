"""A branch of the story is a word in its style, then the facts that are there."""

from typing import Any

from rich.text import Text

from postroom_cli import output


def at(row: dict[str, Any], name: str) -> str:
    """A time of this row, as a person reads it."""
    return output.moment(row.get(name))


def state(value: Any, *facts: Any) -> Text:
    """A state in its colour, then the facts."""
    return Text.assemble(output.text(value), " ", line("", "", *facts))


def line(word: str, style: str, *facts: Any) -> Text:
    """The kind of thing in its style, then the facts that are there."""
    rest = " · ".join(output.plain(fact) for fact in facts if fact)
    return Text.assemble((word, style), " " if word else "", rest)
