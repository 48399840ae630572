"""What a template's text shows without running it: faults of syntax, unknown names, and what would make a mail unsafe."""

import re
from collections.abc import Callable, Iterator

from jinja2 import Environment, TemplateAssertionError, TemplateSyntaxError, meta, nodes

from mailer_service.checking.finding import Finding, choice
from mailer_service.formats import FILTERS
from mailer_service.layered import LAYOUT
from mailer_service.stylesheet import JINJA, inlined

CONTEXT = ("facts", "message", "formats")
LAYOUT_CONTEXT = (*CONTEXT, "subject", "preheader", "content")
_UNQUOTED = re.compile(r"=\s*\{\{")
_SCRIPT = re.compile(r"<\s*(script|iframe|object|embed|form)\b", re.IGNORECASE)
_CELLS = (r"<tr\b", r"<td\b", r"<th\b")
_STATEMENT = re.compile(r"\{%.*?%\}|\{#.*?#\}|\{\{.*?\}\}", re.DOTALL)


def parsed(environment: Environment, name: str, source: str) -> nodes.Template | Finding:
    """The template's tree, or where it can't be read."""
    try:
        return environment.parse(source, name, name)
    except TemplateSyntaxError as error:
        return Finding(_file(name), error.lineno, f"{(error.message or 'it cannot be read').rstrip('.')}.")
    except RecursionError:
        return Finding(_file(name), 0, "It is nested too deeply to be read.")


def faults(environment: Environment, name: str, source: str, tree: nodes.Template, css: str) -> Iterator[Finding]:
    """Everything in one file that can be told from its text; `name` is whole, such as budget-warning/de/body.html."""
    file = _file(name)
    helpers = list(_unknown_helpers(environment, file, tree))
    yield from helpers or _unknown_names(environment, name, tree)
    yield from _foreign_parts(environment, name, tree)
    if name.endswith(".html"):
        yield from _unescaped(file, tree)
        yield from _unsafe_html(file, source)
        if "_plain" not in name:
            yield from _displaced(file, source, css)


def _file(name: str) -> str:
    return name.partition("/")[2]


def _unknown_names(environment: Environment, name: str, tree: nodes.Template) -> Iterator[Finding]:
    there = LAYOUT_CONTEXT if name.startswith(f"{LAYOUT}/") else CONTEXT
    try:
        undeclared = meta.find_undeclared_variables(tree)
    except TemplateAssertionError as error:
        yield Finding(_file(name), error.lineno, f"{error.message}")
        return
    unknown = undeclared - {*there, *environment.globals, *_set_somewhere(environment, tree)}
    for node in tree.find_all(nodes.Name):
        if node.name in unknown:
            hint = f"Write facts.{node.name}, if it is a field of the event. " if not name.startswith(f"{LAYOUT}/") else ""
            yield Finding(_file(name), node.lineno, f"{node.name!r} is not known here. {hint}{choice(node.name, there)}")


def _set_somewhere(environment: Environment, tree: nodes.Template, depth: int = 5) -> set[str]:
    """What this file or one that it extends sets: a block sees that too, which Jinja's own list doesn't know."""
    found = {node.name for node in tree.find_all(nodes.Name) if node.ctx != "load"}
    for above in tree.find_all(nodes.Extends):
        name = above.template.value if isinstance(above.template, nodes.Const) else ""
        if depth and name in _names(environment, str(name)):
            found |= _set_somewhere(environment, environment.parse(environment.loader.get_source(environment, name)[0]), depth - 1)  # type: ignore[union-attr]
    return found


def _unknown_helpers(environment: Environment, file: str, tree: nodes.Template) -> Iterator[Finding]:
    for used in tree.find_all(nodes.Filter):
        if used.name not in environment.filters:
            yield Finding(file, used.lineno, f"There is no filter {used.name!r}. {choice(used.name, FILTERS)} Those of Jinja, too.")
    for test in tree.find_all(nodes.Test):
        if test.name not in environment.tests:
            yield Finding(file, test.lineno, f"There is no test {test.name!r}. {choice(test.name, environment.tests)}")


def _foreign_parts(environment: Environment, name: str, tree: nodes.Template) -> Iterator[Finding]:
    """Other files by name, from the same folder or the layout; in HTML only HTML, for what is not escaped must not get in."""
    own = f"{name.partition('/')[0]}/"
    for node in tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)):
        wanted = getattr(node, "template", None)
        parts = wanted.value if isinstance(wanted, nodes.Const) else None
        if not isinstance(parts, str):
            yield Finding(_file(name), node.lineno, f"Name the file itself, such as {own}_part.html: it can't be chosen by a value.")
        elif not parts.startswith((own, f"{LAYOUT}/")):
            yield Finding(_file(name), node.lineno, f"{parts!r} belongs to another: include files of {own} or {LAYOUT}/.")
        elif name.endswith(".html") and not parts.endswith(".html"):
            yield Finding(_file(name), node.lineno, f"{parts!r} is not escaped: include only .html files in HTML.")
        elif parts not in _names(environment, parts):
            yield Finding(_file(name), node.lineno, f"There is no file {parts!r}.")


def _names(environment: Environment, name: str) -> tuple[str, ...]:
    try:
        environment.loader.get_source(environment, name)  # type: ignore[union-attr]
    except Exception:  # noqa: BLE001 - then there isn't
        return ()
    return (name,)


def _unescaped(file: str, tree: nodes.Template) -> Iterator[Finding]:
    for used in tree.find_all(nodes.Filter):
        if used.name == "safe":
            yield Finding(file, used.lineno, "The filter safe is refused: what people wrote must be escaped. Leave it out.")
    for switch in tree.find_all((nodes.EvalContextModifier, nodes.ScopedEvalContextModifier)):
        yield Finding(file, switch.lineno, "autoescape can't be switched: what people wrote must be escaped. Leave it out.")


def _unsafe_html(file: str, source: str) -> Iterator[Finding]:
    for found in _UNQUOTED.finditer(source):
        yield Finding(file, _line(source, found.start()), 'Put quotes around the attribute\'s value: ="{{ … }}".')
    blank: Callable[[re.Match[str]], str] = lambda one: re.sub(r"[^\n]", " ", one[0])  # noqa: E731 - keeps the lines where they are
    bare = _STATEMENT.sub(blank, source)
    for tag in _SCRIPT.finditer(bare):
        yield Finding(
            file, _line(source, tag.start()), f"<{tag[1].lower()}> has no place in a mail: mail programs throw it away. Leave it out."
        )


def _displaced(file: str, source: str, css: str) -> Iterator[Finding]:
    """CSS goes into the tags when a template is loaded; what HTML allows nowhere near its place would be moved or lost by that."""
    styled = inlined(source, css)
    for tag in _CELLS:
        if len(re.findall(tag, source, re.IGNORECASE)) != len(re.findall(tag, styled, re.IGNORECASE)):
            yield Finding(
                file,
                0,
                f"A {tag[:3]}> stands outside of its table and would be lost: a file or block holds whole tables, or what is in a cell.",
            )
            return
    before = [found[0] for found in JINJA.finditer(source)]
    after = [found[0] for found in JINJA.finditer(styled)]
    if before == after:
        return
    place = next((n for n, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), min(len(before), len(after)))
    where = [found.start() for found in JINJA.finditer(source)]
    detail = (
        "stands where HTML allows nothing, such as inside a tag or between <table> and <tr>. Put it into a cell, a paragraph or a value."
    )
    yield Finding(file, _line(source, where[min(place, len(where) - 1)]) if where else 0, f"{before[min(place, len(before) - 1)]} {detail}")


def _line(source: str, at: int) -> int:
    return source.count("\n", 0, at) + 1
