"""Carbon-copy users: log-on data with which new people come in, as copies of that user."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from po_service.domain.directory import SOURCE, Person
from postroom.contracts import event, ids
from postroom.contracts.event import Event
from postroom.contracts.registrations import CarbonCopyUserRegistered


@dataclass(frozen=True, slots=True)
class CarbonCopyUser:
    """Whoever logs on with it becomes a person of its company with its roles; a `blocked` one stays inactive until released."""

    tenant: str
    id: str
    name: str
    company: str
    blocked: bool = False
    roles: tuple[dict[str, Any], ...] = ()
    language: str = "en"


def copy(original: CarbonCopyUser, user: str, name: str, email: str, language: str, zone: str) -> Person:
    """The new person."""
    return Person(
        original.tenant,
        user,
        name,
        email,
        language=language,
        zone=zone,
        company=original.company,
        active=not original.blocked,
        roles=original.roles,
        maintained=True,
    )


def registered(original: CarbonCopyUser, person: Person, at: datetime) -> Event:
    """CarbonCopyUserRegistered: the first log-on of this user; a second one has no event."""
    fact = CarbonCopyUserRegistered(
        carbon_copy_user=original.id,
        user=person.id,
        name=person.name,
        email=person.email or "",
        blocked=not person.active,
        logged_on_at=at,
    )
    return event.new(
        fact,
        source=SOURCE,
        subject=person.id,
        tenant=original.tenant,
        id=ids.stable("carbon-copy-user-registered", original.tenant, person.id),
        company=original.company,
        actor=person.id,
    )
