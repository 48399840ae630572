"""The directory's projection: written from the topic `directory`, read per batch and never cached."""

from collections.abc import Collection, Sequence
from typing import Any

from notification_rules.domain.people import AliasKey, Directory, Person, PersonKey, RoleKey
from notification_rules.domain.resolving import Wanted
from postroom.db import Connection

Row = dict[str, Any]


async def save_people(connection: Connection, rows: Sequence[Row]) -> set[PersonKey]:
    """Write these records; an older version never overwrites a newer one. Returns the people that were written."""
    written = await connection.fetch(
        """
        INSERT INTO people AS known
            (tenant, person, name, email, language, zone, company, active, deputy, absent_from, absent_until, version)
        SELECT * FROM jsonb_to_recordset($1::jsonb) AS t (tenant text, person text, name text, email text, language text, zone text,
            company text, active boolean, deputy text, absent_from date, absent_until date, version bigint)
        ORDER BY tenant, person
        ON CONFLICT (tenant, person) DO UPDATE SET
            name = excluded.name, email = excluded.email, language = excluded.language, zone = excluded.zone, company = excluded.company,
            active = excluded.active, deputy = excluded.deputy, absent_from = excluded.absent_from, absent_until = excluded.absent_until,
            version = excluded.version
        WHERE known.version <= excluded.version
        RETURNING tenant, person
        """,
        rows,
    )
    return {(row["tenant"], row["person"]) for row in written}


async def save_companies(connection: Connection, rows: Sequence[Row]) -> set[PersonKey]:
    """The same for companies."""
    written = await connection.fetch(
        """
        INSERT INTO companies AS known (tenant, company, name, zone, active, version)
        SELECT * FROM jsonb_to_recordset($1::jsonb) AS t (tenant text, company text, name text, zone text, active boolean, version bigint)
        ORDER BY tenant, company
        ON CONFLICT (tenant, company) DO UPDATE SET
            name = excluded.name, zone = excluded.zone, active = excluded.active, version = excluded.version
        WHERE known.version <= excluded.version
        RETURNING tenant, company
        """,
        rows,
    )
    return {(row["tenant"], row["company"]) for row in written}


async def forget_roles(connection: Connection, people: Collection[PersonKey]) -> None:
    """Before their roles are written anew."""
    await connection.execute(
        "DELETE FROM roles WHERE (tenant, person) IN (SELECT * FROM unnest($1::text[], $2::text[]))", *_columns(people, 2)
    )


async def add_roles(connection: Connection, roles: Collection[tuple[str, str, str, str]]) -> None:
    """(tenant, role, company, person)."""
    await connection.execute(
        """
        INSERT INTO roles (tenant, role, company, person)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) ON CONFLICT DO NOTHING
        """,
        *_columns(roles, 4),
    )


async def forget_aliases(connection: Connection, kind: str, targets: Collection[PersonKey]) -> None:
    """Before their aliases are written anew."""
    await connection.execute(
        "DELETE FROM aliases WHERE kind = $1 AND (tenant, target) IN (SELECT * FROM unnest($2::text[], $3::text[]))",
        kind,
        *_columns(targets, 2),
    )


async def add_aliases(connection: Connection, kind: str, aliases: dict[tuple[str, str, str], str]) -> None:
    """(tenant, emitter, id) → target. An alias that has moved to somebody else belongs to the one who has it now."""
    await connection.execute(
        """
        INSERT INTO aliases (tenant, kind, emitter, id, target)
        SELECT t.tenant, $1, t.emitter, t.id, t.target
        FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS t (tenant, emitter, id, target)
        ON CONFLICT (tenant, kind, emitter, id) DO UPDATE SET target = excluded.target
        """,
        kind,
        *_columns([(*name, target) for name, target in sorted(aliases.items())], 4),
    )


async def load(connection: Connection, wanted: Wanted) -> Directory:
    """What a batch needs, one statement a table."""
    aliases = await load_aliases(connection, wanted.aliases) if wanted.aliases else {}
    companies: dict[PersonKey, set[str]] = {}
    for (tenant, kind, _, name), target in aliases.items():
        if kind == "company":
            companies.setdefault((tenant, name), set()).add(target)
    roles = wanted.roles | {(tenant, role, target) for tenant, role, name in wanted.roles for target in companies.get((tenant, name), ())}
    holders = await load_holders(connection, roles) if roles else {}
    # An alias and a directory id may be spelt alike, so both are loaded; the lookup prefers the alias.
    people = wanted.people | {(tenant, target) for (tenant, kind, _, _), target in aliases.items() if kind == "person"}
    people |= {(tenant, person) for (tenant, _, _), found in holders.items() for person in found}
    return Directory(await load_people(connection, people) if people else {}, holders, aliases)


async def load_aliases(connection: Connection, wanted: Collection[AliasKey]) -> dict[AliasKey, str]:
    """What other systems' names stand for."""
    rows = await connection.fetch(
        """
        SELECT tenant, kind, emitter, id, target FROM aliases
        WHERE (tenant, kind, emitter, id) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]))
        """,
        *_columns(wanted, 4),
    )
    return {(row["tenant"], row["kind"], row["emitter"], row["id"]): row["target"] for row in rows}


async def load_holders(connection: Connection, wanted: Collection[RoleKey]) -> dict[RoleKey, tuple[str, ...]]:
    """Who holds these roles, in the order of their ids."""
    rows = await connection.fetch(
        """
        SELECT tenant, role, company, array_agg(person ORDER BY person) AS people FROM roles
        WHERE (tenant, role, company) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]))
        GROUP BY tenant, role, company
        """,
        *_columns(wanted, 3),
    )
    return {(row["tenant"], row["role"], row["company"]): tuple(row["people"]) for row in rows}


async def load_people(connection: Connection, wanted: Collection[PersonKey]) -> dict[PersonKey, Person]:
    """These people and their deputies."""
    rows = await connection.fetch(
        """
        WITH named AS (SELECT * FROM people WHERE (tenant, person) IN (SELECT * FROM unnest($1::text[], $2::text[])))
        SELECT * FROM named
        UNION
        SELECT * FROM people WHERE (tenant, person) IN (SELECT tenant, deputy FROM named WHERE deputy IS NOT NULL)
        """,
        *_columns(wanted, 2),
    )
    return {
        (row["tenant"], row["person"]): Person(
            person=row["person"],
            name=row["name"],
            email=row["email"],
            language=row["language"],
            zone=row["zone"],
            active=row["active"],
            deputy=row["deputy"],
            absent_from=row["absent_from"],
            absent_until=row["absent_until"],
        )
        for row in rows
    }


def _columns(rows: Collection[tuple[str, ...]], width: int) -> list[list[str]]:
    """Rows as unnest takes them."""
    return [[row[n] for row in rows] for n in range(width)]
