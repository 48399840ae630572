"""What happens on which day: drawn from a seed, so that a run can be repeated."""

import random
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.oracle.directory import People
from tests.oracle.world import Company, Contract, Line, World
from tests.simulation.play import Play

FIRST = date(2026, 9, 15)  # Auckland puts its clocks forward on 27 September, Vienna back on 25 October
DAYS = 120
COMPANIES = ("wien", "auckland")
DAY = timedelta(days=1)


def people() -> People:
    """Both companies have everybody; their ids begin with the company's first letter."""
    everybody = People().add("sam", ("administrator", ""))
    for company in COMPANIES:
        c = company[0]
        for name in ("rita", "ron", "rosa"):
            everybody.add(f"{c}-{name}", ("requester", company))
        everybody.add(f"{c}-bea", ("buyer", company)).add(f"{c}-pia").add(f"{c}-max").add(f"{c}-dan")
        everybody.add(f"{c}-carl", ("controller", company)).add(f"{c}-carla", ("controller", company))
        everybody.add(f"{c}-cara", ("catalog-manager", company)).add(f"{c}-ada", ("company-administrator", company))
    return everybody


def world(austria: set[date], new_zealand: set[date]) -> World:
    """Two buying companies, half a day apart."""
    return World({"wien": Company("Europe/Vienna", austria), "auckland": Company("Pacific/Auckland", new_zealand)})


class Script:
    """Draws the acts; the play performs them."""

    def __init__(self, play: Play, seed: int) -> None:
        self.play = play
        self.random = random.Random(seed)  # noqa: S311 - a story, not a secret
        self.n = 0
        self.versions: defaultdict[str, int] = defaultdict(lambda: 1)

    def _id(self, prefix: str) -> str:
        self.n += 1
        return f"{prefix}-{self.n}"

    def _who(self, company: str, *names: str) -> str:
        return f"{company[0]}-{self.random.choice(names or ('rita', 'ron', 'rosa'))}"

    def _in(self, first: int, last: int) -> date:
        """So many days from today."""
        return self.play.now.date() + self.random.randint(first, last) * DAY

    # -- the first day -----------------------------------------------------------------------------------------------------------

    async def set_up(self) -> None:
        """Companies, people and contracts, before anything is ordered."""
        play = self.play
        await play.at(datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC) - DAY)
        await play.company("wien", "client", "Europe/Vienna", "AT")
        await play.company("auckland", "client", "Pacific/Auckland", "NZ")
        await play.company("nordwind", "supplier", "Europe/Berlin", "DE")
        for id_ in play.people.everybody:
            await play.person(id_, {"w": "wien", "a": "auckland"}.get(id_[0] if "-" in id_ else ""))
        for company in COMPANIES:
            await self._contracts(company)
            await play.carbon_copy(f"{company}-cc", company)
            await play.catalog(f"{company}-catalog", company, [f"{company[0]}-cara"] if company == "wien" else [])

    async def _contracts(self, company: str) -> None:
        contact = f"{company[0]}-pia"
        plain = {1: 0, 2: 5, 3: 10}
        for name, contract in {
            "all": Contract(company, contact, plain, minimum=Decimal(100)),
            "first": Contract(company, contact, {1: 2}, automatic_receipt=True),
            "third": Contract(company, contact, {3: 7}, working_days=False),
            "none": Contract(company, contact, {}, minimum=Decimal(50)),
            "quick": Contract(company, f"{company[0]}-max", {1: 0, 2: 1, 3: 2}, automatic_receipt=True),
        }.items():
            await self.play.contract(f"{company}-{name}", contract)

    # -- every day ---------------------------------------------------------------------------------------------------------------

    async def day(self, n: int) -> None:
        """Some acts and the scans, at any hour; on some days nothing runs, on some the scan runs twice."""
        midnight = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC) + n * DAY
        down = self.random.random() < 0.15 or 60 <= n < 67
        scans = [] if down else self.random.sample(range(24), 2 if self.random.random() < 0.3 else 1)
        acts = self.random.sample(range(24), self.random.randint(3, 7))
        for hour in range(24):
            await self.play.at(midnight + timedelta(hours=hour, minutes=self.random.randint(0, 59)))
            if hour in acts:
                await self.random.choice(self._acts())()
            if hour in scans:
                await self.play.scan()
        await self._on(n)

    async def _on(self, n: int) -> None:
        """What happens to people on certain days."""
        play, today = self.play, self.play.now.date()
        match n:
            case 20:
                await play.changed("w-max", "wien", away=(today + 2 * DAY, today + 20 * DAY), deputy="w-dan")
            case 40:
                await play.changed("a-cara", "auckland", active=False)
            case 70:
                await play.changed("w-rita", "wien", active=False)
            case 90:
                await play.changed("a-ada", "auckland", active=False)

    def _acts(self) -> list[Callable[[], Awaitable[None]]]:
        return [
            *[self._order] * 5,
            *[self._delivery] * 5,
            *[self._promise] * 2,
            self._cancel,
            self._structure,
            self._budget,
            self._spend,
            self._template,
            self._reply,
            self._withdraw,
            *[self._price] * 2,
            self._invoice,
            *[self._want] * 3,
            self._generate,
            self._log_on,
        ]

    async def _order(self) -> None:
        company = self.random.choice(COMPANIES)
        contract = f"{company}-{self.random.choice(('all', 'all', 'first', 'third', 'none', 'quick'))}"
        ids = map(str, range(1, self.random.randint(2, 4)))
        lines = {id_: Line(self._who(company), Decimal(self.random.randint(1, 20)), self._in(0, 12)) for id_ in ids}
        await self.play.order(self._id("O"), contract, lines)

    def _open_order(self) -> str | None:
        orders = self.play.world.orders
        found = [id_ for id_, order in orders.items() if not any(line.cancelled for line in order.lines.values())]
        return self.random.choice(found[-12:]) if found else None

    async def _delivery(self) -> None:
        """A despatch advice, or the requester's own note, of some lines: sometimes right, sometimes not; sometimes of an advice."""
        if not (number := self._open_order()):
            return
        order = self.play.world.orders[number]
        chosen = self.random.sample(sorted(order.lines), self.random.randint(1, len(order.lines)))
        known = sorted(order.delivered)
        note = self.random.choice(known) if known and self.random.random() < 0.5 else self._id("N")
        off = self.random.choice((0, 0, 0, -1, 2))
        came = {line: order.came_before(note, line) for line in chosen}
        quantities = {line: max(order.lines[line].quantity - came[line] + off, Decimal(0)) for line in chosen}
        if note not in known and self.random.random() < 0.5:
            await self.play.advice(number, note, quantities)
        elif order.delivered.get(note) != quantities:
            await self.play.note(number, note, quantities)

    async def _promise(self) -> None:
        if number := self._open_order():
            lines = self.play.world.orders[number].lines
            await self.play.promise(number, {line: self._in(-3, 15) for line in self.random.sample(sorted(lines), 1)})

    async def _cancel(self) -> None:
        if number := self._open_order():
            await self.play.cancel(number)

    async def _structure(self) -> None:
        """A new cost code or card, or another year for one that is there."""
        known = sorted(self.play.world.structures)
        id_ = self.random.choice(known) if known and self.random.random() < 0.4 else self._id("CC")
        before = self.play.world.structures.get(id_)
        company = before["company"] if before else self.random.choice(COMPANIES)
        kind = before["kind"] if before else self.random.choice(("cost-code", "credit-card"))
        person = self.random.choice((f"{company[0]}-max", f"{company[0]}-max", f"{company[0]}-rita", None))
        await self.play.structure(id_, kind, company, self._in(-2, 25), person, self.random.choice((0, 0, 7)))

    async def _budget(self) -> None:
        company = self.random.choice(COMPANIES)
        start = self._in(-20, 5)
        kind = self.random.choice(("user", "cost-code", "credit-card", "other"))
        dates = {"period_start": start, "period_end": start + self.random.randint(5, 40) * DAY}
        people = {"owner": self._who(company), "manager": self.random.choice((f"{company[0]}-max", None))}
        await self.play.budget(self._id("B"), company=company, kind=kind, **dates, current_value=Decimal(50), **people)

    async def _spend(self) -> None:
        if budgets := sorted(self.play.world.budgets):
            id_ = self.random.choice(budgets[-6:])
            known = {**self.play.world.budgets[id_], "current_value": Decimal(self.random.choice((0, -5, 10)))}
            await self.play.budget(id_, **known)

    async def _template(self) -> None:
        company = self.random.choice(COMPANIES)
        kind = self.random.choice(("template", "quantity-request"))
        role = self.random.choice(("requester", "buyer", "approver"))
        assigned = [{"person": self._who(company), "role": "requester"}, {"person": f"{company[0]}-bea", "role": role}]
        first = self.play.world.today(company, self.play.now) + self.random.randint(1, 6) * DAY
        until = self.random.choice((None, first + self.random.randint(10, 60) * DAY))
        every, interval = self.random.choice((("once", 1), ("day", 9), ("week", 2), ("month", 1)))
        schedule = {"first_day": first, "every": every, "interval": interval, "valid_from": None, "valid_until": until}
        id_ = self._id("T")
        await self.play.template(id_, kind=kind, company=company, assigned=assigned, **schedule)
        if kind == "quantity-request":
            await self.play.release(id_, f"{company[0]}-pia")

    async def _reply(self) -> None:
        world = self.play.world
        released = [id_ for id_, one in world.templates.items() if one["released_by"] and not one["withdrawn"]]
        open_ = [id_ for id_ in released if self._is_valid(world.templates[id_])]
        if open_:
            id_ = self.random.choice(open_[-4:])
            await self.play.reply(id_, world.templates[id_]["assigned"][0]["person"], str(self.random.randint(1, 3)))

    def _is_valid(self, template: dict[str, Any]) -> bool:
        return (template["valid_until"] or date.max) >= self.play.world.today(template["company"], self.play.now)

    async def _withdraw(self) -> None:
        if found := [id_ for id_, one in self.play.world.templates.items() if not one["withdrawn"]]:
            await self.play.withdraw(self.random.choice(found))

    async def _price(self) -> None:
        company = self.random.choice(COMPANIES)
        item = f"{company}-p{self.random.randint(1, 12)}"
        await self.play.price(f"{company}-catalog", item, f"{self.random.randint(1, 3)}.50", self._in(-1, 20))

    async def _invoice(self) -> None:
        company = self.random.choice(COMPANIES)
        code = self.random.choice(("PRI", "QTY"))
        invoice = f"{company}-i{self.random.randint(1, 9)}"
        self.versions[invoice] += self.random.random() < 0.3
        await self.play.invoice_check(invoice, company, self.versions[invoice], code)

    async def _want(self) -> None:
        company = self.random.choice(COMPANIES)
        contract = f"{company}-{self.random.choice(('all', 'none'))}"
        await self.play.want(self._id("R"), contract, self._who(company), Decimal(self.random.randint(1, 40)))

    async def _generate(self) -> None:
        company = self.random.choice(COMPANIES)
        await self.play.generate(f"{company}-{self.random.choice(('all', 'none'))}")

    async def _log_on(self) -> None:
        company = self.random.choice(COMPANIES)
        await self.play.log_on(f"{company}-cc", f"{company}-user{self.random.randint(1, 8)}", company)
