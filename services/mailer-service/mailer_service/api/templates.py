"""The templates over HTTP, for operators: what there is, whose it is, and a customer's own, checked before they are saved."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from mailer_service.checking.finding import Finding
from mailer_service.customer.files import Files, languages
from mailer_service.customer.templates import Templates
from mailer_service.domain import digests
from mailer_service.domain.messages import CORRESPONDENCE
from mailer_service.layered import LAYOUT
from mailer_service.store import samples as store
from postroom import db
from postroom.auth import Operator, Principal
from postroom.contracts import examples
from postroom.contracts.facts import FACTS
from postroom.db import Pool
from postroom.problems import Problem

PATH = "/templates"
# The layout, and what the mailer makes itself: checked for syntax and safety, without examples.
_OF_NO_EVENT = {LAYOUT, CORRESPONDENCE, digests.MESSAGE_TYPE}
MessageType = Annotated[str, Path(max_length=200)]


class Written(BaseModel):
    """A type's files by name (subject.txt, body.txt, body.html, and the same below de/), and the event that they tell of."""

    model_config = ConfigDict(extra="forbid")

    event: str | None = Field(default=None, max_length=200)
    files: dict[str, str] = Field(min_length=1, max_length=200)


def router(pool: Pool, templates: Templates) -> APIRouter:
    """The routes; `pool` is the API's, under row-level security."""
    routes = APIRouter(prefix=PATH, tags=["mail"])
    _add_reading(routes, templates)
    _add_writing(routes, pool, templates)
    return routes


def _add_reading(routes: APIRouter, templates: Templates) -> None:
    @routes.get("")
    async def list_templates(_: Operator) -> dict[str, Any]:
        """Every message type with templates: whose they are, in which languages, and what is wrong with files that are not in force."""
        names = {*templates.message_types, *templates.problems, *([LAYOUT] if templates.layout else [])}
        custom = str(templates.folder.path) if templates.folder else None
        return {"custom": custom, "templates": [_shown(templates, name) for name in sorted(names)]}

    @routes.get("/{message_type}")
    async def show(_: Operator, message_type: MessageType) -> dict[str, Any]:
        """One type with the text of its files in force: what to start from."""
        if message_type not in {*templates.message_types, *templates.problems, LAYOUT}:
            raise unknown(message_type)
        return {**_shown(templates, message_type), "files": _files(templates, message_type)}


def _add_writing(routes: APIRouter, pool: Pool, templates: Templates) -> None:
    @routes.post("/{message_type}/check")
    async def check(operator: Operator, message_type: MessageType, body: Written) -> dict[str, Any]:
        """What is wrong with these files, without saving them."""
        event = await _event(pool, operator, message_type, body.event)
        found = await templates.check(message_type, body.files, event)
        return {"message_type": message_type, "event": event, "ok": not found, "findings": found, "examples": _examples(event)}

    @routes.put("/{message_type}")
    async def save(operator: Operator, message_type: MessageType, body: Written) -> dict[str, Any]:
        """Check the files and, if all is well, put them in force in place of the type's files as a whole."""
        _folder(templates)
        event = await _event(pool, operator, message_type, body.event)
        found = await templates.check(message_type, body.files, event)
        if found:
            raise _to_mend(found)
        try:
            await templates.save(message_type, body.files)
        except OSError as error:
            raise _unwritable(error) from error
        return {**_shown(templates, message_type), "event": event, "examples": _examples(event)}

    @routes.delete("/{message_type}")
    async def remove(_: Operator, message_type: MessageType) -> dict[str, Any]:
        """Take the customer's files away; the house's, if there are some, are in force again."""
        _folder(templates)
        if message_type not in {*templates.message_types, *templates.problems, LAYOUT}:
            raise unknown(message_type)
        try:
            removed = await templates.drop(message_type)
        except OSError as error:
            raise _unwritable(error) from error
        return {"message_type": message_type, "removed": removed, "whose": _whose(templates, message_type)}


def _shown(templates: Templates, message_type: str) -> dict[str, Any]:
    return {
        "message_type": message_type,
        "whose": _whose(templates, message_type),
        "languages": languages(_files(templates, message_type)),
        "problem": templates.problems.get(message_type),
    }


def _whose(templates: Templates, message_type: str) -> str | None:
    """Whose templates are in force: customer, house, or nobody's."""
    if templates.customers(message_type) is not None:
        return "customer"
    return "house" if message_type in templates.house.message_types or message_type == LAYOUT else None


def _files(templates: Templates, message_type: str) -> Files:
    own = templates.customers(message_type)
    return templates.house.layers.files(message_type) if own is None else own


async def _event(pool: Pool, operator: Principal, message_type: str, named: str | None) -> str | None:
    """The event that the type tells of: as named, or as its past messages have it. Raises Problem 422. None for what tells of no event."""
    if message_type in _OF_NO_EVENT:
        return None
    if named is None:
        async with db.as_principal(pool, operator) as connection:
            named = await store.event_of(connection, message_type)
    if named not in FACTS or not examples.of_type(named):
        told = "There is no message of this type yet to see its event from" if named is None else f"There is no event {named!r}"
        raise Problem(422, "unknown_event", f"{told}: name one of {', '.join(examples.types())}.", "event")
    return named


def _examples(event: str | None) -> list[str]:
    return [example.name for example in examples.of_type(event)] if event else []


def _folder(templates: Templates) -> None:
    if templates.folder is None:
        detail = "There is no folder for a customer's own templates here: set POSTROOM_CUSTOM to one and restart the mailer-service."
        raise Problem(409, "no_custom_folder", detail)


def _unwritable(error: OSError) -> Problem:
    return Problem(409, "folder_unwritable", f"The customer's folder can't be written: {error}. Nothing was changed.")


def _to_mend(found: list[Finding]) -> Problem:
    first, more = found[0], len(found) - 1
    where = f"{first.file}, line {first.line}" if first.line else first.file
    rest = f" And {more} more: see findings." if more else ""
    detail = f"{where}: {first.problem}{rest} Nothing was saved."
    return Problem(422, "template_invalid", detail, f"files.{first.file}", findings=[asdict(one) for one in found])


def unknown(message_type: str) -> Problem:
    """Nobody has templates for this type."""
    return Problem(404, "no_template", f"There are no templates for {message_type!r}. List the types with GET {PATH}.", "message_type")
