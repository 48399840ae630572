"""Catalogs, their items, and what a change of them is."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from po_service.domain.directory import SOURCE
from po_service.domain.parts import in_parts, json_bytes
from postroom.contracts import event, ids
from postroom.contracts.catalogs import CatalogItemsChanged, ItemChange
from postroom.contracts.event import Event

KINDS = ("added", "removed", "price", "description", "validity", "expired")
SHOWN, EXPIRED_AT_ONCE = 200, 1_000
# Items times managers: each manager is told of each item once, and so many claims are what the rules reckon at once.
MOST_CLAIMS = 50_000
_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Item:
    """What a catalog offers; its price holds from `valid_from` to `valid_until`, both included.

    `code` is its supplier's number, `standard` its GTIN: `item` is the code, with the unit where one code is offered in several.
    """

    item: str
    name: str
    description: str = ""
    price: Decimal | None = None
    currency: str = ""
    unit: str = ""
    valid_from: date | None = None
    valid_until: date | None = None
    code: str = ""
    standard: str = ""


@dataclass(frozen=True, slots=True)
class Catalog:
    """A supplier's offer to a buying company (both ids); `managers` are people, `notify_on` kinds of change, empty: all.

    `document_…` is the newest document that changed it. `supplier_name` and `zone` come from the companies.
    """

    tenant: str
    id: str
    name: str
    supplier: str | None = None
    company: str | None = None
    managers: tuple[str, ...] = ()
    notify_on: tuple[str, ...] = ()
    version: int = 0
    document_number: str = ""
    document_version: str = ""
    document_date: date | None = None
    supplier_name: str = ""
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Changes:
    """Items to write, items (ids) to remove, and what is told of it: (kind, before, after)."""

    put: tuple[Item, ...] = ()
    gone: tuple[str, ...] = ()
    told: tuple[tuple[str, Item | None, Item | None], ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How often each kind of change occurs."""
        counted = Counter(kind for kind, _, _ in self.told)
        return {kind: counted[kind] for kind in KINDS if counted[kind]}


def compare(before: Mapping[str, Item], items: Iterable[Item], removed: Iterable[str] = (), *, whole: bool) -> Changes:
    """What these items change in a catalog as it was; `whole`: what is not among them is removed."""
    wanted = {one.item: one for one in items}
    leaving = (id_ for id_ in before if id_ not in wanted) if whole else (id_ for id_ in removed if id_ not in wanted)
    gone = tuple(dict.fromkeys(id_ for id_ in leaving if id_ in before))
    put = tuple(one for one in wanted.values() if before.get(one.item) != one)
    told = [(kind, before.get(one.item), one) for one in put for kind in _kinds(before.get(one.item), one)]
    return Changes(put, gone, (*told, *(("removed", before[id_], None) for id_ in gone)))


def _kinds(old: Item | None, new: Item) -> list[str]:
    if old is None:
        return ["added"]
    found = ["price"] if (old.price, old.currency) != (new.price, new.currency) else []
    if _texts(old) != _texts(new):
        found.append("description")
    return [*found, "validity"] if (old.valid_from, old.valid_until) != (new.valid_from, new.valid_until) else found


def _texts(item: Item) -> tuple[str, ...]:
    """What describes it; the currency too, since a price in another one can't be compared with the old."""
    return (item.name, item.description, item.unit, item.currency)


def changed(catalog: Catalog, changes: Changes, *, actor: str | None = None, cause: Event | None = None) -> Event:
    """CatalogItemsChanged of the catalog's present version; the kinds that its managers want to hear of are shown first."""
    first = sorted(changes.told, key=lambda one: bool(catalog.notify_on) and one[0] not in catalog.notify_on)[:SHOWN]
    shown = next(in_parts([_change(*one) for one in first], SHOWN, beside=json_bytes(catalog.managers)), [])
    return _event(catalog, "changed", shown, changes.counts, actor, cause)


def expired(catalog: Catalog, items: Sequence[Item]) -> list[Event]:
    """CatalogItemsChanged for the items whose price is valid no more: all of them, in as many events as it takes."""
    shown = [_change("expired", one, one) for one in items]
    most = min(EXPIRED_AT_ONCE, MOST_CLAIMS // max(len(catalog.managers), 1))
    parts = in_parts(shown, most, lambda one: ids.path(catalog.id, one.item), json_bytes(catalog.managers))
    return [_event(catalog, "expired", some, {"expired": len(some)}) for some in parts]


def raised_key(catalog: Catalog, item: Item) -> tuple[str, tuple[str, ...]]:
    """Once per item and end of its price."""
    assert item.valid_until is not None  # noqa: S101 - only what ends expires
    return catalog.tenant, (catalog.id, item.item, item.valid_until.isoformat())


def _event(
    catalog: Catalog, why: str, changes: Sequence[ItemChange], counts: dict[str, int], actor: str | None = None, cause: Event | None = None
) -> Event:
    fact = CatalogItemsChanged(
        catalog=catalog.id,
        name=catalog.name,
        version=max(catalog.version, 1),
        supplier=catalog.supplier_name,
        cause=why,
        managers=list(catalog.managers),
        notify_on=list(catalog.notify_on),
        counts=counts,
        changes=list(changes),
    )
    told = [f"{one.item} {one.valid_until}" for one in changes] if why == "expired" else []
    return event.new(
        fact,
        source=SOURCE,
        subject=catalog.id,
        tenant=catalog.tenant,
        id=ids.stable("catalog-items-changed", catalog.tenant, catalog.id, catalog.version, why, *told),
        company=catalog.company,
        actor=actor,
        aggregateversion=catalog.version,
        cause=cause,
    )


def _change(kind: str, old: Item | None, new: Item | None) -> ItemChange:
    item = new or old
    assert item is not None  # noqa: S101 - a change is of something
    before, after = _shown(kind, old, new)
    return ItemChange(
        item=item.item,
        name=_short(item.name),
        kind=kind,
        old=before,
        new=after,
        currency=item.currency if kind in ("price", "expired") else "",
        valid_until=None if kind == "removed" else item.valid_until,
    )


def _shown(kind: str, old: Item | None, new: Item | None) -> tuple[str, str]:
    """What was and what is, as a person reads it; a price in another currency can't stand beside the new one's."""
    if old is None or new is None:
        return _short(old.name if old else ""), _short(new.name if new else "")
    if kind == "expired":
        return _price(old), ""
    if kind == "price":
        return _price(old) if old.currency == new.currency else "", _price(new)
    if kind == "validity":
        return _validity(old, other=new), _validity(new, other=old)
    differing = [pair for pair in zip(_texts(old), _texts(new), strict=True) if pair[0] != pair[1]]
    return _short("; ".join(one for one, _ in differing if one)), _short("; ".join(one for _, one in differing if one))


def _price(item: Item) -> str:
    return "" if item.price is None else format(item.price, "f")


def _validity(item: Item, *, other: Item) -> str:
    """The end where only that differs, else both days."""
    end = item.valid_until.isoformat() if item.valid_until else ""
    if item.valid_from == other.valid_from:
        return end
    start = item.valid_from.isoformat() if item.valid_from else "…"
    return f"{start} – {end or '…'}"


def _short(text: str) -> str:
    return text if len(text) <= _CHARACTERS else text[: _CHARACTERS - 1] + "…"


def next_version(catalog: Catalog) -> Catalog:
    """The catalog after a change of its items."""
    return replace(catalog, version=catalog.version + 1)
