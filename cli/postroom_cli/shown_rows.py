"""What the service shows today, row by row, against what the chain says: logs, sends, and what became of each recipient."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Mismatch = tuple[int | None, str, Any, Any]
"""(entry, what is wrong, what was expected, what was found)."""
Row = Mapping[str, Any]
Contents = Mapping[int, dict[str, Any] | None]

_OF_LOG = ("log_type", "message", "author")
# A reply by mail says where it came from; what was written here says nothing of it.
_OF_REPLY: Row = {"origin": "portal", "attachments": [], "accepted_by": None}
_OF_SEND = ("sender", "subject", "logs", "frozen", "documents", "attach_pdf")
_OF_OUTCOME = ("state", "code", "detail", "attempt")
_QUEUED: Row = {"state": "queued", "code": None, "detail": "", "attempt": -1}


def compare_rows(order: Row, contents: Contents) -> Iterator[Mismatch]:
    """Every row stands for its entry, every entry has its row, and nothing stands for none."""
    yield from _suppliers(order, contents)
    yield from _paired(order, contents, ("log", "reply"), "log", _log)
    carried = {log for send in order["sends"] for log in send["logs"]}
    for row in order["logs"]:
        if row["sent"] != (row["log"] in carried):
            yield row["entry"], f"log {row['log']}: whether it was sent is not what the sends say", row["log"] in carried, row["sent"]
    outcomes = [one for one in order["entries"] if one["kind"] == "outcome"]
    sends = {one["ref"] for one in order["entries"] if one["kind"] == "send"}
    for one in outcomes:
        if one["ref"] not in sends:
            yield one["entry"], "an outcome of nothing that was sent on this order", "a send", one["ref"]

    def send(entry: Row, content: dict[str, Any] | None, row: Row) -> Iterator[Mismatch]:
        return _send(entry, content, row, [one for one in outcomes if one["ref"] == entry["ref"]], contents)

    yield from _paired(order, contents, ("send",), "send", send)


def _suppliers(order: Row, contents: Contents) -> Iterator[Mismatch]:
    """All rows of an order are of one supplier: by it the database decides who may read them."""
    told = [(number, content["supplier"]) for number, content in contents.items() if content and "supplier" in content]
    if not told:
        return
    expected = told[0][1]
    recipients = [(send["entry"], "recipient", one) for send in order["sends"] for one in send["recipients"]]
    rows = [(row["entry"], name, row) for part, name in (("entries", "entry"), ("logs", "log"), ("sends", "send")) for row in order[part]]
    for number, name, row in (*rows, *recipients):
        if row["supplier"] != expected:
            yield number, f"the {name} belongs to another supplier", expected, row["supplier"]
    for number, supplier in told:
        if supplier != expected:
            yield number, "the entry speaks of another supplier", expected, supplier


def _paired(order: Row, contents: Contents, kinds: tuple[str, ...], name: str, compare: Any) -> Iterator[Mismatch]:
    """Compare entries of these kinds with the rows of the same id."""
    rows = {row[name]: row for row in order[f"{name}s"]}
    for entry in (one for one in order["entries"] if one["kind"] in kinds):
        row = rows.pop(entry["ref"], None)
        if row is None:
            yield entry["entry"], f"the {name} {entry['ref']} is not shown", f"the {name} that this entry tells of", "no row"
        else:
            yield from compare(entry, contents[entry["entry"]], row)
    for row in rows.values():
        yield row["entry"], f"the {name} {row[name]} is in no entry", "no such row", row.get("message", row.get("subject"))


def _log(entry: Row, content: dict[str, Any] | None, row: Row) -> Iterator[Mismatch]:
    if content is None:
        expected: Row = {"message": "", "attachments": [], "erased": True, "entry": entry["entry"]}
        yield from _differences(entry, f"erased log {row['log']}", expected, row)
        return
    author = content.get("author")
    expected = {
        **_told(content, row, _OF_LOG),
        **{field: content.get(field, otherwise) for field, otherwise in _OF_REPLY.items()},
        "side": author.get("side") if isinstance(author, dict) else None,
        "created_at": entry["at"],
        "entry": entry["entry"],
        "erased": False,
    }
    yield from _differences(entry, f"log {row['log']}", expected, row)


def _send(entry: Row, content: dict[str, Any] | None, row: Row, outcomes: Iterable[Row], contents: Contents) -> Iterator[Mismatch]:
    if content is None:
        expected = {"subject": "", "documents": [], "erased": True, "entry": entry["entry"], "requested_at": entry["at"]}
        yield from _differences(entry, f"erased send {row['send']}", expected, row)
        return
    expected = _told(content, row, _OF_SEND)
    expected |= {"correspondence": content.get("generated_from"), "requested_at": entry["at"], "entry": entry["entry"], "erased": False}
    yield from _differences(entry, f"send {row['send']}", expected, row)
    yield from _recipients(entry, content, row, outcomes, contents)


def _recipients(entry: Row, content: Row, row: Row, outcomes: Iterable[Row], contents: Contents) -> Iterator[Mismatch]:
    """Who was sent to, and the last outcome of each."""
    standing: dict[str, tuple[Row, Row]] = {}
    for one in outcomes:
        told = contents[one["entry"]] or {}
        standing[str(told.get("mailbox"))] = (one, told)
    rows = {one["mailbox"]: one for one in row["recipients"]}
    for recipient in content.get("recipients") or []:
        mailbox = recipient["address"].casefold()
        last, outcome = standing.pop(mailbox, (entry, _QUEUED))
        if mailbox not in rows:
            yield entry["entry"], f"the recipient {mailbox} of send {row['send']} is not shown", recipient, "no row"
            continue
        expected = {**recipient, **{field: outcome.get(field) for field in _OF_OUTCOME}, "changed_at": last["at"]}
        yield from _differences(last, f"recipient {mailbox} of send {row['send']}", expected, rows.pop(mailbox))
    for mailbox, found in rows.items():
        yield entry["entry"], f"nobody sent to the recipient {mailbox} of send {row['send']}", "no row", found
    for mailbox, (last, _) in standing.items():
        yield last["entry"], f"an outcome for {mailbox}, to whom nothing was sent", "no such entry", mailbox


def _told(content: Row, row: Row, always: tuple[str, ...]) -> dict[str, Any]:
    """What the entry says of the row's columns: what every one says, and what only newer ones do. Recipients are rows of their own."""
    return {field: content.get(field) for field in (*always, *(field for field in content if field in row and field != "recipients"))}


def _differences(entry: Row, name: str, expected: Row, row: Row) -> Iterator[Mismatch]:
    for field, value in expected.items():
        if row[field] != value:
            yield entry["entry"], f"{name}: its {field} is not what the chain says", value, row[field]
