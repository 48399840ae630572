"""Companies and people of a tenant: those that the API maintains, and those that documents bring along."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, TypeVar

from po_service.domain.ubl.values import Contact, Party
from postroom.contracts import event, ids
from postroom.contracts.directory import CompanyChanged, PersonChanged
from postroom.contracts.event import Event

SOURCE = "po-service"
Record = TypeVar("Record", "Company", "Person")


@dataclass(frozen=True, slots=True)
class Company:
    """A buying (`side` client) or supplying (`side` supplier) company; `maintained` by the API, else as a document named it."""

    tenant: str
    id: str
    side: str
    name: str
    zone: str = "UTC"
    endpoints: tuple[str, ...] = ()
    aliases: tuple[dict[str, str], ...] = ()
    active: bool = True
    maintained: bool = False
    version: int = 1
    country: str = ""
    subdivision: str = ""
    extra_holidays: tuple[date, ...] = ()
    extra_working_days: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    """A person of a company; one that a document brought has no roles, and without an address is told in the app only."""

    tenant: str
    id: str
    name: str
    email: str | None = None
    phone: str = ""
    language: str = "en"
    zone: str = "UTC"
    company: str | None = None
    active: bool = True
    roles: tuple[dict[str, Any], ...] = ()
    aliases: tuple[dict[str, str], ...] = ()
    deputy: str | None = None
    absent_from: date | None = None
    absent_until: date | None = None
    maintained: bool = False
    version: int = 1


@dataclass(slots=True)
class Directory:
    """What a batch knows of a tenant's people and companies, and what it adds, in order."""

    companies: dict[tuple[str, str, str], Company] = field(default_factory=dict)
    by_email: dict[tuple[str, str, str], Person] = field(default_factory=dict)
    by_name: dict[tuple[str, str, str], list[Person]] = field(default_factory=dict)
    ids: set[tuple[str, str]] = field(default_factory=set)
    new_companies: list[Company] = field(default_factory=list)
    new_people: list[Person] = field(default_factory=list)

    def know(self, people: Iterable[Person]) -> None:
        """People who are there already; where two share an address, the maintained one is meant."""
        for person in sorted(people, key=lambda person: (not person.maintained, person.id)):
            self.ids.add((person.tenant, person.id))
            if person.company is None:
                continue
            if person.email:
                self.by_email.setdefault((person.tenant, person.company, person.email.lower()), person)
            self.by_name.setdefault((person.tenant, person.company, person.name.lower()), []).append(person)

    def company(self, tenant: str, side: str, party: Party) -> Company:
        """The company with this endpoint on this side of the trade; a new one where nobody has it."""
        key = (tenant, side, party.endpoint)
        if key not in self.companies:
            self.companies[key] = Company(tenant, company_id(*key), side, party.name, endpoints=(party.endpoint,))
            self.new_companies.append(self.companies[key])
        return self.companies[key]

    def person(self, company: Company, contact: Contact) -> Person:
        """The person meant: by address, else by a name that only one of the company has; a new one where nobody is."""
        if contact.email:
            found = self.by_email.get((company.tenant, company.id, contact.email.lower()))
        else:
            namesakes = self.by_name.get((company.tenant, company.id, contact.name.lower()), [])
            found = namesakes[0] if len(namesakes) == 1 else next((one for one in namesakes if one.email is None), None)
        return found or self._new_person(company, contact)

    def _new_person(self, company: Company, contact: Contact) -> Person:
        identity = contact.email.lower() if contact.email else f"name:{contact.name.lower()}"
        person = Person(
            company.tenant,
            ids.stable("person", company.tenant, company.id, identity),
            contact.name,
            contact.email,
            contact.phone,
            zone=company.zone,
            company=company.id,
        )
        self.know([person])
        self.new_people.append(person)
        return person


def company_id(tenant: str, side: str, endpoint: str) -> str:
    """The id of a company that a document brings along; Peppol's own samples use one endpoint on both sides, so the side is part of it."""
    return ids.stable("company", tenant, side, endpoint)


def company_changed(company: Company) -> Event:
    """The whole record, for the directory topic."""
    fact = CompanyChanged.model_validate(
        {"company": company.id, "name": company.name, "zone": company.zone, "active": company.active, "aliases": company.aliases}
    )
    return event.new(
        fact,
        source=SOURCE,
        subject=company.id,
        tenant=company.tenant,
        key=f"{company.tenant}/company/{company.id}",
        id=ids.stable("company-changed", company.tenant, company.id, company.version),
        company=company.id,
        aggregateversion=company.version,
    )


def person_changed(person: Person) -> Event:
    """The whole record, for the directory topic."""
    fact = PersonChanged.model_validate(
        {
            "person": person.id,
            "name": person.name,
            "email": person.email,
            "language": person.language,
            "zone": person.zone,
            "company": person.company,
            "active": person.active,
            "provisional": not person.maintained,
            "roles": person.roles,
            "aliases": person.aliases,
            "deputy": person.deputy,
            "absent_from": person.absent_from,
            "absent_until": person.absent_until,
        }
    )
    return event.new(
        fact,
        source=SOURCE,
        subject=person.id,
        tenant=person.tenant,
        key=f"{person.tenant}/person/{person.id}",
        id=ids.stable("person-changed", person.tenant, person.id, person.version),
        company=person.company,
        aggregateversion=person.version,
    )


def next_version(wanted: Record, known: Record | None) -> Record | None:
    """The record to write: None when nothing changes, else the next version, from now on maintained by the API."""
    if known is None:
        return replace(wanted, maintained=True)
    settled = replace(wanted, maintained=True, version=known.version)
    return None if settled == known else replace(settled, version=known.version + 1)
