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


def line(word: str, style: str, *facts: Any, ident: Any = "") -> Text:
    """The kind of thing in its style, then the facts that are there; last and dim its id, which is for copying, not for reading."""
    rest = " · ".join(output.plain(fact) for fact in facts if fact)
    return Text.assemble((word, style), " " if word else "", rest, (f" · {output.plain(ident)}" if ident else "", "dim"))


def reply(row: dict[str, Any]) -> str:
    """What the server said: code and words, the code once."""
    code, detail = str(row.get("code") or ""), str(row.get("detail") or "")
    return detail if code in detail else f"{code} {detail}".strip()
