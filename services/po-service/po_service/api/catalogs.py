"""Catalogs and their items."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from po_service.api.shapes import Rooms, known_company, may_maintain
from po_service.domain import catalogs as domain
from po_service.domain.catalogs import Catalog, Changes, Item
from po_service.store import catalogs, directory, locks, rows
from postroom import outbox
from postroom.auth import Caller, Operator, Principal
from postroom.contracts.fields import DecimalText, Id, Text
from postroom.db import Connection
from postroom.http import Problem

MAX_ITEMS = 50_000
MANAGER = "catalog-manager"


class CatalogIn(BaseModel):
    """A catalog's head, whole. `managers` (people) are told of its changes; without any, those with the role catalog-manager.

    `notify_on` are the kinds of change that they want to hear of; empty: all.
    """

    model_config = ConfigDict(extra="forbid")

    name: Id
    company: Id
    supplier: Id | None = None
    managers: Annotated[list[Id], Field(max_length=100)] = []
    notify_on: Annotated[list[Literal["added", "removed", "price", "description", "validity", "expired"]], Field(max_length=6)] = []


class ItemIn(BaseModel):
    """An item, whole; its price holds from `valid_from` to `valid_until`, both included."""

    model_config = ConfigDict(extra="forbid")

    item: Id
    name: Text
    description: Text = ""
    price: Annotated[DecimalText, Field(ge=0)] | None = None
    currency: Annotated[str, Field(pattern="^([A-Z]{3})?$")] = ""
    unit: Annotated[str, Field(max_length=200)] = ""
    valid_from: date | None = None
    valid_until: date | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> "ItemIn":
        if self.valid_from and self.valid_until and self.valid_until < self.valid_from:
            raise ValueError("valid_until lies before valid_from")
        if self.price is not None and not self.currency:
            raise ValueError("a price needs its currency, such as EUR")
        return self


class ItemsIn(BaseModel):
    """The whole content of a catalog; or, with `whole` false, items that are new or changed and those to `remove` (ids)."""

    model_config = ConfigDict(extra="forbid")

    items: Annotated[list[ItemIn], Field(max_length=MAX_ITEMS)]
    whole: bool = True
    remove: Annotated[list[Id], Field(max_length=MAX_ITEMS)] = []

    @model_validator(mode="after")
    def _is_clear(self) -> "ItemsIn":
        if self.whole and self.remove:
            raise ValueError("remove belongs to a partial change: say whole false, or leave the items out")
        return self


def router(rooms: Rooms) -> APIRouter:
    """GET /catalogs, PUT and GET below /catalogs/{id}."""
    routes = APIRouter(prefix="/catalogs", tags=["catalogs"])
    _add_items(routes, rooms)

    @routes.put("/{catalog}")
    async def put_catalog(caller: Operator, catalog: Id, given: CatalogIn) -> dict[str, Any]:
        """Create a catalog or replace its head; its items stay."""
        async with rooms.seen_by(caller) as connection:
            await locks.take(connection, "catalog", [(caller.tenant, catalog)])
            company = await known_company(connection, caller.tenant, given.company, "company")
            supplier = await known_company(connection, caller.tenant, given.supplier, "supplier") if given.supplier else None
            await _check_managers(connection, caller.tenant, given.managers)
            known = (await catalogs.find(connection, [(caller.tenant, catalog)])).get((caller.tenant, catalog))
            wanted = replace(
                known or Catalog(caller.tenant, catalog, given.name),
                name=given.name,
                company=company.id,
                zone=company.zone,
                supplier=given.supplier,
                supplier_name=supplier.name if supplier else "",
                managers=tuple(dict.fromkeys(given.managers)),
                notify_on=tuple(dict.fromkeys(given.notify_on)),
            )
            await catalogs.put(connection, [wanted])
        return _shown(wanted)

    @routes.get("/{catalog}")
    async def show_catalog(caller: Caller, catalog: str) -> dict[str, Any]:
        """One catalog without its items; `version` counts the changes of these."""
        async with rooms.seen_by(caller) as connection:
            return _shown(await _one(connection, caller, catalog))

    @routes.get("")
    async def list_catalogs(caller: Caller) -> dict[str, Any]:
        """The catalogs you may see."""
        async with rooms.seen_by(caller) as connection:
            return {"catalogs": [_shown(one) for one in await catalogs.listed(connection)]}

    return routes


def _add_items(routes: APIRouter, rooms: Rooms) -> None:
    @routes.put("/{catalog}/items")
    async def put_items(caller: Caller, catalog: str, given: ItemsIn) -> dict[str, Any]:
        """Change the items of a catalog, as an operator or a catalog manager; its other managers are told what changed."""
        async with rooms.seen_by(caller) as connection:
            await locks.take(connection, "catalog", [(caller.tenant, catalog)])
            known = await _one(connection, caller, catalog)
            may_maintain(caller, MANAGER, "Changing a catalog", among=known.managers)
            return await _change(connection, known, _items(given.items), given, caller.person)

    @routes.get("/{catalog}/items")
    async def list_items(
        caller: Caller,
        catalog: str,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
        offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    ) -> dict[str, Any]:
        """A page of a catalog's items, by their id."""
        async with rooms.seen_by(caller) as connection:
            known = await _one(connection, caller, catalog)
            items, total = await catalogs.page(connection, known, limit, offset)
        return {"catalog": known.id, "version": known.version, "items": [rows.plain(one) for one in items], "total": total}


async def _one(connection: Connection, caller: Principal, id_: str) -> Catalog:
    found = (await catalogs.find(connection, [(caller.tenant, id_)])).get((caller.tenant, id_))
    if found is None:
        raise Problem(404, "catalog_unknown", f"There is no catalog {id_!r} that you may see. GET /catalogs lists those you may.")
    return found


async def _check_managers(connection: Connection, tenant: str, managers: Sequence[str]) -> None:
    there = await directory.people_there(connection, tenant, managers)
    for position, one in enumerate(managers):
        if one not in there:
            raise Problem(422, "person_unknown", f"There is no person {one!r}. PUT /people/{one} first.", f"managers.{position}")


def _items(given: Sequence[ItemIn]) -> list[Item]:
    seen: set[str] = set()
    for position, one in enumerate(given):
        if one.item in seen:
            raise Problem(422, "item_twice", f"The item {one.item!r} stands twice. Send each item once.", f"items.{position}.item")
        seen.add(one.item)
    return [Item(i.item, i.name, i.description, i.price, i.currency, i.unit, i.valid_from, i.valid_until, code=i.item) for i in given]


async def _change(connection: Connection, known: Catalog, items: list[Item], given: ItemsIn, actor: str) -> dict[str, Any]:
    key = (known.tenant, known.id)
    if given.whole:
        before = (await catalogs.items(connection, [key])).get(key, {})
    else:
        before = await catalogs.named_items(connection, known, [*(one.item for one in items), *given.remove])
    kept = [replace(one, code=before[one.item].code, standard=before[one.item].standard) if one.item in before else one for one in items]
    changes = domain.compare(before, kept, given.remove, whole=given.whole)
    if not changes.told:
        return _answer(known, changes, [])
    catalog = domain.next_version(known)
    event = domain.changed(catalog, changes, actor=actor)
    await catalogs.put(connection, [catalog])
    await catalogs.remove_items(connection, [(catalog, id_) for id_ in changes.gone])
    await catalogs.put_items(connection, [(catalog, one) for one in changes.put])
    await outbox.add(connection, [event])
    return _answer(catalog, changes, [event.id])


def _answer(catalog: Catalog, changes: Changes, events: list[str]) -> dict[str, Any]:
    outcome = "changed" if events else "unchanged"
    return {"outcome": outcome, "catalog": catalog.id, "version": catalog.version, "counts": changes.counts, "events": events}


def _shown(catalog: Catalog) -> dict[str, Any]:
    return {"catalog": catalog.id, **rows.plain(catalog)}
