"""The text of a file of rules as what it declares; whatever is wrong with it is named by rule, field and line."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import ValidationError

from notification_rules.domain.declaration import Declaration, DeclaredRule
from notification_rules.domain.expressions import RuleError

Path = Sequence[str | int]


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
    except RecursionError as error:
        raise RuleError("is nested too deeply", file=file) from error
    except ValidationError as error:
        raise _invalid(file, raw, tree, error) from error


def _parsed(text: str) -> tuple[Any, yaml.Node | None]:
    """By libyaml, ten times as fast as PyYAML's own: rules are read again while the service works."""
    loader = yaml.CSafeLoader(text)
    try:
        tree = loader.get_single_node()
        return (None if tree is None else loader.construct_document(tree)), tree
    finally:
        loader.dispose()


def _invalid(file: str, raw: Any, tree: yaml.Node | None, error: ValidationError) -> RuleError:
    first = error.errors(include_url=False)[0]
    path, rule = list(first["loc"]), ""
    line = _line(tree, path)
    if path[:1] == ["rules"] and len(path) > 1 and isinstance(path[1], int):
        entry = raw["rules"][path[1]]
        rule = str((entry.get("name") if isinstance(entry, dict) else None) or path[1])
        path = path[2:]
    return RuleError(first["msg"], field=".".join(map(str, path)), rule=rule, file=file, line=line)


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
