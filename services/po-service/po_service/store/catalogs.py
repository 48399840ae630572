"""Catalogs and their items."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Any

from po_service.domain.catalogs import Catalog, Item
from po_service.store import rows
from postroom.db import Connection

Key = tuple[str, str]
ItemKey = tuple[str, str, str]
"""(tenant, catalog, item)"""
_CATALOG = """
    SELECT k.*, coalesce(s.name, '') AS supplier_name, coalesce(c.zone, 'UTC') AS zone
    FROM catalogs k LEFT JOIN companies s ON (s.tenant, s.id) = (k.tenant, k.supplier)
                    LEFT JOIN companies c ON (c.tenant, c.id) = (k.tenant, k.company)
"""


async def find(connection: Connection, keys: Iterable[Key]) -> dict[Key, Catalog]:
    """These (tenant, id), locked until the transaction ends."""
    pairs = list(keys)
    found = await connection.fetch(
        f"""
        {_CATALOG} WHERE (k.tenant, k.id) IN (SELECT * FROM unnest($1::text[], $2::text[])) ORDER BY k.tenant, k.id FOR UPDATE OF k
        """,  # noqa: S608 - a constant
        [tenant for tenant, _ in pairs],
        [id_ for _, id_ in pairs],
    )
    return {(row["tenant"], row["id"]): rows.of(Catalog, row) for row in found}


async def listed(connection: Connection, limit: int = 500) -> list[Catalog]:
    """The catalogs that the caller may see."""
    return [rows.of(Catalog, row) for row in await connection.fetch(_CATALOG + "ORDER BY k.name, k.id LIMIT $1", limit)]


async def put(connection: Connection, catalogs: Sequence[Catalog]) -> None:
    """Write these as they now are."""
    await connection.execute(
        """
        INSERT INTO catalogs SELECT * FROM jsonb_populate_recordset(NULL::catalogs, $1)
        ON CONFLICT (tenant, id) DO UPDATE SET
            name = excluded.name, supplier = excluded.supplier, company = excluded.company, managers = excluded.managers,
            notify_on = excluded.notify_on, version = excluded.version, document_number = excluded.document_number,
            document_version = excluded.document_version, document_date = excluded.document_date
        """,
        [rows.plain(catalog) for catalog in catalogs],
    )


async def items(connection: Connection, keys: Iterable[Key]) -> dict[Key, dict[str, Item]]:
    """All items of these catalogs (tenant, id)."""
    pairs = list(keys)
    found = await connection.fetch(
        "SELECT * FROM catalog_items WHERE (tenant, catalog) IN (SELECT * FROM unnest($1::text[], $2::text[]))",
        [tenant for tenant, _ in pairs],
        [id_ for _, id_ in pairs],
    )
    grouped: dict[Key, dict[str, Item]] = {}
    for row in found:
        grouped.setdefault((row["tenant"], row["catalog"]), {})[row["item"]] = _item(row)
    return grouped


async def named_items(connection: Connection, catalog: Catalog, names: Collection[str]) -> dict[str, Item]:
    """Those of a catalog's items that are named."""
    found = await connection.fetch(
        "SELECT * FROM catalog_items WHERE (tenant, catalog) = ($1, $2) AND item = ANY($3)", catalog.tenant, catalog.id, list(names)
    )
    return {row["item"]: _item(row) for row in found}


def _item(row: Any) -> Item:
    """Spelled out: a catalog has many, and rows.of would ask for the fields' names each time."""
    return Item(
        row["item"],
        row["name"],
        row["description"],
        row["price"],
        row["currency"],
        row["unit"],
        row["valid_from"],
        row["valid_until"],
        row["code"],
        row["standard"],
    )


async def put_items(connection: Connection, items: Sequence[tuple[Catalog, Item]]) -> None:
    """Write these items."""
    if not items:
        return
    table = [
        (of.tenant, of.id, i.item, i.name, i.description, i.price, i.currency, i.unit, i.valid_from, i.valid_until, i.code, i.standard)
        for of, i in items
    ]
    await connection.execute(
        """
        INSERT INTO catalog_items (tenant, catalog, item, name, description, price, currency, unit, valid_from, valid_until, code, standard)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::numeric[], $7::text[], $8::text[],
                             $9::date[], $10::date[], $11::text[], $12::text[])
        ON CONFLICT (tenant, catalog, item) DO UPDATE SET
            name = excluded.name, description = excluded.description, price = excluded.price, currency = excluded.currency,
            unit = excluded.unit, valid_from = excluded.valid_from, valid_until = excluded.valid_until, code = excluded.code,
            standard = excluded.standard
        """,
        *zip(*table, strict=True),
    )


async def remove_items(connection: Connection, items: Sequence[tuple[Catalog, str]]) -> None:
    """Take these (catalog, item) out."""
    await connection.execute(
        """
        DELETE FROM catalog_items
        WHERE (tenant, catalog, item) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]))
        """,
        [catalog.tenant for catalog, _ in items],
        [catalog.id for catalog, _ in items],
        [item for _, item in items],
    )


async def page(connection: Connection, catalog: Catalog, limit: int, offset: int) -> tuple[list[Item], int]:
    """A page of a catalog's items by their id, and how many there are."""
    found = await connection.fetch(
        """
        SELECT *, (SELECT count(*) FROM catalog_items WHERE (tenant, catalog) = ($1, $2)) AS total
        FROM catalog_items WHERE (tenant, catalog) = ($1, $2) ORDER BY item LIMIT $3 OFFSET $4
        """,
        catalog.tenant,
        catalog.id,
        limit,
        offset,
    )
    return [_item(row) for row in found], found[0]["total"] if found else 0


async def these_items(connection: Connection, keys: Sequence[ItemKey]) -> dict[Key, list[Item]]:
    """(tenant, catalog) → those of these items that are there."""
    found = await connection.fetch(
        """
        SELECT * FROM catalog_items WHERE (tenant, catalog, item) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]))
        ORDER BY tenant, catalog, item
        """,
        *zip(*keys, strict=True),
    )
    grouped: dict[Key, list[Item]] = {}
    for row in found:
        grouped.setdefault((row["tenant"], row["catalog"]), []).append(_item(row))
    return grouped


async def run_out(connection: Connection, tenant: str | None, last_day: date) -> list[ItemKey]:
    """The items whose price ended before this day and was not raised yet, sorted.

    One look into the index of `raised` an item: as NOT EXISTS the planner compares each with each, which takes minutes for 50,000.
    """
    found = await connection.fetch(
        """
        SELECT i.tenant, i.catalog, i.item FROM catalog_items i
        WHERE ($1::text IS NULL OR i.tenant = $1) AND i.valid_until < $2
          AND (SELECT true FROM raised r WHERE r.tenant = i.tenant AND r.fact = 'CatalogItemsChanged.v1'
               AND r.key = ARRAY[i.catalog, i.item, i.valid_until::text] LIMIT 1) IS NULL
        ORDER BY i.tenant, i.catalog, i.item
        """,
        tenant,
        last_day,
    )
    return [(row["tenant"], row["catalog"], row["item"]) for row in found]
