"""People at the gateway, and their mail servers: they write logs, send correspondences, forward messages and answer by mail.

As browsers and mail servers do, they go on through every outage, each click with its Idempotency-Key, until they are answered.
"""

import asyncio
import contextlib
import re
import smtplib
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from email.message import EmailMessage
from hashlib import sha256
from pathlib import Path
from random import Random
from shutil import copytree
from typing import Any, Self
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

import httpx
from tests.faults import cast
from tests.faults.ledger import Entry, Tail
from tests.faults.load import TRADE
from tests.oracle.talk import OTHER, Answered, Budgeted, Deed, Erased, Forwarded, Hired, Order, Placed, Sent, Side, Wrote
from tests.simulation import papers

from mailer_service.render import TEMPLATES

TENANT, OPERATOR = "demo", "operator"
OK, UNAUTHORIZED, SERVER_ERROR, GONE = 250, 401, 500, 550
# Answers of HTTP and SMTP that ask to come again.
AGAIN = {408, 425, 429}
PAUSE_SECONDS, ACTS_A_SECOND = 0.3, 1.6
# Rendered by the worker for customers' templates, in every house.
CUSTOMERS = "control-structure-expired"
CUSTOMERS_EVENT = "ControlStructureExpired.v1"
STRANGER = "eve@carrier.example"
HELD = {"unknown_sender": {}, "automatic": {"Auto-Submitted": "auto-replied"}}
COOKIE, _CSRF = "__Host-postroom", re.compile(r'name="csrf" value="([^"]+)"')
TYPED = tuple(f"guest{n}@elsewhere.example" for n in range(12))


class RefusedError(Exception):
    """An answer that no retry would change."""

    def __init__(self, code: str, told: str) -> None:
        super().__init__(told)
        self.code = code


@dataclass(frozen=True)
class Paper:
    """An order that people talk about, and the document on it: its id, and its sha256."""

    order: Order
    document: str
    sha256: str


@dataclass
class Desk:
    """`deeds`: mark → what was done, and answered; `begun`, `done`: when, in seconds since the epoch; `refused`: what was not taken.

    `tell` writes an event about a person.
    """

    endpoints: dict[str, str]
    tail: Tail
    random: Random
    run: str
    tell: Callable[[str], None] = lambda _: None
    deeds: dict[str, Deed] = field(default_factory=dict)
    begun: dict[str, float] = field(default_factory=dict)
    done: dict[str, float] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    _orders: list[Paper] = field(default_factory=list)
    _tokens: dict[str, str] = field(default_factory=dict)
    _open: set[asyncio.Task[None]] = field(default_factory=set)
    _answerable: list[Entry] = field(default_factory=list)
    _looked: int = 0
    _n: int = 0

    async def __aenter__(self) -> Self:
        self._http = httpx.AsyncClient(base_url=self.endpoints["gateway_url"], timeout=30, trust_env=False)
        await self._settle_in()
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._http.aclose()

    # -- before the run --------------------------------------------------------------------------------------------------------------

    async def _settle_in(self) -> None:
        """Orders with a document, the digests and quiet hours that people choose, and a customer's template."""
        copytree(TEMPLATES / CUSTOMERS, Path(self.endpoints["custom"]) / "templates" / CUSTOMERS, dirs_exist_ok=True)
        self._orders = [await self._placed(n) for n in range(cast.TALKS)]
        now = datetime.now(ZoneInfo("Europe/Vienna"))
        # All day but for five minutes, which no clock that is set by whole hours shows.
        quiet = {"from": f"{now - timedelta(hours=1):%H:%M}", "until": f"{now - timedelta(hours=1, minutes=5):%H:%M}"}
        for person in cast.DIGEST:
            await self._call(person, "PUT", "/api/preferences", json={"mail": "digest"})
        for person in cast.QUIET:
            await self._call(person, "PUT", "/api/preferences", json={"quiet_hours": quiet})

    async def _placed(self, n: int) -> Paper:
        day, client, supplier = date(2026, 11, 20), cast.REQUESTERS[n], cast.SUPPLIERS[n % len(cast.SUPPLIERS)]
        line = {"1": (cast.address(client), Decimal(10), day)}
        xml = papers.order(TRADE, f"TALK-{n}", day, cast.CONTRACT, line, seller_contact=cast.address(supplier))
        order = (await self._call(OPERATOR, "POST", "/api/documents", content=xml))["order"]
        content = f"drawing of order {n}\n".encode() * 200
        path = f"/api/orders/{quote(order, safe='')}/documents"
        document = await self._call(client, "POST", path, params={"filename": f"drawing-{n}.txt"}, content=content)
        people: dict[Side, tuple[str, ...]] = {"client": (client,), "supplier": (supplier,)}
        return Paper(Order(order, people), document["document"], sha256(content).hexdigest())

    # -- what people do --------------------------------------------------------------------------------------------------------------

    @property
    def open(self) -> int:
        """How many are waiting for an answer."""
        return len(self._open)

    @property
    def _acts(self) -> dict[Callable[[], None], int]:
        """What people do, and how often."""
        rare = dict.fromkeys((self.erase, self.accept, self.budget, self.place, self.visit, self.hire), 1)
        return {self.write: 3, self.send: 5, self.answer: 4, self.forward: 2, **rare}

    def act(self, number: int = 1) -> None:
        """Begin so many things, drawn."""
        for _ in range(number):
            (act,) = self.random.choices(list(self._acts), list(self._acts.values()))
            act()

    async def steadily(self) -> None:
        """Until cancelled."""
        while True:
            self.act()
            await asyncio.sleep(self.random.uniform(0.5, 1.5) / ACTS_A_SECOND)

    async def all_answered(self, seconds: float = 120) -> str:
        """Wait for every answer; what did not come, in words."""
        late = (await asyncio.wait(set(self._open), timeout=seconds))[1] if self._open else ()
        return f"{len(late)} people or mail servers had no answer within {seconds:g} s" if late else ""

    def write(self) -> None:
        """Somebody saves a log."""
        paper, side = self._somewhere()
        self._begin(self._mark("L"), Wrote(paper.order, side), lambda mark: self._log(paper, side, mark))

    def send(self, *, pdf: bool | None = None) -> None:
        """Somebody sends a log, to the other side's contact and to typed addresses, with a document, and with the PDF every other time."""
        paper, side = self._somewhere()
        contact = paper.order.people[OTHER[side]][0]
        typed = self.random.sample(TYPED, self.random.randrange(3))
        deed = Sent(
            paper.order,
            side,
            (cast.address(contact), *typed),
            (paper.sha256,) if self.random.random() < 0.5 else (),
            self.random.random() < 0.5 if pdf is None else pdf,
        )
        log = self._mark("L")
        self._begin(log, Wrote(paper.order, side), lambda mark: self._log_and_send(paper, deed, contact, typed, mark))

    def answer(self, enclosed: bytes = b"") -> None:
        """Somebody answers a correspondence that has arrived, by mail; in between a stranger, and an absent one's machine."""
        if not (arrived := self._arrived()):
            return self.write()
        held = self.random.choices(("", *HELD), (6, 1, 1))[0]
        sent = self.deeds[arrived.mark]
        assert isinstance(sent, Sent)
        self._begin(self._mark("R"), Answered(sent, held), lambda mark: self._mail(arrived, held, mark, enclosed))
        return None

    def forward(self) -> None:
        """Somebody passes on a message of the inbox."""
        to = self.random.choice(cast.CONTACTS)
        who = self.random.choice(cast.REQUESTERS)
        self._begin(self._mark("F"), None, lambda mark: self._forward(who, to, mark))

    def erase(self) -> None:
        """Somebody saves a log that an operator must erase."""
        paper, side = self._somewhere()
        self._begin(self._mark("L"), Erased(paper.order, side), lambda mark: self._erase(paper, side, mark))

    def accept(self) -> None:
        """Somebody looks at a reply that is held, and lets it in."""
        held = [(mark, deed) for mark, deed in self.deeds.items() if isinstance(deed, Answered) and deed.held and not deed.accepted]
        if held:
            mark, deed = self.random.choice(held)
            self._begin(mark, replace(deed, accepted=True), lambda mark: self._accept(deed, mark))

    def budget(self) -> None:
        """An operator enters a budget whose period has passed."""
        owner = self.random.choice(cast.REQUESTERS)
        self._begin(self._mark("B"), Budgeted(owner), lambda mark: self._budget(owner, mark))

    def place(self) -> None:
        """An order comes in at the door, with a document."""
        self._begin(self._mark("P"), Placed(), self._place)

    def hire(self) -> None:
        """An event speaks of somebody whom the directory has a moment later."""
        self._n += 1
        person = f"fw.hired-{self.run}-{self._n}"
        self._begin(self._mark("H"), Hired(person), lambda _: self._hire(person))

    def visit(self) -> None:
        """Somebody signs in at the page, looks, and signs out."""
        who = self.random.choice(cast.REQUESTERS)
        self._begin(self._mark("S"), None, lambda _: self._visit(who))

    def _somewhere(self) -> tuple[Paper, Side]:
        side: Side = self.random.choice(("client", "supplier"))
        return self.random.choice(self._orders), side

    def _mark(self, kind: str) -> str:
        self._n += 1
        return f"F{kind}{self.run}{self._n:06x}"

    def _begin(self, mark: str, deed: Deed | None, doing: Callable[[str], Coroutine[Any, Any, object]]) -> None:
        self.begun[mark] = time.time()
        task = asyncio.create_task(self._answered(mark, deed, doing(mark)))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _answered(self, mark: str, deed: Deed | None, doing: Coroutine[Any, Any, object]) -> None:
        try:
            await doing
        except RefusedError as error:
            if error.code != "withdrawn":  # a message that was withdrawn can't be forwarded
                self.refused.append(f"{mark}: {error}")
        except Exception as error:  # noqa: BLE001 - an answer that nobody expected is told like a refusal
            self.refused.append(f"{mark}: broke off: {error!r}")
        else:
            self._did(mark, deed)

    def _did(self, mark: str, deed: Deed | None) -> None:
        self.done[mark] = time.time()
        if deed:
            self.deeds[mark] = deed

    async def _log(self, paper: Paper, side: Side, mark: str) -> str:
        """→ the log's id."""
        body = {"type": "Delivery", "message": f"About the cable drums, {mark}."}
        who = paper.order.people[side][0]
        answer = await self._call(who, "POST", f"/api/orders/{quote(paper.order.id, safe='')}/logs", mark, json=body)
        return str(answer["log"])

    async def _log_and_send(self, paper: Paper, deed: Sent, contact: str, typed: list[str], log_mark: str) -> None:
        log = await self._log(paper, deed.side, log_mark)
        self._did(log_mark, Wrote(paper.order, deed.side))
        mark, who = self._mark("C"), paper.order.people[deed.side][0]
        self.begun[mark] = time.time()
        # A window that opens twice harms nobody: nothing is sent by it.
        window = await self._call(
            who, "POST", f"/api/orders/{quote(paper.order.id, safe='')}/correspondences", json={"scope": "latest", "log": log}
        )
        documents = [paper.document] if deed.documents else []
        body = {"contacts": [contact], "to": typed, "subject": f"Order {mark}", "documents": documents, "attach_pdf": deed.pdf}
        await self._call(who, "POST", f"/api/correspondences/{window['id']}/send", mark, json=body)
        self._did(mark, deed)

    async def _forward(self, who: str, to: str, mark: str) -> None:
        inbox = (await self._call(who, "GET", "/api/inbox", params={"limit": 10}))["messages"]
        usable = [one["message"] for one in inbox if not one["withdrawn_at"] and one["message_type"] != "forwarded-message"]
        if not usable:
            raise RefusedError("withdrawn", "there is nothing to forward")
        message = self.random.choice(usable)
        await self._call(who, "POST", f"/api/inbox/{quote(message, safe='')}/forward", mark, json={"to": [to], "note": f"Please, {mark}"})
        self._did(mark, Forwarded(to, message))

    async def _erase(self, paper: Paper, side: Side, mark: str) -> None:
        body = {"order": paper.order.id, "ref": await self._log(paper, side, mark), "reason": "as the law asks"}
        try:
            await self._call(OPERATOR, "POST", "/audit/erasures", json=body)
        except RefusedError as error:
            if error.code != "nothing_to_erase":  # the answer to an earlier try was lost
                raise

    async def _accept(self, deed: Answered, mark: str) -> None:
        who, order = deed.to.order.people[deed.to.side][0], quote(deed.to.order.id, safe="")
        found: list[str] = []
        while not found:
            reviews = (await self._call(who, "GET", f"/api/orders/{order}/reviews"))["reviews"]
            found = [one["review"] for one in reviews if mark in one["message"]]
            await asyncio.sleep(PAUSE_SECONDS)
        await self._call(who, "POST", f"/api/reviews/{found[0]}/accept")

    async def _budget(self, owner: str, mark: str) -> None:
        period = {"period_start": "2026-01-01", "period_end": "2026-10-31", "start_value": "90.00", "current_value": "5.00"}
        body = {"company": cast.COMPANY, "name": mark, "kind": "user", "currency": "EUR", "owner": owner, **period}
        await self._call(OPERATOR, "PUT", f"/api/budgets/{mark}", json=body)

    async def _place(self, mark: str) -> None:
        day, line = date(2026, 11, 20), (cast.address(cast.REQUESTERS[0]), Decimal(1), date(2026, 11, 20))
        xml = papers.order(TRADE, f"TALK-{mark}", day, cast.CONTRACT, {"1": line}, enclosed=f"terms of {mark}".encode())
        order = (await self._call(OPERATOR, "POST", "/api/documents", content=xml))["order"]
        path = f"/api/orders/{quote(self._orders[0].order.id, safe='')}/documents"
        await self._call(OPERATOR, "POST", path, params={"filename": f"{mark}.txt"}, content=str(order).encode())

    async def _hire(self, person: str) -> None:
        self.tell(person)
        await asyncio.sleep(self.random.uniform(0, 2))
        await self._call(OPERATOR, "PUT", f"/api/people/{person}", json=cast.person(person))

    async def _visit(self, who: str) -> None:
        """Raises RefusedError where a session that was begun isn't known."""
        form = {"person": who, "next": "/"}
        signed = await self._page("POST", "/sign-in", data=form)
        cookie = {"Cookie": f"{COOKIE}={signed.cookies[COOKIE]}"}
        page = await self._page("GET", "/purchase-orders", headers=cookie)
        if not (csrf := _CSRF.search(page.text)):
            raise RefusedError("session", f"the session of {who} is not known: {page.status_code} {page.headers.get('location')}")
        await self._page("POST", "/sign-out", headers=cookie, data={"csrf": csrf[1]})

    async def _page(self, method: str, path: str, **request: Any) -> httpx.Response:
        """The answer, whenever it comes."""
        while True:
            with contextlib.suppress(httpx.TransportError):
                answer = await self._http.request(method, path, **request)
                if answer.status_code < SERVER_ERROR:
                    return answer
            await asyncio.sleep(self.random.uniform(0.5, 1.5) * PAUSE_SECONDS)

    # -- HTTP ----------------------------------------------------------------------------------------------------------------------

    async def _call(self, who: str, method: str, path: str, key: str = "", **request: Any) -> Any:
        """The answer, whenever it comes. Raises RefusedError."""
        while True:
            with contextlib.suppress(httpx.TransportError):
                headers = {"Authorization": f"Bearer {await self._token(who)}", **({"Idempotency-Key": key} if key else {})}
                answer = await self._http.request(method, path, headers=headers, **request)
                if answer.status_code == UNAUTHORIZED:
                    self._tokens.pop(who, None)
                elif found := _final(answer):
                    return found.json()
            await asyncio.sleep(self.random.uniform(0.5, 1.5) * PAUSE_SECONDS)

    async def _token(self, who: str) -> str:
        while who not in self._tokens:
            asked = {"person": who, "tenant": TENANT}
            answer = await self._http.post("/token", json=asked, headers={"X-Issuer-Secret": self.endpoints["issuer_secret"]})
            if found := _final(answer):
                self._tokens[who] = found.json()["token"]
            else:
                await asyncio.sleep(PAUSE_SECONDS)
        return self._tokens[who]

    # -- SMTP ----------------------------------------------------------------------------------------------------------------------

    def _arrived(self) -> Entry | None:
        """A correspondence that somebody has received, and whose sender knows that it was sent."""
        entries = self.tail.ledger.entries
        self._answerable += [one for one in entries[self._looked :] if one.reply_to and one.mark in self.deeds][-20:]
        self._looked = len(entries)
        return self._answerable.pop(self.random.randrange(len(self._answerable))) if self._answerable else None

    async def _mail(self, arrived: Entry, held: str, mark: str, enclosed: bytes) -> None:
        mail = EmailMessage()
        mail["From"] = STRANGER if held == "unknown_sender" else arrived.recipient
        mail["To"], mail["Subject"], mail["Message-ID"] = arrived.reply_to, "Re: Order", f"<{mark}@elsewhere.example>"
        for name, value in HELD.get(held, {}).items():
            mail[name] = value
        mail.set_content(f"On Friday, {mark}.\n\nOn Fri, Nov 27, 2026 at 9:15 AM Postroom wrote:\n> as quoted\n")
        if enclosed:
            mail.add_attachment(enclosed, maintype="image", subtype="jpeg", filename="corner.jpg")
        while not await asyncio.to_thread(self._hand_in, mail, arrived.reply_to):  # noqa: ASYNC110 - a server is asked
            await asyncio.sleep(self.random.uniform(0.5, 1.5) * PAUSE_SECONDS)

    def _hand_in(self, mail: EmailMessage, to: str) -> bool:
        """Whether it was answered 250. Raises RefusedError for good ones' 5xx."""
        try:
            with smtplib.SMTP("127.0.0.1", urlsplit(self.endpoints["inbound_smtp"]).port or 0, timeout=20) as client:
                client.send_message(mail, from_addr="someone@elsewhere.example", to_addrs=[to])
        except smtplib.SMTPRecipientsRefused as error:
            code, told = error.recipients[to]
            return _again(code, told)
        except smtplib.SMTPResponseException as error:
            return _again(error.smtp_code, error.smtp_error)
        except (smtplib.SMTPException, OSError):
            return False
        return True


def _final(answer: httpx.Response) -> httpx.Response | None:
    """An answer that stands; None where it is to be tried again. Raises RefusedError."""
    if answer.is_success:
        return answer
    if answer.status_code >= SERVER_ERROR or answer.status_code in AGAIN:
        return None
    body = answer.json() if "json" in answer.headers.get("content-type", "") else {}
    raise RefusedError(body.get("code", ""), f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text[:300]}")


def _again(code: int, told: bytes | str) -> bool:
    if code >= SERVER_ERROR:
        raise RefusedError(str(code), f"SMTP {code} {told!r}")
    return False
