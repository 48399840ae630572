"""Templates run against the golden examples of an event, in each language: what an example shows, no mail will show first."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from jinja2 import Environment, StrictUndefined

from mailer_service.checking.finding import Finding, choice
from mailer_service.customer.files import PARTS
from mailer_service.domain.samples import sample
from mailer_service.formats import EmptyError
from mailer_service.render import Renderer
from mailer_service.rows import Row
from postroom.contracts import examples
from postroom.contracts.facts import FACTS

_READER = {"name": "Anna Maier", "reason": "you were chosen", "zone": "Europe/Vienna"}
MAX_SUBJECT, MAX_PART = 250, 512 * 1024
_MEMORY = re.compile(r" at 0x[0-9a-f]+")


class _Telling(StrictUndefined):
    """Says what there is instead."""

    @property
    def _undefined_message(self) -> str:
        name = str(self._undefined_name)
        if isinstance(self._undefined_obj, Mapping):
            return f"there is no {name!r} here. {choice(name, map(str, self._undefined_obj))}"
        return super()._undefined_message


def _something(value: Any) -> Any:
    if value is None:
        raise EmptyError
    return value


def strict(renderer: Renderer) -> Environment:
    """The renderer's environment, but its errors tell more, its templates are as they were written, and nothing is shown as None."""
    return renderer.environment.overlay(loader=renderer.layers, undefined=_Telling, finalize=_something)


def told(message_type: str, event: str, language: str) -> Iterator[tuple[str, Row]]:
    """A message for each golden example of the event, with the example's name; none where rules would have nothing to tell."""
    for example in examples.of_type(event):
        facts = FACTS[event].model_validate(orjson.loads(example.value)["data"]).model_dump(mode="json")
        if facts.get("lines") != []:
            order = facts.get("order")
            number = order.get("number", "") if isinstance(order, dict) else ""
            yield (
                example.name,
                sample(message_type, facts, language=language, order_number=number, **_READER),
            )


def misfortunes(renderer: Renderer, message_type: str, message: Row, example: str) -> Iterator[Finding]:
    """What goes wrong when this message is rendered, part by part."""
    environment, failed = strict(renderer), False
    context = renderer.context(message)
    for part in PARTS:
        name = renderer.name_of(message_type, message["language"], part)
        try:
            text = environment.get_template(name).render(context)
        except (Exception, RecursionError) as error:  # noqa: BLE001 - whatever a template does
            failed = True
            yield _failure(message_type, name, error, example)
        else:
            yield from _shape(name, text, example)
    if not failed:
        yield from _whole(renderer, message, example)


def _whole(renderer: Renderer, message: Row, example: str) -> Iterator[Finding]:
    """As the mailer will do it, with CSS and layout."""
    try:
        renderer.mail(message)
    except (Exception, RecursionError) as error:  # noqa: BLE001 - the same
        yield Finding("body.html", 0, f"{type(error).__name__}: {error} (example {example})")


def _failure(message_type: str, name: str, error: BaseException, example: str) -> Finding:
    file, line = name, 0
    traceback = error.__traceback__
    while traceback:
        # Jinja writes the template's own names and lines into the traceback.
        where = traceback.tb_frame.f_code.co_filename
        if where.startswith((f"{message_type}/", "_layout/")):
            file, line = where, traceback.tb_lineno
        traceback = traceback.tb_next
    what = "" if isinstance(error, EmptyError) or "there is no" in str(error) else f"{type(error).__name__}: "
    detail = _MEMORY.sub("", str(error)).rstrip(".")
    return Finding(file.removeprefix(f"{message_type}/"), line, f"{what}{detail} (example {example}).")


def _shape(name: str, text: str, example: str) -> Iterator[Finding]:
    file = name.partition("/")[2]
    if len(text) > MAX_PART:
        yield Finding(file, 0, f"It becomes {len(text)} characters long (example {example}); {MAX_PART} is the most. Cut the table.")
    elif not text.strip():
        yield Finding(file, 0, f"It says nothing (example {example}).")
    elif name.endswith("subject.txt"):
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) > 1:
            yield Finding(file, 0, f"The subject has {len(lines)} lines (example {example}); it is one.")
        if len(text.strip()) > MAX_SUBJECT:
            yield Finding(file, 0, f"The subject has {len(text.strip())} characters (example {example}); {MAX_SUBJECT} is the most.")
