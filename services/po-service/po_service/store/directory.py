"""Companies, people and contracts."""

from collections.abc import Iterable, Sequence

from po_service.domain.contracts import Contract
from po_service.domain.directory import Company, Person
from po_service.store import rows
from postroom.db import Connection

_COMPANY = """
    SELECT c.*, coalesce((SELECT array_agg(e.endpoint ORDER BY e.endpoint) FROM company_endpoints e
                          WHERE (e.tenant, e.company) = (c.tenant, c.id)), '{}') AS endpoints
    FROM companies c
"""


async def companies_by_endpoint(connection: Connection, keys: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str, str], Company]:
    """(tenant, side, endpoint) → company."""
    found = await connection.fetch(
        f"""
        SELECT c.*, e.endpoint FROM company_endpoints e JOIN ({_COMPANY}) AS c ON (c.tenant, c.id) = (e.tenant, e.company)
        WHERE (e.tenant, e.side, e.endpoint) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]))
        """,  # noqa: S608 - a constant
        *_columns(sorted(set(keys)), 3),
    )
    return {(row["tenant"], row["side"], row["endpoint"]): rows.of(Company, row) for row in found}


async def companies_by_id(connection: Connection, tenant: str, ids: Iterable[str]) -> dict[str, Company]:
    """Companies of a tenant, as id → company."""
    found = await connection.fetch(_COMPANY + "WHERE c.tenant = $1 AND c.id = ANY($2)", tenant, list(ids))
    return {row["id"]: rows.of(Company, row) for row in found}


async def people_meant(
    connection: Connection, by_email: Iterable[tuple[str, str, str]], by_name: Iterable[tuple[str, str, str]]
) -> list[Person]:
    """People by (tenant, company, lower-case address) or (tenant, company, lower-case name)."""
    found = await connection.fetch(
        """
        SELECT * FROM people WHERE (tenant, company, lower(email)) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]))
        UNION
        SELECT * FROM people WHERE (tenant, company, lower(name)) IN (SELECT * FROM unnest($4::text[], $5::text[], $6::text[]))
        """,
        *_columns(sorted(set(by_email)), 3),
        *_columns(sorted(set(by_name)), 3),
    )
    return [rows.of(Person, row) for row in found]


async def contracts(connection: Connection, keys: Iterable[tuple[str, str]]) -> dict[str, Contract]:
    """Contracts by (tenant, id), as id → contract."""
    found = await connection.fetch(
        "SELECT * FROM contracts WHERE (tenant, id) IN (SELECT * FROM unnest($1::text[], $2::text[]))", *_columns(sorted(set(keys)), 2)
    )
    return {row["id"]: rows.of(Contract, row) for row in found}


async def names(connection: Connection, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """People's names by (tenant, id)."""
    found = await connection.fetch(
        "SELECT tenant, id, name FROM people WHERE (tenant, id) IN (SELECT * FROM unnest($1::text[], $2::text[]))",
        *_columns(sorted(set(keys)), 2),
    )
    return {(row["tenant"], row["id"]): row["name"] for row in found}


async def add_companies(connection: Connection, companies: Sequence[Company]) -> set[tuple[str, str]]:
    """Insert those that are not there; returns (tenant, id) of the inserted ones."""
    found = await connection.fetch(
        """
        INSERT INTO companies SELECT * FROM jsonb_populate_recordset(NULL::companies, $1) ORDER BY tenant, id
        ON CONFLICT DO NOTHING RETURNING tenant, id
        """,
        [rows.plain(company) for company in companies],
    )
    return {(row["tenant"], row["id"]) for row in found}


async def add_endpoints(connection: Connection, companies: Sequence[Company]) -> bool:
    """Say whose endpoints these are; False if one is another company's, whose it stays."""
    keys = sorted((company.tenant, company.side, endpoint, company.id) for company in companies for endpoint in company.endpoints)
    found = await connection.fetch(
        """
        INSERT INTO company_endpoints AS known SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
        ON CONFLICT (tenant, side, endpoint) DO UPDATE SET company = known.company
        RETURNING tenant, side, endpoint, company
        """,
        *_columns(keys, 4),
    )
    return {tuple(row) for row in found} == set(keys)


async def add_people(connection: Connection, people: Sequence[Person]) -> set[tuple[str, str]]:
    """Insert those that are not there; returns (tenant, id) of the inserted ones."""
    found = await connection.fetch(
        """
        INSERT INTO people SELECT * FROM jsonb_populate_recordset(NULL::people, $1) ORDER BY tenant, id
        ON CONFLICT DO NOTHING RETURNING tenant, id
        """,
        [rows.plain(person) for person in people],
    )
    return {(row["tenant"], row["id"]) for row in found}


async def add_contracts(connection: Connection, stubs: Sequence[Contract]) -> None:
    """Insert those that are not there."""
    await connection.execute(
        """
        INSERT INTO contracts SELECT * FROM jsonb_populate_recordset(NULL::contracts, $1) ORDER BY tenant, id
        ON CONFLICT DO NOTHING
        """,
        [rows.plain(contract) for contract in stubs],
    )


async def company(connection: Connection, tenant: str, id_: str) -> Company | None:
    """One company, locked until the transaction ends."""
    row = await connection.fetchrow(_COMPANY + "WHERE c.tenant = $1 AND c.id = $2 FOR UPDATE OF c", tenant, id_)
    return rows.of(Company, row) if row else None


async def companies(connection: Connection, limit: int = 500) -> list[Company]:
    """The companies that the caller may see."""
    found = await connection.fetch(_COMPANY + "ORDER BY c.name, c.id LIMIT $1", limit)
    return [rows.of(Company, row) for row in found]


async def put_company(connection: Connection, company: Company) -> None:
    """Write a company as it now is."""
    await connection.execute(
        """
        INSERT INTO companies SELECT * FROM jsonb_populate_record(NULL::companies, $1)
        ON CONFLICT (tenant, id) DO UPDATE SET side = excluded.side, name = excluded.name, zone = excluded.zone, aliases = excluded.aliases,
            active = excluded.active, maintained = excluded.maintained, version = excluded.version, country = excluded.country,
            subdivision = excluded.subdivision, extra_holidays = excluded.extra_holidays,
            extra_working_days = excluded.extra_working_days
        """,
        rows.plain(company),
    )


async def take_endpoints(connection: Connection, company: Company) -> list[str]:
    """Give a company exactly these endpoints; returns those that are another's and stay so."""
    found = await connection.fetch(
        """
        WITH gone AS (DELETE FROM company_endpoints WHERE tenant = $1 AND company = $3 AND NOT (endpoint = ANY($4) AND side = $2)),
             added AS (INSERT INTO company_endpoints SELECT $1, $2, e, $3 FROM unnest($4::text[]) AS e ON CONFLICT DO NOTHING)
        SELECT endpoint || ' (' || company || ')' AS taken FROM company_endpoints
        WHERE tenant = $1 AND side = $2 AND endpoint = ANY($4) AND company <> $3
        """,
        company.tenant,
        company.side,
        company.id,
        list(company.endpoints),
    )
    return [row["taken"] for row in found]


async def person(connection: Connection, tenant: str, id_: str) -> Person | None:
    """One person, locked until the transaction ends."""
    row = await connection.fetchrow("SELECT * FROM people WHERE tenant = $1 AND id = $2 FOR UPDATE", tenant, id_)
    return rows.of(Person, row) if row else None


async def people_there(connection: Connection, tenant: str, ids: Sequence[str]) -> set[str]:
    """Those of these people (ids) that are there."""
    found = await connection.fetch("SELECT id FROM people WHERE tenant = $1 AND id = ANY($2)", tenant, list(ids))
    return {row["id"] for row in found}


async def people(connection: Connection, email: str | None, company: str | None, limit: int = 500) -> list[Person]:
    """The people that the caller may see."""
    found = await connection.fetch(
        """
        SELECT * FROM people WHERE ($1::text IS NULL OR lower(email) = lower($1)) AND ($2::text IS NULL OR company = $2)
        ORDER BY name, id LIMIT $3
        """,
        email,
        company,
        limit,
    )
    return [rows.of(Person, row) for row in found]


async def put_person(connection: Connection, person: Person) -> None:
    """Write a person as they now are."""
    await connection.execute(
        """
        INSERT INTO people SELECT * FROM jsonb_populate_record(NULL::people, $1)
        ON CONFLICT (tenant, id) DO UPDATE SET
            name = excluded.name, email = excluded.email, phone = excluded.phone, language = excluded.language, zone = excluded.zone,
            company = excluded.company, active = excluded.active, roles = excluded.roles, aliases = excluded.aliases,
            deputy = excluded.deputy, absent_from = excluded.absent_from, absent_until = excluded.absent_until,
            maintained = excluded.maintained, version = excluded.version
        """,
        rows.plain(person),
    )


async def contracts_named(connection: Connection, tenant: str, id_or_number: str, buyer: str | None) -> list[Contract]:
    """The contracts with this id or number (of this buying company), locked."""
    found = await connection.fetch(
        """
        SELECT * FROM contracts WHERE tenant = $1 AND (id = $2 OR number = $2) AND ($3::text IS NULL OR buyer = $3) ORDER BY id FOR UPDATE
        """,
        tenant,
        id_or_number,
        buyer,
    )
    return [rows.of(Contract, row) for row in found]


async def all_contracts(connection: Connection, limit: int = 500) -> list[Contract]:
    """The contracts that the caller may see."""
    return [rows.of(Contract, row) for row in await connection.fetch("SELECT * FROM contracts ORDER BY number, id LIMIT $1", limit)]


async def put_contract(connection: Connection, contract: Contract) -> None:
    """Write a contract as it now is."""
    await connection.execute(
        """
        INSERT INTO contracts SELECT * FROM jsonb_populate_record(NULL::contracts, $1)
        ON CONFLICT (tenant, id) DO UPDATE SET
            purchaser_contact = excluded.purchaser_contact, automatic_receipt = excluded.automatic_receipt,
            receipt_days = excluded.receipt_days, complaint_days = excluded.complaint_days,
            mute_announced_partials = excluded.mute_announced_partials, minimum_order_value = excluded.minimum_order_value,
            currency = excluded.currency, provisional = excluded.provisional, supplier = excluded.supplier,
            first_reminder = excluded.first_reminder, second_reminder = excluded.second_reminder,
            third_reminder = excluded.third_reminder, reminder_calendar = excluded.reminder_calendar
        """,
        rows.plain(contract),
    )


def _columns(keys: Sequence[tuple[str, ...]], width: int) -> list[list[str]]:
    return [[key[column] for key in keys] for column in range(width)]
