"""Templates and quantity requests."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from po_service.api.shapes import Key, Rooms, buying_side, company_of, once
from po_service.domain import templates as domain
from po_service.domain.parts import TOLD_BYTES
from po_service.domain.schedules import Schedule
from po_service.domain.templates import Template
from po_service.store import rows, templates
from po_service.tasks.templates import once_each
from postroom import clock, outbox
from postroom.auth import Caller, Principal
from postroom.contracts import cloudevents
from postroom.contracts.demand import Assigned
from postroom.contracts.fields import DecimalText, Id
from postroom.db import Connection
from postroom.http import Problem

Kind = Literal["template", "quantity-request"]


class Item(BaseModel):
    """A line; without a quantity that is what a quantity request asks for."""

    model_config = ConfigDict(extra="forbid")

    item: Id
    name: Annotated[str, Field(max_length=200)] = ""
    quantity: Annotated[DecimalText, Field(ge=0)] | None = None
    unit: Annotated[str, Field(max_length=40)] = ""


class ScheduleIn(BaseModel):
    """From `first_day` on, each `interval`-th day, week or month (or once); where a month is too short, its last day."""

    model_config = ConfigDict(extra="forbid")

    first_day: date
    every: Literal["once", "day", "week", "month"]
    interval: Annotated[int, Field(ge=1, le=1_000)] = 1


class TemplateIn(BaseModel):
    """A template or quantity request, whole. Those `assigned` as buyer or requester are told when it is due; without a `schedule` never."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind = "template"
    name: Id
    company: Id
    owner: Id | None = None
    items: Annotated[list[Item], Field(max_length=1_000)] = []
    assigned: Annotated[list[Assigned], Field(max_length=500)] = []
    schedule: ScheduleIn | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    active: bool = True

    @field_validator("valid_until")
    @classmethod
    def _ends_after_start(cls, value: date | None, info: ValidationInfo) -> date | None:
        first = info.data.get("valid_from")
        if value and first and value < first:
            raise ValueError("valid_until lies before valid_from")
        return value

    @field_validator("items")
    @classmethod
    def _can_be_answered(cls, value: list[Item], info: ValidationInfo) -> list[Item]:
        if info.data.get("kind") == "quantity-request" and not (value and len({one.item for one in value}) == len(value)):
            raise ValueError("a quantity request names the items it asks for, each once")
        return value


def router(rooms: Rooms) -> APIRouter:
    """PUT, GET and POST below /demand-templates; /templates are, at the same door, those of mails."""
    routes = APIRouter(prefix="/demand-templates", tags=["demand"])
    _add_lists(routes, rooms)

    @routes.put("/{template}")
    async def put_template(caller: Caller, template: Id, given: TemplateIn) -> dict[str, Any]:
        """Create a template or quantity request, or replace what is known of it.

        Another schedule, validity or `active` counts from today (the company's day) on: what was due before and not yet told is told,
        what the new one would have made due before is not. Switched off, nobody is told any more that it was due.
        """
        async with rooms.seen_by(caller) as connection:
            return await _put(connection, caller, template, given)

    @routes.post("/{template}/withdraw")
    async def withdraw_template(caller: Caller, template: str, key: Key = None) -> dict[str, Any]:
        """Withdraw it for good: it is due no more, can't be answered, and who wasn't told yet that it was due is told no more."""
        async with rooms.seen_by(caller) as connection:
            return await once(connection, caller, key, ["withdraw", template], lambda: _withdraw(connection, caller, template))

    return routes


def _add_lists(routes: APIRouter, rooms: Rooms) -> None:
    @routes.get("/{template}")
    async def show_template(caller: Caller, template: str) -> dict[str, Any]:
        """One template or quantity request, and the day when it is due next."""
        async with rooms.seen_by(caller) as connection:
            return shown(await known_template(connection, caller, template))

    @routes.get("")
    async def list_templates(
        caller: Caller,
        kind: Kind | None = None,
        company: str | None = None,
        assigned: str | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    ) -> dict[str, Any]:
        """The templates and quantity requests you may see; `assigned` names a person."""
        async with rooms.seen_by(caller) as connection:
            found = await templates.some(connection, kind, company, assigned, limit, offset)
        return {"templates": [shown(one) for one in found]}


def shown(template: Template) -> dict[str, Any]:
    """As answers show it."""
    return {name: value for name, value in {**rows.plain(template), "template": template.id}.items() if name != "zone"}


async def known_template(connection: Connection, caller: Principal, id_: str) -> Template:
    """The template or quantity request, locked; Problem 404 if the caller may not see it."""
    found = await templates.get(connection, caller.tenant, id_)
    if found is None:
        raise Problem(404, "template_unknown", f"There is no template or quantity request {id_!r} that you may see.")
    return found


def _may_change(caller: Principal, *owners: str | None) -> None:
    buying_side(caller, "A template")
    if caller.side != "operator" and set(owners) != {caller.person}:
        raise Problem(403, "forbidden", "Only its owner, or an operator, may change a template.", "owner")


async def _put(connection: Connection, caller: Principal, id_: str, given: TemplateIn) -> dict[str, Any]:
    _may_change(caller, given.owner)
    company = await company_of(connection, caller.tenant, given.company)
    today = clock.today(company.zone)
    wanted = _wanted(caller.tenant, id_, given, company.zone)
    known = await templates.get(connection, caller.tenant, id_)
    if known:
        _may_change(caller, known.owner)
        _can_become(known, wanted)
    changed = domain.put(known, wanted, today)
    if changed is None:
        return {**shown(known or wanted), "changed": False}
    _fits(changed)
    await templates.put(connection, changed)
    if known:
        missed = [(known, day, today) for day in domain.missed(known, wanted, today)]
        off = [domain.is_withdrawn(changed, caller.person)] if known.active and not changed.active else []
        await outbox.add(connection, [*await once_each(connection, missed), *off])
    return {**shown(changed), "changed": True}


def _wanted(tenant: str, id_: str, given: TemplateIn, zone: str) -> Template:
    plain = given.model_dump(mode="json")
    schedule = given.schedule and Schedule(given.schedule.first_day, given.schedule.every, given.schedule.interval)
    typed = {"valid_from": given.valid_from, "valid_until": given.valid_until}
    return rows.of(Template, {**plain, **typed}, tenant=tenant, id=id_, schedule=schedule, zone=zone)


def _can_become(known: Template, wanted: Template) -> None:
    if known.withdrawn:
        raise Problem(409, "template_withdrawn", f"{known.name!r} was withdrawn for good. Make a new one under another id.")
    if known.kind != wanted.kind:
        raise Problem(422, "kind_fixed", f"This is a {known.kind}; make the {wanted.kind} under another id.", "kind")


def _fits(template: Template) -> None:
    """The event that says it is due must not be too large when its day comes and nobody is there to mend it."""
    _, value = cloudevents.encode(domain.is_due(template, date.max, date.max))
    if len(value) > TOLD_BYTES:
        detail = f"With its items and people it takes {len(value)} bytes, and what is told of it may take {TOLD_BYTES}. Make two of it."
        raise Problem(422, "too_large", detail, "items")


async def _withdraw(connection: Connection, caller: Principal, id_: str) -> dict[str, Any]:
    known = await known_template(connection, caller, id_)
    _may_change(caller, known.owner)
    if known.withdrawn:
        return {**shown(known), "outcome": "unchanged", "events": []}
    gone = domain.withdraw(known)
    event = domain.is_withdrawn(gone, caller.person)
    await templates.put(connection, gone)
    await outbox.add(connection, [event])
    return {**shown(gone), "outcome": "withdrawn", "events": [event.id]}
