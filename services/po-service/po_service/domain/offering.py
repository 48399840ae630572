"""What becomes of a seller's catalogue document: a change of the buying company's catalog."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from po_service.domain import catalogs, waiting
from po_service.domain.catalogs import Catalog, Changes, Item
from po_service.domain.directory import Directory
from po_service.domain.incoming import Settled
from po_service.domain.received import ReceivedCatalogue
from po_service.domain.ubl.catalogue import ADD, DELETE, REPLACE, Catalogue, CatalogueLine
from postroom.contracts.errors import Refused, at_fault
from postroom.contracts.event import Event

Key = tuple[str, str]
# The actions that a catalogue may begin with.
FIRST = (ADD, REPLACE)
_VERSION = re.compile(r"[vV]?\d{1,9}(\.\d{1,9}){0,5}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Offered(Settled):
    """What becomes of one catalogue document; `catalog` and `changes` where it changed something."""

    received: ReceivedCatalogue
    catalog: Catalog | None = None
    changes: Changes = field(default_factory=Changes)
    events: tuple[Event, ...] = ()

    @property
    def catalog_id(self) -> str:
        """The catalog, also before it is there."""
        return self.received.key[1]


@dataclass(slots=True)
class Shelf:
    """The catalogs of a batch with all their items, and what came about them before (sha256).

    `sizes` has the bytes of all documents that wait, by sha256; `waiting` those that the batch may wake: only these are read again.
    """

    catalogs: dict[Key, Catalog] = field(default_factory=dict)
    items: dict[Key, dict[str, Item]] = field(default_factory=dict)
    known: set[tuple[Key, str]] = field(default_factory=set)
    sizes: dict[Key, dict[str, int]] = field(default_factory=dict)
    waiting: dict[Key, list[ReceivedCatalogue]] = field(default_factory=dict)
    directory: Directory = field(default_factory=Directory)

    def awaiting(self, batch: Sequence[ReceivedCatalogue]) -> dict[Key, int]:
        """What waits for a catalog that the batch brings, or that is there by now: (tenant, sha256), and its bytes."""
        brought = {one.key for one in batch if one.key in self.catalogs or one.document.action in FIRST}
        return {(key[0], sha256): size for key in brought for sha256, size in self.sizes.get(key, {}).items()}

    def wake(self, key: Key) -> list[ReceivedCatalogue]:
        """What has waited for this catalog, the oldest first: it waits no more."""
        self.sizes.pop(key, None)
        return sorted(self.waiting.pop(key, []), key=lambda one: _age(one.document))

    def carry(self, offered: Offered) -> Offered:
        """Go on with what was decided."""
        key = offered.received.key
        if offered.catalog:
            self.catalogs[key] = offered.catalog
            items = self.items.setdefault(key, {})
            for gone in offered.changes.gone:
                del items[gone]
            items.update((one.item, one) for one in offered.changes.put)
        if offered.outcome == "waiting":
            self.waiting.setdefault(key, []).append(offered.received)
            self.sizes.setdefault(key, {})[offered.received.id] = offered.received.size
        if offered.outcome == "processed":
            self.known.add((key, offered.received.id))
        return offered


def decide_all(documents: Sequence[ReceivedCatalogue], shelf: Shelf) -> list[Offered]:
    """One decision a document, in order; then those that had waited for the catalog it brought. Raises Refused."""
    decisions = []
    for received in documents:
        decisions.append(shelf.carry(decide(received, shelf)))
        if received.key in shelf.catalogs:
            decisions += [shelf.carry(_decide_late(one, shelf)) for one in shelf.wake(received.key)]
    return decisions


def _decide_late(received: ReceivedCatalogue, shelf: Shelf) -> Offered:
    try:
        return decide(received, shelf)
    except Exception as error:
        refusal = at_fault(error)
        if refusal is None:
            raise
        return Offered(received, "parked", reason=refusal.reason, refusal=refusal)


def decide(received: ReceivedCatalogue, shelf: Shelf) -> Offered:
    """One document on the shelf as it stands. Raises Refused: conflict, invalid or too_many_waiting."""
    document, known = received.document, shelf.catalogs.get(received.key)
    sizes = shelf.sizes.get(received.key, {})
    if (received.key, received.id) in shelf.known or received.id in sizes:
        return Offered(received, "duplicate", known)
    if known is None and document.action not in FIRST:
        reason = f"for the catalogue {document.about} that it changes"
        waiting.check_room(received, reason, sizes.values(), "Send the catalogue itself (Add or Replace)")
        return Offered(received, "waiting", reason=reason)
    catalog = known or _new(received, shelf.directory)
    _check_newer(document, catalog)
    changes = _changes(document, shelf.items.get(received.key, {}))
    catalog = replace(
        catalog,
        name=document.name or catalog.name,
        document_number=document.number,
        document_version=document.version,
        document_date=document.issue_date,
    )
    if not changes.told:
        return Offered(received, "processed", catalog, changes)
    catalog = catalogs.next_version(catalog)
    return Offered(received, "processed", catalog, changes, (catalogs.changed(catalog, changes, cause=received.event),))


def _new(received: ReceivedCatalogue, directory: Directory) -> Catalog:
    document = received.document
    supplier = directory.company(received.tenant, "supplier", document.provider)
    company = directory.company(received.tenant, "client", document.receiver)
    return Catalog(*received.key, document.name or document.about, supplier.id, company.id, supplier_name=supplier.name, zone=company.zone)


def _check_newer(document: Catalogue, catalog: Catalog) -> None:
    """Issue date and version tell the newer document; the same number again must say what it said."""
    if catalog.document_date is None:
        return
    before, now = (catalog.document_date, _numbers(catalog.document_version)), _age(document)
    if now[0] < before[0] or (before[1] and now[1] and now < before):
        detail = f"version {document.version or '–'} of {document.issue_date} is older than version {catalog.document_version or '–'}"
        raise Refused("conflict", f"{detail} of {catalog.document_date}, which the catalogue {document.about} has", "cbc:IssueDate")
    if document.number == catalog.document_number and now == before:
        detail = f"the catalogue {document.number} of {document.issue_date} is known with other content; give it a new ID or VersionID"
        raise Refused("conflict", detail, "cbc:ID")


def _age(document: Catalogue) -> tuple[date, tuple[int, ...]]:
    return document.issue_date, _numbers(document.version)


def _numbers(version: str) -> tuple[int, ...]:
    """2.0 as (2, 0); what is no such version can't be compared."""
    return tuple(int(part) for part in version.lower().removeprefix("v").split(".")) if _VERSION.fullmatch(version) else ()


def _changes(document: Catalogue, before: dict[str, Item]) -> Changes:
    """Replace is the whole content; Add and Update leave alone what they don't name, also an Add of a catalogue that is there."""
    if document.action == DELETE:
        return catalogs.compare(before, (), whole=True)
    whole = document.action == REPLACE
    kept = [line for line in document.lines if whole or line.action != DELETE]
    removed = () if whole else _named([line for line in document.lines if line.action == DELETE], before.values())
    return catalogs.compare(before, _items([line for line in kept if line.action != DELETE], before), removed, whole=whole)


def _named(lines: Sequence[CatalogueLine], items: Iterable[Item]) -> Iterator[str]:
    """The items that these lines name: by the seller's number, or by the standard one where they have no other."""
    codes = {line.code for line in lines if line.code != line.standard}
    standards = {line.standard for line in lines if line.code == line.standard}
    return (one.item for one in items if one.code in codes or one.standard in standards)


def _items(lines: Sequence[CatalogueLine], before: dict[str, Item]) -> list[Item]:
    """The lines as items. One code in several units is several items; the standard number alone means the item that has it."""
    units: dict[str, set[str]] = {}
    for line in lines:
        if line.unit in units.setdefault(line.code, set()):
            raise Refused("invalid", f"the item {line.code!r} stands twice in the catalogue, in the same unit", "cac:CatalogueLine")
        units[line.code].add(line.unit)
    standard = {one.standard: one.code for one in before.values() if one.standard}
    coded = [(line if line.code != line.standard else replace(line, code=standard.get(line.code, line.code))) for line in lines]
    return [_item(line, before, several=len(units[own.code]) > 1) for own, line in zip(lines, coded, strict=True)]


def _item(line: CatalogueLine, before: dict[str, Item], *, several: bool) -> Item:
    in_unit = f"{line.code[:150]} ({line.unit[:40]})"
    return Item(
        item=in_unit if several or (line.code not in before and in_unit in before) else line.code,
        name=line.name,
        description=line.description,
        price=line.price,
        currency=line.currency,
        unit=line.unit,
        valid_from=line.valid.start,
        valid_until=line.valid.end,
        code=line.code,
        standard=line.standard,
    )
