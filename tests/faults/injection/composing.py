"""Attempts through the mailer's real way from an event to bytes: each writes into one field, drawn from a seed."""

import copy
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from pydantic import ValidationError
from tests.faults.injection import payloads
from tests.faults.injection.look import faults, faults_on_the_wire
from tests.unit.mailer.told import FACTS_OF, LOG

from mailer_service.compose import Composed, Composer, Held
from mailer_service.customer.templates import Templates
from mailer_service.domain import messages, samples
from mailer_service.domain.messages import Told
from mailer_service.links import Links
from mailer_service.pdf import Pdfs
from mailer_service.render import TEMPLATES, Renderer
from postroom.blobs import Blobs
from postroom.contracts import event
from postroom.contracts.commlog import CorrespondenceRequested, FrozenLogs
from postroom.contracts.messages import Cause, MessageRequested, Opens, Recipient

TENANT, SENDER, TO = "demo", "postroom@sender.example", "anna@example.com"
AT = "2026-11-23T09:30:00Z"
# Of a message and its recipient, beside the facts.
OF_MESSAGE = ("name", "reason", "hop", "order_number", "language", "zone", "message", "unsubscribe", "opens", "sender", "email")
OF_CORRESPONDENCE = (
    *("subject", "buyer", "sender.name", "sender.company", "to.name", "to.address", "filename", "media_type", "reply_to"),
    *("number", "supplier", "log_type", "log", "author", "language", "zone", "correspondence", "document"),
)
OF_TEMPLATE = ("subject.txt", "body.txt", "body.html")
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+")
Path_ = tuple[str | int, ...]


@dataclass
class Tally:
    """`composed` by field; `refused`: no mail came of it, by reason; `broken`: what got in."""

    composed: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    @property
    def attempts(self) -> int:
        return self.composed.total() + self.refused.total()


class _NoPdf(Pdfs):
    """A file is a file to a mail; what is printed in it is no matter of headers."""

    async def logs(self, frozen: FrozenLogs, *, for_mail: bool = False) -> bytes:
        return b"%PDF-1.7"


class Attacker:
    """Everything is drawn from the seed; `folder` holds the blobs."""

    def __init__(self, seed: int, folder: Path) -> None:
        self._random = Random(seed)  # noqa: S311 - a seed is the point
        self._blobs = Blobs(folder)
        self._composer = self._with(Renderer(TEMPLATES))
        renderer = Renderer(TEMPLATES)
        self._leaves = [(type_, path) for type_, facts in sorted(FACTS_OF.items()) for path in _free(renderer, type_, facts)]
        self.tally = Tally()

    def _with(self, renderer: Renderer) -> Composer:
        links = Links("https://post.example", "https://portal.example/{what}/{id}")
        return Composer(Templates(renderer), self._blobs, _NoPdf(seconds=1, memory=1 << 20), f"Postroom <{SENDER}>", links)

    async def attack(self) -> None:
        """Once."""
        draw = self._random.random()
        if draw < 0.5:
            type_, path = self._random.choice(self._leaves)
            facts = changed(FACTS_OF[type_], path, payloads.words(self._random))
            await self._requested(f"{type_} {'.'.join(map(str, path))}", type_, facts, {})
        elif draw < 0.7:
            name = self._random.choice(OF_MESSAGE)
            payload = payloads.an_address(self._random) if name == "email" else payloads.words(self._random)
            type_ = self._random.choice(sorted(FACTS_OF.keys() - {"correspondence"}))
            await self._requested(name, type_, FACTS_OF[type_], {name: payload})
        elif draw < 0.98:
            await self._correspondence(self._random.choice(OF_CORRESPONDENCE))
        else:
            await self._own_template(self._random.choice(OF_TEMPLATE))

    # -- the fields ------------------------------------------------------------------------------------------------------------------

    async def _requested(
        self, what: str, type_: str, facts: dict[str, Any], said: dict[str, str], composer: Composer | None = None
    ) -> None:
        """A message to one person. Without the contract's checks, which refuse some of it: the mailer alone is asked."""
        given: dict[str, Any] = {
            "name": "Anna",
            "email": TO,
            "language": self._random.choice(("en", "de")),
            "zone": "Europe/Vienna",
            "hop": "",
        } | said
        cause = Cause(emitter="erp", source="s", id="1", type=samples.TEST if self._random.random() < 0.1 else "GoodsReceived.v1")
        data = MessageRequested.model_construct(
            message=given.get("message", "7f3c1d9e-0000-4000-8000-000000000001"),
            message_type=type_,
            recipient=Recipient.model_construct(person="anna", **{one: given[one] for one in ("name", "email", "language", "zone", "hop")}),
            channels=["email"],
            reason=given.get("reason", "you ordered it"),
            cause=cause,
            order_number=given.get("order_number", "4711"),
            facts=facts,
            opens=Opens.model_construct(what="order", id=given["opens"]) if "opens" in given else None,
            sender=given.get("sender", ""),
            unsubscribe=given.get("unsubscribe", ""),
        )
        new = event.new(data, source="notification-rules", subject="m", tenant=TENANT, key="k")
        if not _is_unicode(data.message):
            self.tally.refused[f"{what}: by its contract"] += 1
            return
        await self._sent(what, messages.decide(new, set()), (), said.get("email", ""), composer or self._composer)

    async def _correspondence(self, name: str) -> None:
        random = self._random
        payload = {"to.address": payloads.an_address, "reply_to": payloads.an_address, "filename": payloads.filename}.get(
            name, payloads.media_type if name == "media_type" else payloads.words
        )(random)

        def said(one: str, usual: str) -> str:
            return payload if one == name else usual

        order = {"id": "order-1", "number": said("number", "4711"), "supplier": said("supplier", "Huber")}
        author = {**LOG["author"], "person": "huber", "name": said("author", "Jörg")}
        log = {**LOG, "log": "1", "log_type": said("log_type", "Delivery"), "message": said("log", "late"), "author": author}
        document = b"bytes of a document"
        try:
            frozen = FrozenLogs.model_validate({"order": order, "buyer": said("buyer", "Graz"), "logs": [log]}).model_dump_json().encode()
            wanted = {
                "correspondence": said("correspondence", "corr-1"),
                "order": order,
                "buyer": said("buyer", "Graz"),
                "subject": said("subject", "Order 4711"),
                "sender": {**author, "name": said("sender.name", "Jörg"), "company": said("sender.company", "Huber")},
                "reply_to": said("reply_to", "joerg@huber.example"),
                "scope": "all",
                "logs": {"sha256": await self._blobs.put(TENANT, frozen), "size": len(frozen)},
                "log_count": 1,
                "documents": [
                    {
                        "document": said("document", "d1"),
                        "filename": said("filename", "plan.pdf"),
                        "media_type": said("media_type", "application/pdf"),
                        "sha256": await self._blobs.put(TENANT, document),
                        "size": len(document),
                        "link": name == "document",
                    }
                ],
                "recipients": [{"address": TO, "name": said("to.name", "Anna")}, {"address": said("to.address", "typed@example.com")}],
                "attach_pdf": True,
                "language": said("language", random.choice(("en", "de"))),
                "zone": said("zone", "Europe/Vienna"),
                "requested_at": AT,
            }
            data = CorrespondenceRequested.model_validate(wanted)
        except (ValidationError, ValueError):
            self.tally.refused[f"{name}: by its contract"] += 1
            return
        new = event.new(data, source="commlog-service", subject="c", tenant=TENANT, key="k")
        files = ("pdf",) if name == "document" else ("document", "pdf")
        typed = payload if name in {"to.address", "reply_to"} else ""
        await self._sent(f"correspondence {name}", messages.decide(new, set()), files, typed, self._composer)

    async def _own_template(self, file: str) -> None:
        """A customer's own template says it, in its own words or with a fact."""
        own = {"goods-receipt/subject.txt": "Goods", "goods-receipt/body.txt": "Goods", "goods-receipt/body.html": "<p>Goods</p>"}
        payload = payloads.words(self._random)
        own[f"goods-receipt/{file}"] = "{% raw %}" + payload.replace("{%", "") + "{% endraw %}\n{{ facts.order.number }}"
        facts = changed(FACTS_OF["goods-receipt"], ("order", "number"), payloads.words(self._random))
        await self._requested(f"template {file}", "goods-receipt", facts, {}, self._with(Renderer(TEMPLATES, own)))

    # -- what comes of it --------------------------------------------------------------------------------------------------------------

    async def _sent(self, what: str, told: Told | None, files: tuple[str, ...], typed: str, composer: Composer) -> None:
        assert told
        addresses = [envelope.address for envelope in told.envelopes if envelope.state == "pending"]
        if not addresses:
            self.tally.refused[f"{what}: {told.message.unmailed.partition(' ')[0]}"] += 1
            return
        row = {name: getattr(told.message, name) for name in told.message.__dataclass_fields__}
        try:
            mail = await composer.compose(row)
        except Held as held:
            self.tally.refused[f"{what}: held, {held.reason}"] += 1
            return
        self.tally.composed[what] += 1
        self.tally.broken += [f"{what}: {fault}" for fault in await _looked_at(mail, addresses, len(files), typed)]


async def _looked_at(mail: Composed, addresses: list[str], files: int, typed: str) -> list[str]:
    """Who gets it is who was wanted, or what a person typed as a whole, if that is an address."""
    unwanted = [one for one in addresses if one not in {TO, "typed@example.com"} and not is_whole(one, typed)]
    answers = re.search(rb"^Reply-To: (.*)\r?$", mail.body.partition(b"\r\n\r\n")[0], re.MULTILINE)
    reply_to = answers[1].decode().strip() if answers else ""
    if reply_to and reply_to != "joerg@huber.example" and not is_whole(reply_to, typed):
        unwanted.append(reply_to)
    shown = sorted(addresses, key=lambda one: one != TO)
    found = [f"to {one!r}" for one in unwanted] + faults(mail.body, SENDER, shown, files, reply_to)
    for address in addresses:
        found += await faults_on_the_wire(mail.body, SENDER, address)
    return found


def _is_unicode(text: str) -> bool:
    """A lone surrogate is no character: no contract lets one through, and no database keeps one."""
    return not any("\ud800" <= one <= "\udfff" for one in text)


def is_whole(address: str, typed: str) -> bool:
    """Whether the address is all of what was typed, but for blanks around it and the form of its domain."""
    local, _, domain = typed.strip().rpartition("@")
    there = domain.encode("idna").decode() if domain.isprintable() and not domain.isascii() else domain
    return bool(_ADDRESS.fullmatch(address)) and address == f"{local}@{there.lower()}"


def _free(renderer: Renderer, type_: str, facts: dict[str, Any]) -> Iterator[Path_]:
    """The strings in these facts that may say anything: not days, numbers, kinds."""
    if type_ == "correspondence":
        return
    for path in strings(facts):
        try:
            renderer.mail(samples.sample(type_, changed(facts, path, "any words"), name="Anna", unsubscribe_url="", opens_url=""))
        except Exception:  # noqa: BLE001, S112 - whatever the template has against words there
            continue
        yield path


def strings(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    """Where strings stand in there."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from strings(one, (*path, name))
    elif isinstance(value, list):
        for n, one in enumerate(value[:2]):
            yield from strings(one, (*path, n))


def changed(facts: dict[str, Any], path: Path_, payload: str) -> dict[str, Any]:
    """The facts with these words at that place."""
    new: Any = copy.deepcopy(facts)
    place = new
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = payload
    return new  # type: ignore[no-any-return]


async def attempts(seed: int, number: int, folder: Path, told: Callable[[int], None] = lambda _: None) -> Tally:
    """So many of them."""
    attacker = Attacker(seed, folder)
    for n in range(number):
        await attacker.attack()
        if n % 500 == 0:
            told(n)
    return attacker.tally
