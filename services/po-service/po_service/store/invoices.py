"""Invoices and their failed checks."""

from collections.abc import Iterable, Sequence
from typing import Any

from po_service.domain.invoices import Check, Invoice
from po_service.store import rows
from postroom.db import Connection

Key = tuple[str, str]
_INVOICE = """
    SELECT i.*, coalesce(s.name, '') AS supplier_name FROM invoices i LEFT JOIN companies s ON (s.tenant, s.id) = (i.tenant, i.supplier)
"""


async def numbered(connection: Connection, keys: Iterable[Key]) -> dict[Key, list[Invoice]]:
    """The invoices with these (tenant, number), locked until the transaction ends."""
    pairs = list(keys)
    found = await connection.fetch(
        f"""
        {_INVOICE} WHERE (i.tenant, i.number) IN (SELECT * FROM unnest($1::text[], $2::text[])) ORDER BY i.tenant, i.id FOR UPDATE OF i
        """,  # noqa: S608 - a constant
        [tenant for tenant, _ in pairs],
        [number for _, number in pairs],
    )
    grouped: dict[Key, list[Invoice]] = {}
    for row in found:
        grouped.setdefault((row["tenant"], row["number"]), []).append(rows.of(Invoice, row))
    return grouped


async def get(connection: Connection, tenant: str, id_: str) -> Invoice | None:
    """One invoice, locked until the transaction ends."""
    row = await connection.fetchrow(f"{_INVOICE} WHERE (i.tenant, i.id) = ($1, $2) FOR UPDATE OF i", tenant, id_)
    return rows.of(Invoice, row) if row else None


async def put(connection: Connection, invoices: Sequence[Invoice]) -> None:
    """Write these as they now are."""
    await connection.execute(
        """
        INSERT INTO invoices SELECT * FROM jsonb_populate_recordset(NULL::invoices, $1)
        ON CONFLICT (tenant, id) DO UPDATE SET
            number = excluded.number, version = excluded.version, supplier = excluded.supplier, company = excluded.company,
            orders = excluded.orders, amount = excluded.amount, currency = excluded.currency, issue_date = excluded.issue_date,
            response_code = excluded.response_code, provisional = excluded.provisional
        """,
        [rows.plain(invoice) for invoice in invoices],
    )


async def add_checks(connection: Connection, checks: Sequence[tuple[Invoice, Check]]) -> None:
    """Record checks that failed."""
    await connection.execute(
        """
        INSERT INTO invoice_checks (tenant, invoice, version, stage, code, text, details, expected, checked_at, checked_by, document)
        SELECT tenant, invoice, version, stage, code, text, details, expected, checked_at, checked_by, document
        FROM jsonb_populate_recordset(NULL::invoice_checks, $1)
        """,
        [{**rows.plain(check), "tenant": invoice.tenant, "invoice": invoice.id} for invoice, check in checks],
    )


async def checks(connection: Connection, tenant: str, invoice: str, limit: int = 500) -> list[dict[str, Any]]:
    """The failed checks of an invoice, the newest first."""
    found = await connection.fetch(
        """
        SELECT version, stage, code, text, details, expected, checked_at, checked_by, document FROM invoice_checks
        WHERE (tenant, invoice) = ($1, $2) ORDER BY id DESC LIMIT $3
        """,
        tenant,
        invoice,
        limit,
    )
    return [rows.plain(dict(row)) for row in found]
