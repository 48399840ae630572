"""Which names a fact has: every `facts.…` of a template is looked up in the event's contract, also where no example comes by."""

from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from jinja2 import nodes
from pydantic import BaseModel

from mailer_service.checking.finding import Finding, choice
from postroom.contracts.fields import Fact

Kind = Any
"""A type annotation of a contract, or None where nothing is known."""
Scope = dict[str, Kind]
_KEEP = {"sort", "list", "reverse", "unique", "select", "reject", "selectattr", "rejectattr"}
_PICK = {"first", "last", "min", "max", "random"}


def unknown_fields(file: str, tree: nodes.Template, fact: type[Fact]) -> list[Finding]:
    """A finding for each name that the contract doesn't have."""
    return list(_walk(file, tree, {"facts": fact}))


def _walk(file: str, node: nodes.Node, scope: Scope) -> Iterator[Finding]:
    match node:
        case nodes.For():
            yield from _walk(file, node.iter, scope)
            inner = {**scope, **_bound(node.target, _element(_kind(node.iter, scope)))}
            for child in (*node.body, *node.else_, *([node.test] if node.test else [])):
                yield from _walk(file, child, inner)
        case nodes.Assign():
            yield from _walk(file, node.node, scope)
            scope.update(_bound(node.target, _kind(node.node, scope)))
        case nodes.Macro() | nodes.CallBlock():
            inner = {**scope, **{argument.name: None for argument in node.args}}
            for child in node.iter_child_nodes():
                yield from _walk(file, child, inner)
        case nodes.Getattr() | nodes.Getitem():
            yield from _missing(file, node, scope)
            for child in node.iter_child_nodes():
                yield from _walk(file, child, scope)
        case _:
            for child in node.iter_child_nodes():
                yield from _walk(file, child, scope)


def _missing(file: str, node: nodes.Getattr | nodes.Getitem, scope: Scope) -> Iterator[Finding]:
    name, kind = _name(node), _model(_kind(node.node, scope))
    if name is not None and kind is not None and name not in kind.model_fields:
        yield Finding(file, node.lineno, f"{_written(node)}: there is no {name!r} in {kind.__name__}. {choice(name, kind.model_fields)}")


def _kind(node: nodes.Node, scope: Mapping[str, Kind]) -> Kind:
    match node:
        case nodes.Name():
            return scope.get(node.name)
        case nodes.Getattr():
            return _member(_kind(node.node, scope), node.attr)
        case nodes.Getitem():
            return _item(node.arg, _kind(node.node, scope))
        case nodes.Filter(name=name, node=nodes.Expr() as inner) if name in _KEEP | _PICK:
            kind = _kind(inner, scope)
            return _element(kind) if name in _PICK else kind
    return None


def _item(key: nodes.Node | None, kind: Kind) -> Kind:
    match key:
        case nodes.Slice():
            return kind
        case nodes.Const(value=str() as name):
            return _member(kind, name)
        case nodes.Const(value=int()):
            return _element(kind)
    return None


def _plain(kind: Kind) -> Kind:
    """Without Annotated and without `| None`."""
    origin: Any = get_origin(kind)
    if origin is Annotated:
        return _plain(get_args(kind)[0])
    if origin in (Union, UnionType):
        rest = [one for one in get_args(kind) if one is not type(None)]
        return _plain(rest[0]) if len(rest) == 1 else None
    return kind


def _model(kind: Kind) -> type[BaseModel] | None:
    plain = _plain(kind)
    return plain if isinstance(plain, type) and issubclass(plain, BaseModel) else None


def _member(kind: Kind, name: str) -> Kind:
    model = _model(kind)
    return model.model_fields[name].annotation if model and name in model.model_fields else None


def _element(kind: Kind) -> Kind:
    plain = _plain(kind)
    origin: Any = get_origin(plain)
    return get_args(plain)[0] if origin in (list, tuple) and get_args(plain) else None


def _bound(target: nodes.Node, kind: Kind) -> Scope:
    if isinstance(target, nodes.Name):
        return {target.name: kind}
    return {name.name: None for name in target.find_all(nodes.Name)}


def _name(node: nodes.Getattr | nodes.Getitem) -> str | None:
    if isinstance(node, nodes.Getattr):
        return node.attr
    return node.arg.value if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str) else None


def _written(node: nodes.Node) -> str:
    """About as the template has it."""
    match node:
        case nodes.Getattr():
            return f"{_written(node.node)}.{node.attr}"
        case nodes.Getitem():
            return f"{_written(node.node)}[{_name(node) or '…'}]"
        case nodes.Name():
            return node.name
    return "…"
