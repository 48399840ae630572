"""Templates tried out: a preview that sends nothing, and a test that a person sends to themselves."""

from typing import Annotated, Any, Self
from uuid import uuid4

from fastapi import APIRouter
from jinja2 import TemplateError
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mailer_service.api.templates import PATH, MessageType, unknown
from mailer_service.customer.files import Files
from mailer_service.customer.templates import Templates
from mailer_service.customer.typesetter import TemplateFaultError
from mailer_service.domain import messages, samples
from mailer_service.domain.addresses import deliverable
from mailer_service.domain.messages import CORRESPONDENCE
from mailer_service.domain.samples import sample
from mailer_service.render import MissingTemplateError
from mailer_service.rows import Row
from mailer_service.store import intake
from mailer_service.store import samples as store
from postroom import db
from postroom.auth import Operator, Principal
from postroom.contracts.errors import OURS
from postroom.contracts.facts import FACTS
from postroom.db import Connection, Pool
from postroom.problems import Problem

Name = Annotated[str, Field(max_length=200)]


class Asked(BaseModel):
    """What to show: the facts of a past message (of any type that tells of the same event), or facts as they are given.

    `event` is their type, such as BudgetExpired.v1: what the facts leave out is then filled in as rules does it.
    """

    model_config = ConfigDict(extra="forbid")

    message: Name | None = None
    facts: dict[str, Any] | None = None
    event: Name | None = None
    language: Name | None = None
    zone: Name | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.message is None) == (self.facts is None):
            raise ValueError("give the id of a past message as `message`, or `facts`, one of both")
        return self


class Previewed(Asked):
    """The same, and files that are not saved yet."""

    files: dict[str, str] | None = None


class Reader(BaseModel):
    """Who would read it."""

    name: Name = ""
    language: Name = "en"
    zone: Name = "UTC"


class Imagined(BaseModel):
    """A message that rules would ask for."""

    message_type: Name
    facts: dict[str, Any]
    recipient: Reader = Reader()
    reason: str = ""
    order_number: str = ""


def router(pool: Pool, templates: Templates) -> APIRouter:
    """The routes; `pool` is the API's, under row-level security."""
    routes = APIRouter(tags=["mail"])

    @routes.post("/preview")
    async def imagine(_: Operator, body: Imagined) -> dict[str, str]:
        """The mail that a message would become, for the dry run of rules; nothing is stored or sent."""
        known = {"reason": body.reason, "order_number": body.order_number, **body.recipient.model_dump()}
        return await _rendered(templates, sample(body.message_type, body.facts, **known), None)

    @routes.post(PATH + "/{message_type}/preview")
    async def preview(operator: Operator, message_type: MessageType, body: Previewed) -> dict[str, str]:
        """The type's mail over a past message's facts; nothing is stored or sent."""
        async with db.as_principal(pool, operator) as connection:
            row = await _row(connection, message_type, body)
        return await _rendered(templates, row, body.files)

    @routes.post(PATH + "/{message_type}/test", status_code=202)
    async def test(operator: Operator, message_type: MessageType, body: Asked) -> dict[str, Any]:
        """Send the type's mail to yourself, marked as a test, by the same way as every other; it is in nobody's inbox."""
        address = _address_of(operator)
        async with db.as_principal(pool, operator) as connection:
            row = await _row(connection, message_type, body)
        shown = await _rendered(templates, row, None)
        message = samples.test(row, message=str(uuid4()), tenant=operator.tenant, person=operator.person, name=operator.name, email=address)
        async with db.as_principal(pool, operator) as connection:
            suppressed = await intake.suppressed(connection, [(operator.tenant, address)])
            await intake.add_messages(connection, [message])
            await intake.add_envelopes(connection, [messages.envelope(message, address, message.person, suppressed)])
        return {"message": message.id, "to": address, "subject": samples.subject(shown["subject"])}

    return routes


async def _row(connection: Connection, message_type: str, asked: Asked) -> Row:
    """The message to render. Raises Problem 404 or 422."""
    given = {name: value for name in ("language", "zone") if (value := getattr(asked, name))}
    if asked.message is None:
        facts = _whole(asked.facts or {}, asked.event)
        order = facts.get("order")
        number = order.get("number") if isinstance(order, dict) else None
        return sample(message_type, facts, order_number=str(number or ""), **given)
    row = await store.message(connection, asked.message)
    if row is None:
        raise Problem(404, "unknown_message", f"There is no message {asked.message!r}. Find one with GET /messages?ref=.", "message")
    if row["message_type"] == CORRESPONDENCE:
        raise Problem(422, "no_example", "A correspondence has words of its own and shows no template of yours: take another.", "message")
    return {**row, "message_type": message_type, **given}


def _whole(facts: dict[str, Any], event: str | None) -> dict[str, Any]:
    """Facts with their defaults, as a message carries them. Raises Problem 422 that names the field."""
    if event is None:
        return facts
    if event not in FACTS:
        raise Problem(422, "unknown_event", f"There is no event {event!r}: name one of {', '.join(sorted(FACTS))}.", "event")
    try:
        return FACTS[event].model_validate(facts).model_dump(mode="json")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(("facts", *map(str, first["loc"])))
        raise Problem(422, "invalid", f"These are no facts of {event}: {field}: {first['msg']}.", field) from error


async def _rendered(templates: Templates, row: Row, files: Files | None) -> dict[str, str]:
    """The mail's three parts. Raises Problem 404 or 422."""
    try:
        shown = await templates.try_out(row, files)
    except MissingTemplateError as error:
        problem = templates.problems.get(row["message_type"])
        raise Problem(422, "template_invalid", problem) if problem else unknown(row["message_type"]) from error
    except (TemplateFaultError, TemplateError, *OURS) as error:
        what = str(error) if isinstance(error, TemplateFaultError) else f"{type(error).__name__}: {error}"
        raise Problem(422, "template_failed", f"The template does not fit these facts: {what}. Check it with {PATH}/…/check.") from error
    return {"subject": shown.subject, "text": shown.text, "html": shown.html}


def _address_of(operator: Principal) -> str:
    address = deliverable(operator.email) if operator.email else None
    if address is None:
        detail = "Your token names no e-mail address to send a test to. Sign in with one (claim `email`), or look at a preview instead."
        raise Problem(422, "no_address", detail)
    return address
