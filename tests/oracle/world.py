"""A world in which purchasing happens, day by day, and what a scan of it must find: an independent second mind beside po-service's tasks.

Each act changes the world and returns the events it causes at once; `scan` returns those that time has caused. "Due and not yet raised":
what a scan has found is never found again. Events are dicts as letters.py takes them.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from tests.oracle import days
from tests.oracle.letters import Event

Facts = dict[str, Any]


@dataclass
class Company:
    """Where a day ends at its own hour, and other days are holidays."""

    zone: str
    holidays: set[date]


@dataclass
class Contract:
    """A basic contract; `reminders` are the options that are on: level → days after the delivery date."""

    company: str
    contact: str
    reminders: dict[int, int]
    working_days: bool = True
    minimum: Decimal | None = None
    automatic_receipt: bool = False


@dataclass
class Line:
    """An order line as it stands."""

    orderer: str
    quantity: Decimal
    day: date
    cancelled: bool = False


@dataclass
class Order:
    """An order; `delivered` is what its notes say has come: note → line → quantity; `by_requester` are those that the requester wrote."""

    company: str
    contract: str
    lines: dict[str, Line]
    delivered: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    by_requester: set[str] = field(default_factory=set)
    versions: dict[str, int] = field(default_factory=dict)

    def is_noted(self, line: str) -> bool:
        """Whether the requester has a delivery note of this line: a note's newest version counts."""
        return any(line in self.delivered[note] for note in self.by_requester)

    def came_before(self, note: str, line: str) -> Decimal:
        """What the notes before this one say of a line; a note's new version stands where its first one stood."""
        earlier = list(self.delivered)[: list(self.delivered).index(note)] if note in self.delivered else list(self.delivered)
        return sum((self.delivered[one].get(line, Decimal(0)) for one in earlier), Decimal(0))


@dataclass
class World:
    """Everything there is."""

    companies: dict[str, Company]
    contracts: dict[str, Contract] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    budgets: dict[str, Facts] = field(default_factory=dict)
    structures: dict[str, Facts] = field(default_factory=dict)
    templates: dict[str, Facts] = field(default_factory=dict)
    replies: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    catalogs: dict[str, Facts] = field(default_factory=dict)
    prices: dict[tuple[str, str], tuple[str, date]] = field(default_factory=dict)
    wanted: dict[str, Facts] = field(default_factory=dict)
    users: set[str] = field(default_factory=set)
    raised: set[tuple[Any, ...]] = field(default_factory=set)

    def once(self, *key: Any) -> bool:
        """True the first time."""
        fresh = key not in self.raised
        self.raised.add(key)
        return fresh

    def today(self, company: str, moment: datetime) -> date:
        return days.today(moment, self.companies[company].zone)

    # -- what time causes --------------------------------------------------------------------------------------------------------

    def scan(self, moment: datetime) -> list[Event]:
        """All the daily tasks at this moment."""
        return [*self._structures(moment), *self._budgets(moment), *self._templates(moment), *self._prices(moment), *self._overdue(moment)]

    def _structures(self, moment: datetime) -> list[Event]:
        """ "sent by the Refresh control structures scheduled task"."""
        found = []
        for id_, one in self.structures.items():
            as_of = self.today(one["company"], moment) + one["lead_days"] * days.DAY
            if one["valid_until"] < as_of and self.once("structure", id_, one["valid_until"]):
                data = {"structure": id_, "kind": one["kind"], "valid_until": str(one["valid_until"]), "as_of": str(as_of)}
                found.append(_event("ControlStructureExpired.v1", one["company"], {**data, "person_responsible": one["person"]}))
        return found

    def _budgets(self, moment: datetime) -> list[Event]:
        """ "sent by the Check budgets scheduled task"."""
        found = []
        for id_, one in self.budgets.items():
            today = self.today(one["company"], moment)
            reasons = {"date": one["period_end"] < today, "exhausted": one["current_value"] <= 0 and one["period_start"] <= today}
            for reason, holds in reasons.items():
                if holds and self.once("budget", id_, one["period_start"], reason):
                    shown = {name: one[name] for name in ("kind", "owner", "manager")}
                    data = {"budget": id_, "period_start": str(one["period_start"]), "reason": reason, **shown}
                    found.append(_event("BudgetExpired.v1", one["company"], data))
        return found

    def _templates(self, moment: datetime) -> list[Event]:
        found = []
        for id_, one in self.templates.items():
            today = self.today(one["company"], moment)
            for occurrence in _occurrences(one, today):
                if one["active"] and not one["withdrawn"] and self.once("template", id_, occurrence):
                    data = {"template": id_, "assigned": one["assigned"], "occurrence": str(occurrence)}
                    found.append(_event("TemplateDue.v1", one["company"], data))
        return found

    def _prices(self, moment: datetime) -> list[Event]:
        """ "for example, when the price validity expires"."""
        found = []
        for id_, one in self.catalogs.items():
            today = self.today(one["company"], moment)
            gone = [
                {"item": item, "kind": "expired", "valid_until": str(until)}
                for (catalog, item), (_, until) in self.prices.items()
                if catalog == id_ and until < today and self.once("price", id_, item, until)
            ]
            if gone:
                data = {"catalog": id_, "version": 0, "cause": "expired", "managers": one["managers"], "changes": gone}
                found.append(_event("CatalogItemsChanged.v1", one["company"], data))
        return found

    def _overdue(self, moment: datetime) -> list[Event]:
        """Level 1 whenever due; "of levels 2 and 3 only the higher one due"; each for its delivery date once."""
        found = []
        for number, order in self.orders.items():
            contract = self.contracts[order.contract]
            due: dict[int, list[Facts]] = {}
            for id_, line in order.lines.items():
                for level in self._levels(number, order, id_, line, moment):
                    due.setdefault(level, []).append(
                        {"line": id_, "ordered_by": line.orderer, "delivery_date": str(line.day), "due_on": str(line.day)}
                    )
            for level, lines in sorted(due.items()):
                options = {name: contract.reminders.get(n) for n, name in enumerate(("first", "second", "third"), 1)}
                data = {"order": {"id": number, "number": number}, "level": level, "as_of": "9999-12-31", "reminders": options}
                found.append(
                    _event("DeliveryNoteOverdue.v1", order.company, {**data, "purchaser_contact": contract.contact, "lines": lines})
                )
        return found

    def _levels(self, number: str, order: Order, id_: str, line: Line, moment: datetime) -> list[int]:
        if line.cancelled or order.is_noted(id_):
            return []
        contract, company = self.contracts[order.contract], self.companies[order.company]
        holidays = company.holidays if contract.working_days else None
        today = self.today(order.company, moment)
        due = [level for level, n in contract.reminders.items() if days.has_passed(line.day, n, today, holidays)]
        levels = [1] if 1 in due and self.once("reminder", number, id_, 1, line.day) else []
        higher = max((level for level in due if level > 1), default=0)
        told = max((level for level in (2, 3) if ("reminder", number, id_, level, line.day) in self.raised), default=0)
        if higher > told:
            self.once("reminder", number, id_, higher, line.day)
            levels.append(higher)
        return levels

    # -- what people and papers cause --------------------------------------------------------------------------------------------

    def promise(self, order: str, days_: dict[str, date]) -> list[Event]:
        """The supplier promises other days."""
        moved = {line: day for line, day in days_.items() if self.orders[order].lines[line].day != day}
        for line, day in moved.items():
            self.orders[order].lines[line].day = day
        return self._changed(order, moved)

    def cancel(self, order: str) -> list[Event]:
        """The buyer takes all of it back."""
        for line in self.orders[order].lines.values():
            line.cancelled = True
        return self._changed(order, self.orders[order].lines)

    def _changed(self, order: str, lines: Any) -> list[Event]:
        data = {"order": {"id": order, "number": order}, "lines": [{"line": line} for line in lines]}
        return [_event("OrderChanged.v1", self.orders[order].company, data)] if lines else []

    def note(self, order: str, note: str, quantities: dict[str, Decimal], *, requester: bool) -> list[Event]:
        """A delivery note, or another version of one; one without difference is booked at once where the contract says so, once."""
        one = self.orders[order]
        contract, shown = self.contracts[one.contract], {"id": order, "number": order}
        lines: list[Facts] = [
            {
                "line": line,
                "ordered": str(one.lines[line].quantity),
                "unit": "EA",
                "delivered": str(quantity),
                "delivered_unit": "EA",
                "previously_delivered": str(one.came_before(note, line)),
            }
            for line, quantity in quantities.items()
        ]
        one.delivered[note] = quantities
        one.versions[note] = one.versions.get(note, 0) + 1
        if requester:
            one.by_requester.add(note)
        data: Facts = {"note": f"{order}/{note}", "number": note, "version": one.versions[note], "order": shown}
        data["origin"] = "requester" if requester else "despatch-advice"
        events = [_event("DeliveryNoteRecorded.v1", one.company, {**data, "purchaser_contact": contract.contact, "lines": lines})]
        right = all(Decimal(line["delivered"]) == Decimal(line["ordered"]) - Decimal(line["previously_delivered"]) for line in lines)
        if contract.automatic_receipt and right and self.once("receipt", order, note):
            received = [{"line": line, "ordered_by": one.lines[line].orderer} for line, quantity in quantities.items() if quantity]
            booked = {"receipt": note, "note": f"{order}/{note}", "note_number": note, "booking": "automatic"}
            data = {**booked, "order": shown, "lines": received}
            events.append(_event("GoodsReceived.v1", one.company, data))
        return events

    def reply(self, request: str, requester: str, quantity: str, on: date) -> list[Event]:
        """A requester replies to a quantity request; the same reply again is none."""
        revision, before = self.replies.get((request, requester), (0, ""))
        if before == quantity:
            return []
        self.replies[request, requester] = (revision + 1, quantity)
        one = self.templates[request]
        data = {"request": request, "requester": requester, "reply": f"{request}/{requester}", "revision": revision + 1}
        data |= {"purchaser": one["released_by"], "replied_on": str(on)}
        return [_event("QuantityRequestReplied.v1", one["company"], data)]

    def withdraw(self, template: str) -> list[Event]:
        """A template is withdrawn."""
        self.templates[template]["withdrawn"] = True
        return [_event("TemplateWithdrawn.v1", self.templates[template]["company"], {"template": template})]

    def price(self, catalog: str, item: str, price: str, valid_until: date, by: str) -> list[Event]:
        """A catalog's item gets a price, or another one, or other dates."""
        one, before = self.catalogs[catalog], self.prices.get((catalog, item))
        if before == (price, valid_until):
            return []
        self.prices[catalog, item] = (price, valid_until)
        one["version"] += 1
        kinds = (
            ["added"]
            if before is None
            else [k for k, other in (("price", before[0] != price), ("validity", before[1] != valid_until)) if other]
        )
        changes = [{"item": item, "kind": kind} for kind in kinds]
        data = {"catalog": catalog, "version": one["version"], "cause": "changed", "managers": one["managers"], "changes": changes}
        return [{**_event("CatalogItemsChanged.v1", one["company"], data), "actor": by}]

    def invoice_check(self, invoice: str, company: str, version: int, code: str) -> list[Event]:
        """An error in the processing of an invoice."""
        return [_event("InvoiceCheckFailed.v1", company, {"invoice": invoice, "version": version, "code": code})]

    def generate(self, contract: str, run: str) -> list[Event]:
        """ "when a purchase order is generated": below the minimum the items stay, and wait for the next one."""
        one = self.contracts[contract]
        items = {id_: wish for id_, wish in self.wanted.items() if wish["contract"] == contract}
        total = sum((wish["net"] for wish in items.values()), Decimal(0))
        if not items or one.minimum is None or total >= one.minimum:
            for id_ in items:
                del self.wanted[id_]
            return []
        shown = [{"item": id_, "requester": wish["requester"]} for id_, wish in items.items()]
        data = {"run": run, "order": {"id": run, "number": run}, "minimum": str(one.minimum), "total": str(total), "items": shown}
        return [_event("MinimumOrderValueNotReached.v1", one.company, {**data, "purchaser_contact": one.contact})]

    def log_on(self, user: str, company: str) -> list[Event]:
        """Somebody logs on with the data of a carbon-copy user."""
        first = user not in self.users
        self.users.add(user)
        return [_event("CarbonCopyUserRegistered.v1", company, {"user": user})] if first else []


def _occurrences(template: Facts, today: date) -> list[date]:
    """The days up to today on which it was due, within its validity."""
    found: list[date] = []
    n = 0
    while True:
        step = n * template["interval"]
        first: date = template["first_day"]
        match template["every"]:
            case "day":
                day = first + step * days.DAY
            case "week":
                day = first + 7 * step * days.DAY
            case "month":
                day = days.months_later(first, step)
            case _:
                day = first
        if day > today or (n and template["every"] == "once"):
            return found
        if (template["valid_from"] or day) <= day <= (template["valid_until"] or day):
            found.append(day)
        n += 1


def _event(type_: str, company: str, data: Facts) -> Event:
    return {"type": type_, "company": company, "data": data}
