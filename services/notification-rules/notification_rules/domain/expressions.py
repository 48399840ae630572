"""CEL: compiled once at start, evaluated with each value converted at most once per event."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import cel
import orjson

from notification_rules.domain import decimals
from postroom.contracts import ids

_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'')
_BOUND = re.compile(r"\.(?:all|exists|exists_one|map|filter)\(\s*(\w+)\s*,")
_PARENTHESIS = re.compile(r"(?P<loop>\.\s*(?:all|exists|exists_one|map|filter)\s*)?\(|(?P<close>\))")
_MOST_LOOPS = 2
_PATH = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_MISSING = re.compile(r"Undefined variable or function: '(\w+)'")
# CEL copies a list for each element that map() adds to it: of a long one, so many lines at once take a twentieth of the time.
_PIECE, _AT_ONCE = "piece_of_lines", 25
_FIELD = re.compile(r"\.\s*([A-Za-z_]\w*)\b(?!\s*\()")


class RuleError(ValueError):
    """A file of rules can't be used: `detail` says what is wrong, the rest where."""

    def __init__(self, detail: str, *, field: str = "", rule: str = "", file: str = "rules.yaml", line: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field
        self.rule = rule
        self.file = file
        self.line = line

    def __str__(self) -> str:
        rule = f"rule {self.rule!r}" if self.rule else ""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (place, rule, self.field, self.detail) if part)


class Unevaluable(Exception):  # noqa: N818 - what an expression said about one event
    """An expression failed on an event's data."""


def digest(value: Any) -> str:
    """A short name for a list of differences: the same again gives the same."""
    return sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


FUNCTIONS: dict[str, Any] = {
    "dec": decimals.dec,
    "plus": decimals.plus,
    "minus": decimals.minus,
    "digest": digest,
    "path": ids.path,
}


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression, with the variables it needs and the fields it names behind a dot.

    `over` is the list whose lines it is evaluated for, all at once. `path`: it is nothing but a field, such as order.id, and needs no CEL.
    """

    source: str
    program: cel.Program
    needs: tuple[str, ...]
    fields: frozenset[str]
    over: str | None
    path: tuple[str, ...]


def compiled(source: str, *, variables: frozenset[str], fields: frozenset[str], over: str | None = None) -> Expression:
    """Compile, or raise RuleError naming what an event of this type doesn't have. `over`: it is written for one line of this list."""
    whole = f"{_PIECE}.map(line, {source})" if over else source
    try:
        program = cel.compile(whole)
    except ValueError as error:
        raise RuleError(f"{source!r} is no CEL expression: {error}") from error
    bare = _TEXT.sub('""', source)
    if _loops_within(bare) + (over is not None) > _MOST_LOOPS:
        raise RuleError(f"{source!r}: more than {_MOST_LOOPS} loops in one another would take minutes for an event of a thousand lines")
    bound = set(_BOUND.findall(_TEXT.sub('""', whole)))
    names = set(program.variables()) - bound - {_PIECE}
    for name in sorted(names - variables):
        raise RuleError(f"{source!r} names {name!r}, which is not there; there are {', '.join(sorted(variables))}")
    used = frozenset(_FIELD.findall(bare))
    for name in sorted(used - fields):
        raise RuleError(f"{source!r} names the field {name!r}, which is not there; there are {', '.join(sorted(fields))}")
    for name in sorted({name for name in program.functions() if name[0].isalpha()} - _KNOWN_FUNCTIONS):
        raise RuleError(f"{source!r} calls {name}(), which is not there; there are {', '.join(sorted(_KNOWN_FUNCTIONS))}")
    if "dec" in program.functions() and "+" in bare:
        raise RuleError(f"{source!r}: add decimals with dec(a).plus(b); + would join them as text")
    path = tuple(source.split(".")) if _PATH.fullmatch(source) and names else ()
    return Expression(source, program, tuple(sorted(names)), used, over, path if not over or path[:1] == ("line",) else ())


def _loops_within(bare: str) -> int:
    """How many map, filter, all and exists stand in one another at most."""
    open_: list[bool] = []
    deepest = 0
    for found in _PARENTHESIS.finditer(bare):
        if found["close"]:
            open_ = open_[:-1]
        else:
            open_.append(found["loop"] is not None)
            deepest = max(deepest, sum(open_))
    return deepest


_KNOWN_FUNCTIONS = frozenset({*FUNCTIONS, "size", "has", "contains", "startsWith", "endsWith", "string", "int"})


class Scope:
    """The values that expressions see of one event. Python → CEL is the dear part, so a value is converted when CEL first needs it."""

    __slots__ = ("_context", "_known", "_values")

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._context = cel.Context(None, FUNCTIONS)
        self._values = dict(values)
        self._known: set[str] = set()

    def bind(self, name: str, value: Any) -> None:
        """Give a variable a value of its own, such as `each` or `R`."""
        self._values[name] = value
        self._known.discard(name)

    def evaluate(self, expression: Expression) -> Any:
        """Raises Unevaluable with CEL's own words."""
        try:
            if expression.path:
                return self._field(expression.path, expression.over)
            for name in expression.needs:
                if name not in self._known:
                    self._context.add_variable(name, self._values[name])
                    self._known.add(name)
            return self._line_by_line(expression) if expression.over else expression.program.execute(self._context)
        except Exception as error:
            raise Unevaluable(f"{expression.source!r}: {_told(expression, error)}") from error

    def _line_by_line(self, expression: Expression) -> list[Any]:
        lines, found = self._values[expression.over or ""], list[Any]()
        for start in range(0, len(lines), _AT_ONCE):
            self._context.add_variable(_PIECE, lines[start : start + _AT_ONCE])
            found += expression.program.execute(self._context)
        return found

    def _field(self, path: tuple[str, ...], over: str | None) -> Any:
        if over:
            return [_below(line, path[1:]) for line in self._values[over]]
        return _below(self._values[path[0]], path[1:])


def _told(expression: Expression, error: Exception) -> str:
    """CEL's own words, but where they mislead: of string(null) it says that there is no string()."""
    missing = _MISSING.search(str(error))
    if missing and missing[1] in set(expression.program.functions()) & _KNOWN_FUNCTIONS:
        return f"{missing[1]}() was given what it can't take, such as null: write x == null ? … : {missing[1]}(x)"
    return str(error)


def _below(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        value = value[name]
    return value
