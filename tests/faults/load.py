"""What a run writes: documents, and events of all types with marks that their mails show; some come again, contradict, or are none."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

from tests.faults import cast
from tests.simulation import papers

EMITTER, TOPIC, PAPERS = "erp", "in.erp", "ubl.peppol"
TENANT, SOURCE = "demo", "/faults"
TRADE = papers.Trade(cast.BUYER_ENDPOINT, cast.SELLER_ENDPOINT)
KEYS = 40
NOON = "2026-11-20T09:00:00Z"
MONEY = {"start_value": "900.00", "current_value": "0.00", "currency": "EUR"}
OPTIONS = {"first": 0, "second": 5, "third": 10}
Data = dict[str, Any]


@dataclass(frozen=True)
class Written:
    """One record to write; `mark` names what its mails are about ('' if there is none)."""

    topic: str
    key: bytes
    headers: tuple[tuple[str, bytes], ...]
    value: bytes
    mark: str

    @property
    def type(self) -> str:
        """Of a CloudEvent; '' for a document."""
        return next((value.decode() for name, value in self.headers if name == "ce_type"), "")


def _template(mark: str, someone: Random) -> Data:
    assigned = [{"person": one, "role": "requester"} for one in someone.sample(cast.REQUESTERS, 2)]
    return {"template": mark, "name": mark, "assigned": assigned, "occurrence": "2026-11-20"}


def _log_on(mark: str, _: Random) -> Data:
    return {"carbon_copy_user": "fw-cc", "user": mark, "name": mark, "logged_on_at": NOON}


def _structure(mark: str, someone: Random) -> Data:
    day = {"valid_until": "2026-11-19", "as_of": "2026-11-20"}
    return {"structure": mark, "kind": "cost-code", "code": mark, "person_responsible": someone.choice(cast.CONTACTS), **day}


def _receipt(mark: str, someone: Random) -> Data:
    line = {"item": "Cable drum", "unit": "C62", "quantity": "5"}
    lines = [{**line, "line": str(n), "ordered_by": one} for n, one in enumerate(someone.sample(cast.REQUESTERS, 2))]
    return {"receipt": mark, "booking": "automatic", "order": _order(mark), "booked_at": NOON, "lines": lines}


def _budget(mark: str, someone: Random) -> Data:
    period = {"period_start": "2026-01-01", "period_end": "2026-10-31"}
    return {"budget": mark, "name": mark, "kind": "user", "owner": someone.choice(cast.REQUESTERS), "reason": "date", **period, **MONEY}


def _short(mark: str, someone: Random) -> Data:
    line = {"line": "1", "item": "Cable drum", "unit": "C62", "ordered": "5", "delivered": "3", "delivered_unit": "C62"}
    said = {"number": mark, "recorded_at": NOON, "purchaser_contact": someone.choice(cast.CONTACTS)}
    return {"note": mark, "order": _order(mark), "lines": [line], **said}


def _reply(mark: str, someone: Random) -> Data:
    said = {"replied_at": NOON, "replied_on": "2026-11-20", "lines": [{"item": "S-1", "quantity": "3"}]}
    who = {"requester": someone.choice(cast.REQUESTERS), "purchaser": someone.choice(cast.CONTACTS)}
    return {"request": mark, "name": mark, "reply": mark, **who, **said}


def _invoice(mark: str, _: Random) -> Data:
    return {"invoice": mark, "number": mark, "code": "QTY", "text": "Too many."}


def _minimum(mark: str, someone: Random) -> Data:
    wanted = {"item": mark, "name": mark, "requester": someone.choice(cast.REQUESTERS), "quantity": "4", "unit": "C62", "net": "12.00"}
    money = {"minimum": "100.00", "total": "12.00", "currency": "EUR"}
    return {"run": mark, "order": _order(mark), "items": [wanted], "purchaser_contact": someone.choice(cast.CONTACTS), **money}


def _overdue(level: int) -> Callable[[str, Random], Data]:
    def make(mark: str, someone: Random) -> Data:
        late = {"ordered_by": someone.choice(cast.REQUESTERS), "delivery_date": "2026-11-02", "due_on": "2026-11-03", "open": "5"}
        line = {"line": "1", "item": "Cable drum", "unit": "C62", **late}
        said = {"level": level, "as_of": "2026-11-20", "reminders": OPTIONS, "purchaser_contact": someone.choice(cast.CONTACTS)}
        return {"order": _order(mark), "lines": [line], **said}

    return make


def _catalog(mark: str, _: Random) -> Data:
    change = {"item": "K-1", "name": "Cable", "kind": "price", "old": "1.00", "new": "2.00", "currency": "EUR"}
    return {"catalog": mark, "name": mark, "version": 3, "managers": ["fw.cat"], "counts": {"price": 1}, "changes": [change]}


def _order(mark: str) -> Data:
    return {"id": mark, "number": mark, "supplier": "Kabelwerk"}


KINDS: tuple[tuple[str, Callable[[str, Random], Data]], ...] = (
    ("TemplateDue.v1", _template),
    ("CarbonCopyUserRegistered.v1", _log_on),
    ("ControlStructureExpired.v1", _structure),
    ("GoodsReceived.v1", _receipt),
    ("BudgetExpired.v1", _budget),
    ("DeliveryNoteRecorded.v1", _short),
    ("QuantityRequestReplied.v1", _reply),
    ("InvoiceCheckFailed.v1", _invoice),
    ("MinimumOrderValueNotReached.v1", _minimum),
    ("DeliveryNoteOverdue.v1", _overdue(1)),
    ("DeliveryNoteOverdue.v1", _overdue(2)),
    ("CatalogItemsChanged.v1", _catalog),
)

TYPES = tuple(type_ for type_, _ in KINDS)


def _order_changed(mark: str, due: Data) -> tuple[str, Data]:
    """Only the first line of the order, where it has several."""
    return "OrderChanged.v1", {"order": _order(mark), "lines": [{"line": due["lines"][0]["line"]}]}


def _noted(mark: str, due: Data) -> tuple[str, Data]:
    """The requester has a delivery note of all lines, of what was ordered."""
    quantity = {"ordered": "5", "delivered": "5", "unit": "C62", "delivered_unit": "C62", "item": "Cable drum"}
    lines = [{"line": line["line"], **quantity} for line in due["lines"]]
    said = {"note": f"{mark}-note", "number": f"N-{mark}", "origin": "requester", "recorded_at": NOON}
    return "DeliveryNoteRecorded.v1", {**said, "order": _order(mark), "lines": lines}


def _withdrawn(mark: str, _: Data) -> tuple[str, Data]:
    return "TemplateWithdrawn.v1", {"template": mark, "name": mark}


def _two_lines(mark: str, someone: Random) -> Data:
    made = _overdue(1)(mark, someone)
    return {**made, "lines": [*made["lines"], {**made["lines"][0], "line": "2", "item": "Reel"}]}


# What is due, and what makes it void: all of it, or (with two lines) one of two.
VOIDED: tuple[tuple[str, Callable[[str, Random], Data], Callable[[str, Data], tuple[str, Data]]], ...] = (
    ("TemplateDue.v1", _template, _withdrawn),
    ("DeliveryNoteOverdue.v1", _overdue(1), _order_changed),
    ("DeliveryNoteOverdue.v1", _overdue(2), _noted),
    ("DeliveryNoteOverdue.v1", _two_lines, _order_changed),
)
# Of the records of a load.
SHARES = {"digested": 0.04, "quiet": 0.02, "voided": 0.04}
# A withdrawal comes so many records later at most: with its cause, or when that is on its way, or has arrived.
LATER = 80


class Load:
    """Draws records from a seed: what they say can be repeated; the marks are the run's own."""

    def __init__(self, seed: int, run: str) -> None:
        self.random = Random(seed)  # noqa: S311 - a story, not a secret
        self._run = run
        self._n = 0
        self._later: list[tuple[int, Written]] = []

    def events(self, number: int) -> Iterator[Written]:
        """So many records: mostly events, in between what a world with retries and mistakes brings."""
        for _ in range(number):
            yield from self._due()
            draw = self.random.random()
            if draw < 0.03:
                yield self.broken()
                continue
            one = self._special() if draw > 1 - sum(SHARES.values()) else self.event()
            yield one
            if draw < 0.06:
                yield one  # the same record again
            elif draw < 0.09:
                yield self.told_again(one)
            elif draw < 0.11:
                yield self.contradicting(one)

    def event(self, kind: int | None = None, person: str = "") -> Written:
        """An event of any kind, or of this one; of a budget that is `person`'s."""
        mark = self._mark()
        if person:
            return self._written(mark, "BudgetExpired.v1", {**_budget(mark, self.random), "owner": person}, mark)
        type_, make = KINDS[self.random.randrange(len(KINDS)) if kind is None else kind]
        return self._written(mark, type_, make(mark, self.random), mark)

    def of_next_major(self) -> Written:
        """A delivery note as a version to come tells of it."""
        kind = next(n for n, (type_, _) in enumerate(KINDS) if type_ == "DeliveryNoteRecorded.v1")
        one = self.event(kind)
        headers = tuple((name, b"DeliveryNoteRecorded.v2" if name == "ce_type" else value) for name, value in one.headers)
        data = {**json.loads(one.value), "recorded_by": "despatch-advice", "remark": "a field that nobody knows yet"}
        return Written(one.topic, one.key, headers, json.dumps(data).encode(), one.mark)

    def _special(self) -> Written:
        """Something for who waits for a digest or sleeps, or something that becomes void soon."""
        kind = self.random.choices(list(SHARES), list(SHARES.values()))[0]
        return {"digested": self.digested, "quiet": self.quiet, "voided": self.voided}[kind]()

    def digested(self) -> Written:
        """Something optional for who has chosen the digest."""
        mark = self._mark("D")
        return self._written(mark, "DeliveryNoteRecorded.v1", self._short_for(cast.DIGEST, mark), mark)

    def quiet(self) -> Written:
        """Something optional for who has quiet hours, or (one in four) something mandatory, which minds none."""
        mark = self._mark("Q")
        if self.random.random() < 0.25:
            data = {**_budget(mark, self.random), "owner": self.random.choice(cast.QUIET)}
            return self._written(mark, "BudgetExpired.v1", data, mark)
        return self._written(mark, "DeliveryNoteRecorded.v1", self._short_for(cast.QUIET, mark), mark)

    def _short_for(self, people: tuple[str, ...], mark: str) -> Data:
        return {**_short(mark, self.random), "purchaser_contact": self.random.choice(people)}

    def voided(self) -> Written:
        """Something that a later record makes void, under the same key: before it is sent, meanwhile, or after."""
        mark, key = self._mark("V"), f"key-{self.random.randrange(KEYS):02d}"
        type_, make, void = self.random.choice(VOIDED)
        due = make(mark, self.random)
        self._later.append((self._n + self.random.randrange(LATER), self._written(f"{mark}-void", *void(mark, due), "", key)))
        return self._written(mark, type_, due, mark, key)

    def _due(self) -> Iterator[Written]:
        due = [one for n, one in self._later if n <= self._n]
        self._later = [(n, one) for n, one in self._later if n > self._n]
        yield from due

    def large(self) -> Written:
        """A catalog whose changes are of items with very long names: its mail is longer than any other, with their files."""
        mark = self._mark()
        data = _catalog(mark, self.random)
        changes = [{**data["changes"][0], "item": f"K-{n}", "name": f"Cable number {n}, " + "halogen-free, " * 250} for n in range(45)]
        return self._written(mark, "CatalogItemsChanged.v1", {**data, "counts": {"price": 45}, "changes": changes}, mark)

    def broken(self) -> Written:
        """A record that is no event: cut-off JSON, an unknown type, a tombstone's like, or bytes."""
        whole = self.event()
        match self.random.randrange(3):
            case 0:
                return Written(whole.topic, whole.key, whole.headers, whole.value[:-7], "")
            case 1:
                headers = tuple((name, b"NoSuchThing.v1" if name == "ce_type" else value) for name, value in whole.headers)
                return Written(whole.topic, whole.key, headers, whole.value, "")
            case _:
                return Written(whole.topic, whole.key, (), bytes(self.random.randrange(256) for _ in range(40)), "")

    def papers(self, number: int) -> Iterator[Written]:
        """So many orders, each with a despatch advice that names less than was ordered: the contract's contact is told."""
        for _ in range(number):
            mark = self._mark()
            day, contact = date(2026, 11, 20), cast.address(cast.REQUESTERS[0])
            order = papers.order(TRADE, mark, day, cast.CONTRACT, {"1": (contact, Decimal(10), day)})
            advice = papers.despatch_advice(TRADE, f"A-{mark}", day, mark, {"1": Decimal(8)})
            yield Written(PAPERS, mark.encode(), (), order, mark)
            yield Written(PAPERS, mark.encode(), (), advice, mark)

    def _mark(self, kind: str = "X") -> str:
        self._n += 1
        return f"F{kind}{self._run}{self._n:06x}"

    def _written(self, id_: str, type_: str, data: Data, mark: str, key: str = "") -> Written:
        key = key or f"key-{self.random.randrange(KEYS):02d}"
        attributes = {"specversion": "1.0", "id": id_, "source": SOURCE, "type": type_, "subject": key, "tenant": TENANT}
        attributes["company"] = cast.COMPANY
        headers = (("content-type", b"application/json"), *((f"ce_{name}", value.encode()) for name, value in attributes.items()))
        return Written(TOPIC, key.encode(), headers, json.dumps(data).encode(), mark)

    @staticmethod
    def told_again(one: Written) -> Written:
        """The same thing under another id: another event, and nobody is to hear of it twice."""
        headers = tuple((name, value + b"-again" if name == "ce_id" else value) for name, value in one.headers)
        return Written(one.topic, one.key, headers, one.value, one.mark)

    @staticmethod
    def contradicting(one: Written) -> Written:
        """The same id, saying something else."""
        data = {**json.loads(one.value), "faults_note": "otherwise"}
        return Written(one.topic, one.key, one.headers, json.dumps(data).encode(), one.mark)
