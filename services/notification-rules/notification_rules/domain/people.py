"""The directory as a batch has loaded it: people, who holds which role, and what other systems call them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from postroom.zones import zone

PersonKey = tuple[str, str]
"""Tenant, id."""
RoleKey = tuple[str, str, str]
"""Tenant, role, company; the company is "" for a role held in the whole tenant."""
AliasKey = tuple[str, str, str, str]
"""Tenant, "person" or "company", emitter, the emitter's id."""


@dataclass(frozen=True, slots=True)
class Person:
    """A person as the directory knew them when this was decided."""

    person: str
    name: str
    email: str | None = None
    language: str = "en"
    zone: str = "UTC"
    active: bool = True
    deputy: str | None = None
    absent_from: date | None = None
    absent_until: date | None = None

    def is_absent(self, now: datetime) -> bool:
        """Both days count, in the person's own zone; an open end has not ended."""
        if self.absent_from is None and self.absent_until is None:
            return False
        today = now.astimezone(zone(self.zone)).date()
        return (self.absent_from is None or self.absent_from <= today) and (self.absent_until is None or today <= self.absent_until)


@dataclass(frozen=True, slots=True)
class Directory:
    """What one batch needs of the directory."""

    people: Mapping[PersonKey, Person] = field(default_factory=dict)
    holders: Mapping[RoleKey, tuple[str, ...]] = field(default_factory=dict)
    aliases: Mapping[AliasKey, str] = field(default_factory=dict)

    def person(self, tenant: str, naming: str, name: str) -> Person | None:
        """The person that an emitter calls `name`: by its own alias, else by the directory's id. `naming` is "" for our own services."""
        return self.people.get((tenant, self.aliases.get((tenant, "person", naming, name), name)))

    def company(self, tenant: str, naming: str, name: str) -> str:
        """The directory's id of the company that an emitter calls `name`."""
        return self.aliases.get((tenant, "company", naming, name), name)

    def holding(self, tenant: str, naming: str, role: str, company: str) -> list[Person]:
        """The active holders, in the order of their ids."""
        holders = self.holders.get((tenant, role, self.company(tenant, naming, company)), ())
        found = (self.people.get((tenant, person)) for person in holders)
        return [person for person in found if person and person.active]

    def stand_in(self, tenant: str, person: Person, now: datetime) -> Person | None:
        """The deputy of somebody absent; None if present, or if there is no deputy who is here."""
        if not person.deputy or not person.is_absent(now):
            return None
        deputy = self.people.get((tenant, person.deputy))
        return deputy if deputy and deputy.active and not deputy.is_absent(now) else None
