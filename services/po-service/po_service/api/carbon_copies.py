"""Carbon-copy users, and the log-ons with their data."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from po_service.api.directory import Email
from po_service.api.shapes import Key, Rooms, Zone, company_of, once
from po_service.domain.carbon_copies import CarbonCopyUser, copy, registered
from po_service.domain.directory import person_changed
from po_service.store import carbon_copies, directory, rows
from postroom import clock, outbox
from postroom.auth import Caller, Operator, Principal
from postroom.contracts.directory import Role
from postroom.contracts.fields import Id
from postroom.db import Connection
from postroom.http import Problem

Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]


class CarbonCopyUserIn(BaseModel):
    """A carbon-copy user, whole. New users get its company and roles; `blocked` ones stay inactive until an administrator releases them."""

    model_config = ConfigDict(extra="forbid")

    name: Id
    company: Id
    blocked: bool = False
    roles: Annotated[list[Role], Field(max_length=100)] = []
    language: Language = "en"


class LogOn(BaseModel):
    """Who logged on; language and zone are the carbon-copy user's and its company's where they are left out."""

    model_config = ConfigDict(extra="forbid")

    user: Id
    name: Id
    email: Email
    language: Language | None = None
    zone: Zone | None = None


def router(rooms: Rooms) -> APIRouter:
    """PUT and GET /carbon-copy-users/{id}, POST /carbon-copy-users/{id}/log-ons."""
    routes = APIRouter(prefix="/carbon-copy-users/{user}", tags=["carbon-copy users"])

    @routes.put("")
    async def put_user(caller: Operator, user: Id, given: CarbonCopyUserIn) -> dict[str, Any]:
        """Create a carbon-copy user or replace what is known of it; holds for all who log on from now on."""
        wanted = rows.of(CarbonCopyUser, given.model_dump(), tenant=caller.tenant, id=user)
        async with rooms.seen_by(caller) as connection:
            await company_of(connection, caller.tenant, given.company)
            await carbon_copies.put(connection, wanted)
        return {**rows.plain(wanted), "carbon_copy_user": user}

    @routes.get("")
    async def show_user(caller: Caller, user: str) -> dict[str, Any]:
        """One carbon-copy user."""
        async with rooms.seen_by(caller) as connection:
            return {**rows.plain(await _known(connection, caller, user)), "carbon_copy_user": user}

    @routes.post("/log-ons", status_code=201)
    async def log_on(caller: Operator, user: str, given: LogOn, key: Key = None) -> dict[str, Any]:
        """Somebody logged on with this data, says the system where they did: `registered` the first time, `known` ever after."""
        async with rooms.seen_by(caller) as connection:
            asked = ["log-on", user, given.model_dump(mode="json")]
            return await once(connection, caller, key, asked, lambda: _log_on(connection, caller, user, given))

    return routes


async def _known(connection: Connection, caller: Principal, id_: str) -> CarbonCopyUser:
    found = await carbon_copies.get(connection, caller.tenant, id_)
    if found is None:
        detail = f"There is no carbon-copy user {id_!r} that you may see. PUT /carbon-copy-users/{id_} makes one."
        raise Problem(404, "carbon_copy_user_unknown", detail)
    return found


async def _log_on(connection: Connection, caller: Principal, id_: str, given: LogOn) -> dict[str, Any]:
    original, at = await _known(connection, caller, id_), clock.now()
    company = await company_of(connection, caller.tenant, original.company)
    first = await carbon_copies.add_log_on(connection, original, given.user, at)
    events = []
    if first:
        person = copy(original, given.user, given.name, given.email, given.language or original.language, given.zone or company.zone)
        # Whoever is in the directory already stays as they are there: also active, where the copy would be blocked.
        if await directory.add_people(connection, [person]):
            events.append(person_changed(person))
    person_now = await directory.person(connection, caller.tenant, given.user)
    if first and person_now:
        events.append(registered(original, person_now, at))
    await outbox.add(connection, events)
    return {
        "outcome": "registered" if first else "known",
        "person": given.user,
        "carbon_copy_user": id_,
        "blocked": bool(person_now and not person_now.active),
        "events": [event.id for event in events],
    }
