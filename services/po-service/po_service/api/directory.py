"""The tenant's people and companies, as an administrator maintains them."""

from datetime import date
from typing import Annotated, Any

from email_validator import EmailNotValidError, validate_email
from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from po_service.api.shapes import Rooms, Zone
from po_service.domain import calendars
from po_service.domain.directory import Company, Person, company_changed, next_version, person_changed
from po_service.store import directory, locks, rows
from postroom import outbox
from postroom.auth import Caller, Operator
from postroom.contracts.directory import Alias, Role
from postroom.contracts.fields import Id
from postroom.http import Problem


def _email(value: str) -> str:
    try:
        return validate_email(value, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise ValueError(str(error)) from error


Email = Annotated[str, Field(max_length=320), AfterValidator(_email)]
Days = Annotated[list[date], Field(max_length=400)]


class PersonIn(BaseModel):
    """A person, whole: what is left out is emptied."""

    model_config = ConfigDict(extra="forbid")

    name: Id
    email: Email | None = None
    phone: Annotated[str, Field(max_length=200)] = ""
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] = "en"
    zone: Zone = "UTC"
    company: Id | None = None
    active: bool = True
    roles: Annotated[list[Role], Field(max_length=100)] = []
    aliases: Annotated[list[Alias], Field(max_length=100)] = []
    deputy: Id | None = None
    absent_from: date | None = None
    absent_until: date | None = None


class CompanyIn(BaseModel):
    """A company, whole. `endpoints` are its Peppol endpoints, scheme:id; `country` (AT) and `subdivision` (9) name its public holidays."""

    model_config = ConfigDict(extra="forbid")

    name: Id
    side: Annotated[str, Field(pattern="^(client|supplier)$")] = "client"
    zone: Zone = "UTC"
    endpoints: Annotated[list[Id], Field(max_length=100)] = []
    active: bool = True
    aliases: Annotated[list[Alias], Field(max_length=100)] = []
    country: Annotated[str, Field(max_length=2)] = ""
    subdivision: Annotated[str, Field(max_length=20)] = ""
    extra_holidays: Days = []
    extra_working_days: Days = []


def router(rooms: Rooms) -> APIRouter:
    """PUT and GET below /people and /companies."""
    routes = APIRouter(tags=["directory"])
    _add_people(routes, rooms)
    _add_companies(routes, rooms)
    return routes


def _add_people(routes: APIRouter, rooms: Rooms) -> None:
    @routes.put("/people/{person}")
    async def put_person(caller: Operator, person: Id, given: PersonIn) -> dict[str, Any]:
        """Create a person or replace what is known of them; from then on no document changes it."""
        wanted = rows.of(Person, given.model_dump(), tenant=caller.tenant, id=person)
        async with rooms.seen_by(caller) as connection:
            if wanted.company and await directory.company(connection, caller.tenant, wanted.company) is None:
                raise Problem(
                    422, "company_unknown", f"There is no company {wanted.company!r}. PUT /companies/{wanted.company} first.", "company"
                )
            await locks.take(connection, "person", [(caller.tenant, person)])
            known = await directory.person(connection, caller.tenant, person)
            changed = next_version(wanted, known)
            if changed:
                await directory.put_person(connection, changed)
                await outbox.add(connection, [person_changed(changed)])
            return {**rows.plain(changed or known), "changed": changed is not None}

    @routes.get("/people/{person}")
    async def show_person(caller: Caller, person: str) -> dict[str, Any]:
        """A person with the side, company and endpoints that a token of theirs carries."""
        async with rooms.seen_by(caller) as connection:
            found = await directory.person(connection, caller.tenant, person)
            if found is None:
                raise Problem(404, "person_unknown", f"There is no person {person!r} that you may see.")
            company = await directory.company(connection, caller.tenant, found.company) if found.company else None
        operator = any(role["role"] == "operator" for role in found.roles)
        side = "operator" if operator else company.side if company else None
        return {
            **rows.plain(found),
            "person": found.id,
            "side": side,
            "endpoints": ["*"] if operator else list(company.endpoints if company else ()),
        }

    @routes.get("/people")
    async def list_people(caller: Caller, email: str | None = None, company: str | None = None) -> dict[str, Any]:
        """The people you may see, by address or company."""
        async with rooms.seen_by(caller) as connection:
            return {"people": [{**rows.plain(one), "person": one.id} for one in await directory.people(connection, email, company)]}


def _check_calendar(given: CompanyIn) -> None:
    if wrong := calendars.unknown(given.country, given.subdivision):
        raise Problem(422, f"{wrong[0]}_unknown", wrong[1], wrong[0])
    if both := set(given.extra_holidays) & set(given.extra_working_days):
        raise Problem(422, "invalid", f"{min(both)} stands in both lists of extra days; leave it in one of them.", "extra_working_days")


def _add_companies(routes: APIRouter, rooms: Rooms) -> None:
    @routes.put("/companies/{company}")
    async def put_company(caller: Operator, company: Id, given: CompanyIn) -> dict[str, Any]:
        """Create a company or replace what is known of it; documents find it by its endpoints."""
        _check_calendar(given)
        wanted = rows.of(Company, {**given.model_dump(), "endpoints": sorted(set(given.endpoints))}, tenant=caller.tenant, id=company)
        async with rooms.seen_by(caller) as connection:
            await locks.take(connection, "company", [(caller.tenant, company)])
            known = await directory.company(connection, caller.tenant, company)
            changed = next_version(wanted, known)
            if changed:
                await directory.put_company(connection, changed)
                if taken := await directory.take_endpoints(connection, changed):
                    detail = f"These endpoints belong to another company: {', '.join(taken)}. Change that company, or leave them out."
                    raise Problem(409, "endpoint_taken", detail, "endpoints")
                await outbox.add(connection, [company_changed(changed)])
            return {**rows.plain(changed or known), "changed": changed is not None}

    @routes.get("/companies/{company}")
    async def show_company(caller: Caller, company: str) -> dict[str, Any]:
        """One company."""
        async with rooms.seen_by(caller) as connection:
            found = await directory.company(connection, caller.tenant, company)
        if found is None:
            raise Problem(404, "company_unknown", f"There is no company {company!r} that you may see.")
        return {**rows.plain(found), "company": found.id}

    @routes.get("/companies")
    async def list_companies(caller: Caller) -> dict[str, Any]:
        """The companies you may see."""
        async with rooms.seen_by(caller) as connection:
            return {"companies": [{**rows.plain(one), "company": one.id} for one in await directory.companies(connection)]}
