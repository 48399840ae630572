"""The text of a file of rules as what it declares; whatever is wrong with it is named by rule, field and line."""

import difflib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from notification_rules.domain.declaration import FIELDS, Declaration, DeclaredRule
from notification_rules.domain.expressions import RuleError
from postroom.contracts.errors import told

Path = Sequence[str | int]
_DEEPEST = 50


@dataclass(frozen=True, slots=True)
class Source:
    """One file; `tree` is its YAML with the places where everything stands."""

    file: str
    declaration: Declaration
    tree: yaml.Node | None

    @contextmanager
    def naming(self, number: int, rule: DeclaredRule) -> Iterator[None]:
        """What is wrong with this rule, the file's `number`-th, gets its file, name and line."""
        try:
            yield
        except RuleError as error:
            path = ["rules", number, *(int(part) if part.isdecimal() else part for part in error.field.split("."))]
            raise RuleError(error.detail, field=error.field, rule=rule.name, file=self.file, line=_line(self.tree, path)) from error


def read(file: str, text: str) -> Source:
    """Raises RuleError."""
    try:
        raw, tree = _parsed(text)
        if not isinstance(raw, dict | None):
            raise RuleError("holds no `rules:`", file=file, line=1)
        return Source(file, Declaration.model_validate(raw or {}), tree)
    except yaml.YAMLError as error:
        mark, said = getattr(error, "problem_mark", None), getattr(error, "problem", None) or error
        raise RuleError(f"is no YAML: {said}", file=file, line=mark.line + 1 if mark else None) from error
    except ValidationError as error:
        raise _invalid(file, raw, tree, error) from error
    except (ValueError, ArithmeticError, LookupError, TypeError, AttributeError, RecursionError) as error:
        # What YAML takes for a date, a number or a set, and Python for none.
        raise RuleError(f"holds a value that YAML can't read: {error}; put it in quotes", file=file) from error


def _checked(text: str) -> None:
    """Before libyaml builds anything: it recurses without an end of its own, and takes the second of two equal keys."""
    depth = 0
    for token in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(token, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(token, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST:
            raise yaml.MarkedYAMLError(problem=f"more than {_DEEPEST} lists and maps in one another", problem_mark=token.start_mark)  # type: ignore[arg-type]


def _no_key_twice(node: yaml.Node | None) -> None:
    todo, seen = [node], set[int]()
    while todo:
        if (one := todo.pop()) is None or id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, yaml.MappingNode):
            known = set[str]()
            for key, value in one.value:
                if isinstance(key, yaml.ScalarNode) and key.value in known:
                    raise yaml.MarkedYAMLError(problem=f"{key.value!r} stands twice; the second would count", problem_mark=key.start_mark)
                known.add(key.value if isinstance(key, yaml.ScalarNode) else "")
                todo.append(value)
        elif isinstance(one, yaml.SequenceNode):
            todo += one.value


def _parsed(text: str) -> tuple[Any, yaml.Node | None]:
    """By libyaml, ten times as fast as PyYAML's own: rules are read again while the service works."""
    _checked(text)
    loader = yaml.CSafeLoader(text)
    try:
        tree = loader.get_single_node()
        _no_key_twice(tree)
        return (None if tree is None else loader.construct_document(tree)), tree
    finally:
        loader.dispose()


def _invalid(file: str, raw: Any, tree: yaml.Node | None, error: ValidationError) -> RuleError:
    # A misspelt field is why another is missing.
    first = min(error.errors(include_url=False), key=lambda one: one["type"] not in {"extra_forbidden", "invalid_key"})
    path, rule = list(first["loc"][:-1] if first["type"] == "invalid_key" else first["loc"]), ""
    line = _line(tree, path)
    if path[:1] == ["rules"] and len(path) > 1 and isinstance(path[1], int):
        entry = raw["rules"][path[1]]
        rule = str((entry.get("name") if isinstance(entry, dict) else None) or path[1])
        path = path[2:]
    return RuleError(_told(first), field=".".join(map(str, path)), rule=rule, file=file, line=line)


def _told(error: ErrorDetails) -> str:
    """What is wrong, as one would say it to a colleague."""
    name, given = str(error["loc"][-1]), error.get("input")
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, FIELDS, n=1)
        return f"is no field here; did you mean {near[0]!r}?" if near and near[0] != name else "is no field here"
    if error["type"] == "invalid_key":
        return f"YAML reads this name as {given} (on, off, yes and no are true and false to it), and there is no such field"
    if error["type"] in {"string_type", "literal_error"} and isinstance(given, bool | int | float | date):
        return f"must be a text, and YAML reads {given} here: put it in quotes"
    return {"missing": "is missing"}.get(error["type"], told(error["msg"]))


def _line(node: yaml.Node | None, path: Path) -> int | None:
    """The line of what this path names, or of the nearest thing around it that there is."""
    line = node.start_mark.line + 1 if node else None
    for step in path:
        key, node = _below(node, step)
        if node is None:
            break
        line = (key or node).start_mark.line + 1
    return line


def _below(node: yaml.Node | None, step: str | int) -> tuple[yaml.Node | None, yaml.Node | None]:
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == str(step)), (None, None))
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return None, node.value[step]
    return None, None
