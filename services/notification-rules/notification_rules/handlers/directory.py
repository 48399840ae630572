"""Records of the directory become the projection that decisions read."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from notification_rules.domain.people import PersonKey
from notification_rules.domain.resolving import company_key, person_key, role_key
from notification_rules.store import directory as store
from postroom.contracts.directory import CompanyChanged, PersonChanged
from postroom.contracts.event import Event
from postroom.db import Connection

TYPES = frozenset({PersonChanged.TYPE, CompanyChanged.TYPE})


async def take_in(connection: Connection, events: Sequence[Event]) -> set[str]:
    """Write these records. Returns what waiting events may have waited for."""
    people, companies = _newest(events, PersonChanged, "person"), _newest(events, CompanyChanged, "company")
    written = await _take_in_people(connection, people) if people else set()
    changed = await _take_in_companies(connection, companies) if companies else set()
    return {key for one in written for key in _keys_of_person(one[0], people[one])} | {
        company_key(tenant, alias.emitter, alias.id) for tenant, company in changed for alias in companies[tenant, company][1].aliases
    }


async def _take_in_people(connection: Connection, people: dict[PersonKey, tuple[int, Any]]) -> set[PersonKey]:
    written = await store.save_people(connection, [_row(key, *people[key]) for key in people])
    facts = {key: people[key][1] for key in written}
    await store.forget_roles(connection, written)
    await store.add_roles(
        connection, {(key[0], role.role, role.company or "", key[1]) for key, fact in facts.items() for role in fact.roles}
    )
    await _take_in_aliases(connection, "person", facts)
    return written


async def _take_in_companies(connection: Connection, companies: dict[PersonKey, tuple[int, Any]]) -> set[PersonKey]:
    written = await store.save_companies(connection, [_row(key, *companies[key]) for key in companies])
    await _take_in_aliases(connection, "company", {key: companies[key][1] for key in written})
    return written


async def _take_in_aliases(connection: Connection, kind: str, facts: dict[PersonKey, Any]) -> None:
    await store.forget_aliases(connection, kind, facts.keys())
    named = {(tenant, alias.emitter, alias.id): target for (tenant, target), fact in facts.items() for alias in fact.aliases}
    await store.add_aliases(connection, kind, named)


def _row(key: PersonKey, version: int, fact: Any) -> dict[str, Any]:
    return {**fact.model_dump(mode="json", exclude={"roles", "aliases"}), "tenant": key[0], "version": version}


def _newest(events: Iterable[Event], kind: type[Any], name: str) -> dict[PersonKey, tuple[int, Any]]:
    """(tenant, id) → (version, fact): of several records of one batch, the newest version; of equal ones, the last."""
    found: dict[PersonKey, tuple[int, Any]] = {}
    for event in events:
        if isinstance(event.data, kind):
            key, version = (event.tenant, getattr(event.data, name)), event.aggregateversion or 0
            if key not in found or found[key][0] <= version:
                found[key] = (version, event.data)
    return found


def _keys_of_person(tenant: str, record: tuple[int, PersonChanged]) -> Collection[str]:
    person = record[1]
    return {
        person_key(tenant, "", person.person),
        *(person_key(tenant, alias.emitter, alias.id) for alias in person.aliases),
        *(role_key(tenant, role.role, role.company or "") for role in person.roles),
    }
