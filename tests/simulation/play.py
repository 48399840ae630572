"""Each act, done twice: to the services through their doors, and to the oracle's world, which says what is to be told because of it."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from tests.integration.po.door import OPERATOR
from tests.oracle.directory import People
from tests.oracle.letters import Event, Oracle
from tests.oracle.world import Contract, Line, Order, World
from tests.simulation import papers, subjects
from tests.simulation.house import House

Told = tuple[str, str, subjects.Subject]
"""Message type, person, subject."""
ENDPOINTS = {"wien": "0088:1000000000001", "auckland": "0088:1000000000002", "nordwind": "0088:1000000000003"}


@dataclass
class Play:
    """`expected` is what the oracle wants told, `told` what the rules asked the mailer to tell; `to_withdraw` and `withdrawn` likewise."""

    house: House
    world: World
    people: People
    oracle: Oracle
    travel: Callable[[datetime], None]
    now: datetime
    expected: Counter[Told] = field(default_factory=Counter)
    told: Counter[Told] = field(default_factory=Counter)
    to_withdraw: set[Told] = field(default_factory=set)
    withdrawn: set[Told] = field(default_factory=set)
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    written: int = 0

    async def at(self, moment: datetime) -> None:
        """It is this late now, everywhere."""
        self.now = moment
        self.travel(moment)

    async def _happened(self, events: Sequence[Event]) -> None:
        """What the oracle says of these, and what the services made of the same."""
        for event in events:
            self.oracle.day = self.world.today(event["company"], self.now)
            for letter in self.oracle.letters(event):
                for subject in subjects.of_letter(letter.message_type, event["data"], letter.items):
                    self.expected[letter.message_type, letter.person, subject] += 1
            for void in self.oracle.voids(event):
                self.to_withdraw |= {one for one in self.expected if one[0] == void.message_type and subjects.about(*one) == void.about}
        for type_, said in await self.house.flow():
            self._asked(said) if type_ == "MessageRequested.v1" else self._withdrawn(said)

    def _asked(self, said: dict[str, Any]) -> None:
        self.messages[said["message"]] = said
        for subject in subjects.of_message(said["message_type"], said["facts"]):
            self.told[said["message_type"], said["recipient"]["person"], subject] += 1

    def _withdrawn(self, said: dict[str, Any]) -> None:
        """Of a message with lines, those that `about` names one by one."""
        asked = self.messages[said["message"]]
        facts, lines = asked["facts"], asked["lines"]
        if lines:
            left = [line for line, about in zip(facts[lines], asked["about"], strict=True) if about in said["about"]]
            facts = {**facts, lines: left}
        for subject in subjects.of_message(asked["message_type"], facts):
            self.withdrawn.add((asked["message_type"], asked["recipient"]["person"], subject))

    async def scan(self) -> None:
        """The daily tasks."""
        await self.house.scan()
        await self._happened(self.world.scan(self.now))

    # -- people and companies ----------------------------------------------------------------------------------------------------

    async def company(self, id_: str, side: str, zone: str, country: str) -> None:
        body = {"name": id_.title(), "side": side, "zone": zone, "country": country, "endpoints": [ENDPOINTS[id_]]}
        await self.house.put(f"/companies/{id_}", body)

    async def person(self, id_: str, company: str | None) -> None:
        """Tell the directory what the oracle knows of somebody."""
        one = self.people.everybody[id_]
        zone = self.world.companies[company].zone if company else "UTC"
        body: dict[str, Any] = {"name": id_, "email": f"{id_}@example.org", "zone": zone, "company": company, "active": one.active}
        body["roles"] = [{"role": role, "company": where or None} for role, where in sorted(one.roles)]
        away = dict(zip(("absent_from", "absent_until"), map(str, one.away), strict=True)) if one.away else {}
        await self.house.put(f"/people/{id_}", {**body, "deputy": one.deputy, **away})
        await self._happened([])

    async def changed(self, id_: str, company: str | None, **what: Any) -> None:
        """Somebody leaves, or goes on holiday."""
        self.people.change(id_, **what)
        await self.person(id_, company)

    async def contract(self, id_: str, contract: Contract) -> None:
        self.world.contracts[id_] = contract
        names = {1: "first", 2: "second", 3: "third"}
        reminders: dict[str, Any] = {names[level]: {"days": days} for level, days in contract.reminders.items()}
        reminders["calendar"] = "working-days" if contract.working_days else "calendar-days"
        body = {"number": id_, "buyer": contract.company, "purchaser_contact": contract.contact, "currency": "EUR", "reminders": reminders}
        minimum = str(contract.minimum) if contract.minimum is not None else None
        more = {"automatic_receipt": contract.automatic_receipt, "minimum_order_value": minimum, "supplier": "nordwind"}
        await self.house.put(f"/contracts/{id_}", {**body, **more})

    # -- orders ------------------------------------------------------------------------------------------------------------------

    def _paper(self) -> str:
        self.written += 1
        return f"P{self.written}"

    def _trade(self, company: str) -> papers.Trade:
        return papers.Trade(ENDPOINTS[company], ENDPOINTS["nordwind"])

    def _today(self, company: str) -> date:
        return self.world.today(company, self.now)

    async def order(self, number: str, contract: str, lines: dict[str, Line]) -> None:
        company = self.world.contracts[contract].company
        self.world.orders[number] = Order(company, contract, lines)
        wanted = {id_: (f"{line.orderer}@example.org", line.quantity, line.day) for id_, line in lines.items()}
        await self.house.hand_in(papers.order(self._trade(company), number, self._today(company), contract, wanted))
        await self._happened([])

    async def promise(self, order: str, days: dict[str, date]) -> None:
        company = self.world.orders[order].company
        await self.house.hand_in(papers.response(self._trade(company), self._paper(), self._today(company), order, days))
        await self._happened(self.world.promise(order, days))

    async def cancel(self, order: str) -> None:
        company = self.world.orders[order].company
        await self.house.hand_in(papers.cancellation(self._trade(company), self._paper(), self._today(company), order))
        await self._happened(self.world.cancel(order))

    async def advice(self, order: str, note: str, quantities: dict[str, Decimal]) -> None:
        company = self.world.orders[order].company
        paper = papers.despatch_advice(self._trade(company), note, self._today(company), order, quantities)
        await self.house.hand_in(paper)
        await self._happened(self.world.note(order, note, quantities, requester=False))

    async def note(self, order: str, note: str, quantities: dict[str, Decimal]) -> None:
        listed = await self.house.door.get(OPERATOR, "/orders", number=order)
        lines = [{"line": line, "quantity": str(quantity)} for line, quantity in quantities.items()]
        await self.house.post(f"/orders/{listed['orders'][0]['id']}/delivery-notes", {"number": note, "lines": lines})
        await self._happened(self.world.note(order, note, quantities, requester=True))

    # -- control structures, demand, catalogs, invoices ------------------------------------------------------------------------------

    async def structure(self, id_: str, kind: str, company: str, valid_until: date, person: str | None, lead_days: int) -> None:
        known = {"kind": kind, "company": company, "valid_until": valid_until, "lead_days": lead_days}
        self.world.structures[id_] = {**known, "person": person}
        code = "4242" if kind == "credit-card" else id_
        body = {**known, "valid_until": str(valid_until), "code": code, "person_responsible": person}
        await self.house.put(f"/control-structures/{id_}", body)

    async def budget(self, id_: str, **known: Any) -> None:
        self.world.budgets[id_] = known
        plain = {name: str(value) if isinstance(value, date | Decimal) else value for name, value in known.items()}
        await self.house.put(f"/budgets/{id_}", {"name": id_, "start_value": "100", "currency": "EUR", **plain})

    async def template(self, id_: str, **known: Any) -> None:
        self.world.templates[id_] = {"withdrawn": False, "active": True, "released_by": None, **known}
        schedule = {"first_day": str(known["first_day"]), "every": known["every"], "interval": known["interval"]}
        validity = {name: known[name] and str(known[name]) for name in ("valid_from", "valid_until")}
        body = {"name": id_, "schedule": schedule, **validity, **{name: known[name] for name in ("kind", "company", "assigned")}}
        await self.house.put(f"/demand-templates/{id_}", {**body, "items": [{"item": "salt", "name": "Salt", "unit": "KGM"}]})

    async def release(self, request: str, by: str) -> None:
        self.world.templates[request]["released_by"] = by
        await self.house.post(f"/quantity-requests/{request}/release", who=self._client(by, self.world.templates[request]["company"]))

    async def reply(self, request: str, requester: str, quantity: str) -> None:
        company = self.world.templates[request]["company"]
        body = {"lines": [{"item": "salt", "quantity": quantity}]}
        await self.house.post(f"/quantity-requests/{request}/replies", body, who=self._client(requester, company))
        await self._happened(self.world.reply(request, requester, quantity, self._today(company)))

    def _client(self, person: str, company: str) -> dict[str, Any]:
        return {"person": person, "side": "client", "company": company}

    async def withdraw(self, template: str) -> None:
        await self.house.post(f"/demand-templates/{template}/withdraw")
        await self._happened(self.world.withdraw(template))

    async def catalog(self, id_: str, company: str, managers: list[str]) -> None:
        self.world.catalogs[id_] = {"company": company, "managers": managers, "version": 0}
        await self.house.put(f"/catalogs/{id_}", {"name": id_, "company": company, "supplier": "nordwind", "managers": managers})

    async def price(self, catalog: str, item: str, price: str, valid_until: date) -> None:
        line = {"item": item, "name": item, "price": price, "currency": "EUR", "unit": "EA", "valid_until": str(valid_until)}
        await self.house.put(f"/catalogs/{catalog}/items", {"items": [line], "whole": False})
        await self._happened(self.world.price(catalog, item, price, valid_until, "operator"))

    async def invoice_check(self, invoice: str, company: str, version: int, code: str) -> None:
        known = {"number": invoice, "version": version, "company": company, "supplier": "nordwind"}
        await self.house.put(f"/invoices/{invoice}", known)
        await self.house.post(f"/invoices/{invoice}/checks", {"version": version, "stage": "matching", "code": code, "text": "differs"})
        await self._happened(self.world.invoice_check(invoice, company, version, code))

    async def want(self, item: str, contract: str, requester: str, net: Decimal) -> None:
        self.world.wanted[item] = {"contract": contract, "requester": requester, "net": net}
        body = {"contract": contract, "requester": requester, "name": item, "quantity": "1", "unit": "EA", "net": str(net)}
        await self.house.put(f"/requisitions/{item}", body)

    async def generate(self, contract: str) -> None:
        await self.house.post("/order-generation", {"contract": contract})
        await self._happened(self.world.generate(contract, self._paper()))

    async def carbon_copy(self, id_: str, company: str) -> None:
        await self.house.put(f"/carbon-copy-users/{id_}", {"name": id_, "company": company})

    async def log_on(self, carbon_copy: str, user: str, company: str) -> None:
        body = {"user": user, "name": user, "email": f"{user}@example.org"}
        await self.house.post(f"/carbon-copy-users/{carbon_copy}/log-ons", body)
        await self._happened(self.world.log_on(user, company))
