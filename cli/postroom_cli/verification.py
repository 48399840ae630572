"""Is an order's history whole? Pure: the export of commlog-service, and the heads that were published, against each other."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from postroom.contracts import chain
from postroom_cli.heads import Head, Published
from postroom_cli.shown_rows import Mismatch, compare_rows

Order = Mapping[str, Any]
Pending = Mapping[str, set[tuple[str, int, str]]]
"""By source: (order, entry, hash) of the heads that are still on their way there."""
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, where, and what should have been there instead."""

    order: str
    entry: int | None
    what: str
    expected: str
    found: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def pending(beginning: Mapping[str, Any]) -> Pending:
    """From the export's first line."""
    return {source: {(order, entry, hash_) for order, entry, hash_ in heads} for source, heads in beginning["pending"].items()}


def verify(tenant: str, order: Order, published: Mapping[str, Published], pending: Pending) -> list[Finding]:
    """Everything that is wrong with one order; `published` by source: kafka, file."""
    id_ = order["order"]
    try:
        told = list(_mismatches(tenant, order, published, pending))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # Whoever can write anything can also write what can't be read.
        told = [(None, "a row or an entry of it has a form that the service never writes", "what commlog-service writes", repr(error))]
    return [Finding(id_, entry, what, _short(expected), _short(found)) for entry, what, expected, found in told]


def _mismatches(tenant: str, order: Order, published: Mapping[str, Published], pending: Pending) -> Iterator[Mismatch]:
    id_, contents = order["order"], _contents(order["entries"])
    yield from _links(tenant, id_, order["entries"])
    yield from _erasures(order["entries"], contents)
    yield from _head(order)
    for source, one in published.items():
        yield from _published(order, source, one.heads.get(id_, set()), pending[source])
    yield from compare_rows(order, contents)


def missing(seen: set[str], published: Mapping[str, Published]) -> Iterator[Finding]:
    """The orders that were published and are not in the export."""
    for source, one in published.items():
        for order in sorted(one.heads.keys() - seen):
            entry, hash_ = max(one.heads[order])
            yield Finding(order, entry, f"the order is gone; its head was published ({source})", hash_, "nothing")


def _links(tenant: str, order: str, entries: Sequence[Mapping[str, Any]]) -> Iterator[Mismatch]:
    """Each entry follows the one before: its number, its content's hash, its link."""
    previous, number = chain.START, 0
    for one in entries:
        number += 1
        if one["entry"] != number:
            yield number, "the numbers have a gap", f"entry {number}", f"entry {one['entry']}"
            number = one["entry"]
        if one["content"] is not None:
            hashed = chain.content_hash(bytes.fromhex(one["salt"] or ""), one["content"])
            if hashed != one["content_hash"]:
                yield number, f"the content of this {one['kind']} was changed", f"content with hash {one['content_hash']}", one["content"]
        link = chain.link(previous, tenant, order, number, one["kind"], one["ref"], one["actor"], one["at"], one["content_hash"])
        if link != one["hash"]:
            yield number, "the link does not follow from this entry and the one before", link, one["hash"]
        previous = one["hash"]


def _contents(entries: Sequence[Mapping[str, Any]]) -> dict[int, dict[str, Any] | None]:
    """What each entry says, by its number; None where it was blanked. What is no JSON object says nothing."""
    found: dict[int, dict[str, Any] | None] = {}
    for one in entries:
        try:
            told = None if one["content"] is None else orjson.loads(one["content"])
        except orjson.JSONDecodeError:
            told = {}
        found[one["entry"]] = told if told is None or isinstance(told, dict) else {}
    return found


def _erasures(entries: Sequence[Mapping[str, Any]], contents: Mapping[int, dict[str, Any] | None]) -> Iterator[Mismatch]:
    """What is blank has a later entry that says so, and what an entry says to be blank is."""
    erased = {
        number: one["entry"]
        for one in entries
        if one["kind"] == "erasure"
        for number in (contents[one["entry"]] or {}).get("entries", [])
        if number < one["entry"]
    }
    for one in entries:
        blank = one["content"] is None
        if blank and (one["entry"] not in erased or one["kind"] == "erasure"):
            yield (
                one["entry"],
                f"the content of this {one['kind']} is blank",
                "its content, or an entry that tells of its erasure",
                "neither",
            )
        if not blank and one["entry"] in erased:
            yield one["entry"], "the content is there", f"blank, as entry {erased[one['entry']]} says", one["content"]


def _head(order: Order) -> Iterator[Mismatch]:
    """The head row is the last entry."""
    last: Mapping[str, Any] = order["entries"][-1] if order["entries"] else {"entry": 0, "hash": chain.START}
    head: Mapping[str, Any] = order["head"] or {"entry": None, "hash": None}
    if (head["entry"], head["hash"]) != (last["entry"], last["hash"]):
        expected, found = (f"entry {one['entry']}, {one['hash']}" for one in (last, head))
        yield last["entry"], "the head is not the last entry", expected, found


def _published(order: Order, source: str, heads: set[Head], on_their_way: set[tuple[str, int, str]]) -> Iterator[Mismatch]:
    """Every head that was published is in the chain, and the chain's end was published, or is on its way."""
    chained: dict[int, str] = {one["entry"]: one["hash"] for one in order["entries"]}
    for entry, hash_ in sorted(heads):
        if chained.get(entry) != hash_:
            yield entry, f"the chain is not the one that was published ({source})", hash_, chained.get(entry, "no such entry")
    if order["entries"]:
        last: Head = (order["entries"][-1]["entry"], order["entries"][-1]["hash"])
        if last not in heads and (order["order"], *last) not in on_their_way:
            yield last[0], f"the chain's end was never published ({source})", f"the head {last[1]}, or on its way there", "neither"


def _short(text: Any) -> str:
    shown = str(text)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"
