"""The check of a message type's templates, the same for saving, for the command line and for what lies in the customer's folder."""

from collections.abc import Iterator

from mailer_service.checking import contract, running, syntax
from mailer_service.checking.finding import Finding, choice, tidy
from mailer_service.customer.files import LANGUAGES, MAX_BYTES, MAX_FILES, NAME, Files, is_file, languages, named, wanted
from mailer_service.layered import LAYOUT
from mailer_service.render import TEMPLATES, Renderer
from postroom.contracts.facts import FACTS
from postroom.contracts.fields import Fact

# The layout shows no facts of its own, so any type will do to try it.
_SHOWN_IN_LAYOUT = ("budget-expired", "BudgetExpired.v1")


def check(message_type: str, files: Files, layout: Files, event: str | None) -> list[Finding]:
    """What is wrong with these files (empty: nothing); without an event, what can be told without one.

    `layout` are the customer's own layout files. Runs the templates: call it in a confined worker.
    """
    found = list(_folder(message_type, files))
    if found:
        return tidy(found)
    try:
        renderer = Renderer(TEMPLATES, named(message_type, files) | named(LAYOUT, layout))
    except UnicodeDecodeError as error:
        return [Finding("style.css", 0, str(error))]
    found += _reading(renderer, message_type, files, FACTS.get(event or ""))
    if not found:
        found += _running(renderer, message_type, files, event)
    return tidy(found)


def _folder(message_type: str, files: Files) -> Iterator[Finding]:
    """The right files, and none too many."""
    if message_type != LAYOUT and not NAME.fullmatch(message_type):
        yield Finding("", 0, f"{message_type!r} is no message type: lower-case letters, digits and dashes, such as budget-warning.")
    if len(files) > MAX_FILES:
        yield Finding("", 0, f"There are {len(files)} files; {MAX_FILES} is the most.")
    for name in wanted(message_type):
        if name not in files:
            yield Finding(name, 0, "It is missing: a type has subject.txt, body.txt and body.html, and the same in German below de/.")
    for name in files:
        if not is_file(message_type, name):
            meant = choice(name, wanted(message_type)) if message_type != LAYOUT else ""
            yield Finding(name, 0, f"No file of this name is read; a part to include begins with an underscore. {meant}".strip())
        elif len(files[name].encode()) > MAX_BYTES:
            yield Finding(name, 0, f"It has {len(files[name].encode())} bytes; {MAX_BYTES} is the most.")


def _reading(renderer: Renderer, message_type: str, files: Files, fact: type[Fact] | None) -> Iterator[Finding]:
    css = renderer.layers.text(f"{LAYOUT}/style.css")
    environment = running.strict(renderer)
    for file, source in files.items():
        if file.endswith(".css"):
            continue
        name = f"{message_type}/{file}"
        tree = syntax.parsed(environment, name, source)
        if isinstance(tree, Finding):
            yield tree
            continue
        yield from syntax.faults(environment, name, source, tree, css)
        if fact:
            yield from contract.unknown_fields(file, tree, fact)


def _running(renderer: Renderer, message_type: str, files: Files, event: str | None) -> Iterator[Finding]:
    shown, cause = _SHOWN_IN_LAYOUT if message_type == LAYOUT else (message_type, event)
    if cause is None:
        yield from _compiling(renderer, message_type, files)
        return
    for language in sorted({*LANGUAGES, *languages(files)}):
        for example, message in running.told(shown, cause, language):
            yield from running.misfortunes(renderer, shown, message, f"{example}, {language}")


def _compiling(renderer: Renderer, message_type: str, files: Files) -> Iterator[Finding]:
    for file in files:
        if not file.endswith(".css"):
            try:
                renderer.environment.get_template(f"{message_type}/{file}")
            except Exception as error:  # noqa: BLE001 - whatever a template does
                yield Finding(file, getattr(error, "lineno", None) or 0, f"{type(error).__name__}: {error}")


def as_text(found: list[Finding]) -> str:
    """The findings as one sentence each, for a log or a detail."""
    return " ".join(f"{one.file}{f', line {one.line}' if one.line else ''}: {one.problem}" for one in found)
