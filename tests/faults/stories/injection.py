"""Attempts at header injection: 20,000 through the mailer's composing, some hundred by Kafka and HTTP through the whole house."""

import asyncio
import contextlib
import json
import re
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from tests.faults import cast
from tests.faults.injection import composing, payloads
from tests.faults.injection.composing import is_whole
from tests.faults.injection.look import faults
from tests.faults.injection.strict import Improper, addresses, read
from tests.faults.invariants import DOMAIN
from tests.faults.load import Written
from tests.faults.stage import Scale, Stage
from tests.faults.watch import AWAY

from embedded.demo.door import Door
from embedded.errors import EmbeddedError

ATTEMPTS, THROUGH_THE_HOUSE = 20_000, 600
SENDER, TYPED = f"postroom@{DOMAIN}", "typed@faults.example"
_ANSWERS = re.compile(rf"reply\+[a-z2-7]{{45}}@reply\.{re.escape(DOMAIN)}")
QUIET_SECONDS = 240.0
# httpx sends no header with these, and no server reads one.
_NO_HTTP_HEADER = {*map(chr, range(32)), *map(chr, range(127, 160))}


async def injection(stage: Stage, scale: Scale) -> None:
    """Nothing gets in: no header, no recipient, no second mail, no line that is none."""
    with tempfile.TemporaryDirectory() as folder:
        tally = await composing.attempts(stage.house.seed, scale.of(ATTEMPTS), Path(folder))
    stage.measure("attempts at injection, composed or refused", tally.attempts, at_least=scale.of(ATTEMPTS))
    stage.measure("attempts of which a mail came", tally.composed.total(), at_least=scale.of(ATTEMPTS) * 0.7)
    stage.measure("different fields attacked", len(tally.composed), at_least=min(100, scale.of(ATTEMPTS) / 5))
    stage.measure("attempts that got something in", len(tally.broken), at_most=0)
    for one in tally.broken[:10]:
        stage.say(f"got in: {one}")
    await _through_the_house(stage, scale.of(THROUGH_THE_HOUSE))


async def _through_the_house(stage: Stage, number: int) -> None:
    kept = stage.house.run / "sink" / "mails"
    kept.mkdir()
    attack = _Attack(stage)
    await asyncio.to_thread(attack.people, number // 6)
    stage.writer.write([attack.event() for _ in range(number // 2)])
    stage.writer.write([attack.of_somebody(person) for person in attack.named])
    papers = list(stage.load.papers(1))
    stage.writer.write(papers)
    await stage.writer.all_acked()
    await asyncio.to_thread(attack.correspondences, papers[0].mark, number // 3)
    await stage.writer.all_acked()
    await _until_quiet(stage)
    mails = [file.read_bytes().partition(b"\n")[::2] for file in kept.iterdir()]
    broken = [f"to {to.decode()}: {fault}" for to, octets in mails for fault in _wrong_with(octets, to.decode(), attack.typed)]
    stage.measure("attempts through the house", attack.made, at_least=number * 0.8)
    stage.measure("attempts that the house's doors refused", attack.refused)
    stage.measure("mails of them that the server has", len(mails), at_least=number * 0.3)
    stage.measure("attempts through the house that got something in", len(broken), at_most=0)
    for one in broken[:10]:
        stage.say(f"got in: {one}")


def _wrong_with(octets: bytes, to: str, typed: list[str]) -> list[str]:
    """Who gets it is one of those who were wanted, or what somebody typed as a whole, if that is an address; and is told so."""
    try:
        mail = read(octets)
        shown = addresses(mail.fields["to"])
    except (Improper, KeyError) as why:
        return [f"{why}"]
    strangers = [one for one in {*shown, to} if not one.endswith("@faults.example") and not any(is_whole(one, each) for each in typed)]
    answers = mail.fields.get("reply-to", "")
    unwanted = [f"a stranger {one}" for one in strangers] + ([] if to in shown else [f"not to {to}"])
    if answers and not _ANSWERS.fullmatch(answers):
        unwanted.append(f"answers to {answers}")
    return unwanted + faults(octets, SENDER, shown, len(mail.leaves) - 2, answers)


class _Attack:
    """Writes into one field each time; `named` are the people whose names are attempts."""

    def __init__(self, stage: Stage) -> None:
        self._load, self._random = stage.load, stage.random
        self._door = Door(stage.house.endpoints)
        self.named: list[str] = []
        self.typed: list[str] = []
        self.made = self.refused = 0

    def event(self) -> Written:
        """Of any type, as another system writes it; whom it names stays, so that somebody is told."""
        one = self._load.event()
        data = json.loads(one.value)
        texts = {path: usual for path in composing.strings(data) if not (usual := _at(data, path)).startswith("fw.")}
        path = self._random.choice(list(texts))
        said = composing.changed(data, path, f"{texts[path]} {payloads.words(self._random)}"[:190])
        self.made += 1
        return replace(one, value=json.dumps(said).encode())

    def of_somebody(self, person: str) -> Written:
        """What this person is told of."""
        return self._load.event(person=person)

    def people(self, number: int) -> None:
        """People whose names or addresses are attempts."""
        for n in range(number):
            id_ = f"fw.inj{n}"
            name, email = payloads.words(self._random), cast.address(id_)
            if n % 4 == 0:
                name, email = "Anna", payloads.an_address(self._random)
                self.typed.append(email)
            if self._tried("PUT", f"/api/people/{id_}", json={**cast.person(id_), "name": name[:200], "email": email}):
                self.named.append(id_)

    def correspondences(self, mark: str, number: int) -> None:
        """Subjects, typed addresses, texts, file names and media types, by HTTP, on an order that came as a document."""
        orders = f"/api/orders/{self._order(mark)}"
        for n in range(number):
            say, form = payloads.words(self._random), n % 4
            document = self._document(orders, payloads.filename(self._random) if form == 0 else "plan.pdf", form)
            self._tried("POST", f"{orders}/logs", json={"type": "Delivery", "message": say if form == 1 else "late"}, key=f"log-{n}")
            window = self._tried("POST", f"{orders}/correspondences", json={"scope": "all"})
            if window:
                typed = payloads.an_address(self._random) if form == 2 else TYPED
                self.typed.append(typed)
                to = list({TYPED, typed})
                chosen = [one["document"] for one in window["documents"] if one["document"] == document]
                wanted = {"to": to, "subject": say[:400] if form == 3 else f"Order {n}", "documents": chosen}
                self._tried("POST", f"/api/correspondences/{window['id']}/send", json=wanted, key=f"send-{n}")

    def _order(self, number: str) -> str:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if found := self._door.get("operator", "/api/orders", number=number)["orders"]:
                return str(found[0]["id"])
            time.sleep(0.2)
        raise TimeoutError(f"no order {number}")

    def _document(self, orders: str, filename: str, form: int) -> str:
        media = payloads.media_type(self._random) if form == 0 else "application/pdf"
        media = "".join(one for one in media if one not in _NO_HTTP_HEADER and one.isascii()).strip() or "application/pdf"
        path = f"{orders}/documents?filename={quote(filename.encode('utf-8', 'replace')[:190], safe='')}"
        answer = self._tried("POST", path, content=b"a document", headers={"content-type": media})
        return str(answer["document"]) if answer else ""

    def _tried(self, method: str, path: str, key: str = "", **request: Any) -> Any:
        self.made += 1
        headers = {**request.pop("headers", {}), **({"Idempotency-Key": key} if key else {})}
        who = "operator" if method == "PUT" else cast.KEEPER
        with contextlib.suppress(EmbeddedError, httpx.HTTPError, UnicodeError, ValueError):
            return self._door.call(who, method, path, headers=headers, **request)
        self.refused += 1
        return None


def _at(data: Any, path: composing.Path_) -> str:
    for step in path:
        data = data[step]
    return str(data)


async def _until_quiet(stage: Stage) -> None:
    deadline, why = time.monotonic() + QUIET_SECONDS, "not looked at"
    while why and time.monotonic() < deadline:
        await asyncio.sleep(1)
        with contextlib.suppress(*AWAY):
            why = await stage.watch.unfinished()
    if why:
        raise TimeoutError(f"not at rest: {why}")
