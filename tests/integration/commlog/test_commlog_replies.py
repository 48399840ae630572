"""Replies by mail, from the event to the thread: whose log they become, and what is held until a person has looked."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
import orjson
import pytest
from tests.integration.commlog.acts import ABROAD, CLIENT, RIVAL, opened, send
from tests.integration.commlog.conftest import House

from commlog_service import receiving
from postroom import db
from postroom.auth import Principal
from postroom.blobs import Blobs
from postroom.contracts import cloudevents, emitters, event, topics
from postroom.contracts.commlog import Blob
from postroom.contracts.event import Event
from postroom.contracts.mail import MailReceived, ReceivedFile
from postroom.contracts.reading import Reader
from postroom.contracts.record import Record
from postroom.intake import Intake, Tally

OPERATOR = {"side": "operator", "company": None, "person": "ops"}
PHOTO = b"\xff\xd8\xff photo"


@dataclass
class Thread:
    """An order with one correspondence of the supplier's, and the mails that answer it."""

    house: House
    send: str
    offset: int = 0

    async def mail(self, number: int = 1, **changes: Any) -> MailReceived:
        blobs = Blobs(self.house.settings.blobs)
        text = changes.pop("text", f"Reply {number}").encode()
        fields: dict[str, Any] = {
            "mail": f"m-{number}",
            "correspondence": self.send,
            "order": "o1",
            "message_id": f"<{number}@buyer.example>",
            "from_address": "bea@buyer.example",
            "from_name": "Somebody Else",
            "subject": "Re: Edited",
            "text": Blob(sha256=await blobs.put("acme", text), size=len(text)),
            "raw": Blob(sha256="9" * 64, size=1),
            "received_at": datetime.now(UTC),
        }
        return MailReceived(**{**fields, **changes})

    async def photo(self) -> ReceivedFile:
        digest = await Blobs(self.house.settings.blobs).put("acme", PHOTO)
        return ReceivedFile(sha256=digest, size=len(PHOTO), filename="Schaden <1>.jpg", media_type="image/jpeg")

    async def take_in(self, *mails: MailReceived, tenant: str = "acme") -> Tally:
        """As Kafka would bring them, through the service's own intake."""
        declared = topics.declared((known := emitters.load(self.house.settings.emitters)).values())
        blobs = Blobs(self.house.settings.blobs)

        async def handle(connection: db.Connection, events: Any) -> None:
            await receiving.record_mails(blobs, connection, events)

        worker = self.house.app.state.wiring.worker
        intake = Intake(service="commlog-service", pool=worker, decode=Reader(declared, known), handle=handle)
        records = []
        for mail in mails:
            self.offset += 1
            records.append(_record(event.new(mail, source="mailer-service", subject="o1", tenant=tenant, id=mail.mail), self.offset))
        return await intake.process(records, "test")

    async def logs(self, **who: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.house.ask("GET", "/orders/o1/logs", **who)).json()["logs"]
        return found

    async def reviews(self, **who: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.house.ask("GET", "/orders/o1/reviews", **who)).json()["reviews"]
        return found


def _record(one: Event, offset: int) -> Record:
    headers, value = cloudevents.encode(one)
    return Record("mail", 0, offset, b"o1", tuple(headers), value, datetime.now(UTC))


@pytest.fixture
async def thread(house: House) -> Thread:
    window = await opened(house)
    return Thread(house, (await send(house, window["id"])).json()["send"])


async def test_a_contacts_reply_is_a_log_of_theirs_by_mail(thread: Thread) -> None:
    house = thread.house
    await thread.take_in(await thread.mail(text="Thursday is fine.", attachments=[await thread.photo()]))
    for who in ({}, CLIENT):
        reply = (await thread.logs(**who))[1]
        assert (reply["log_type"], reply["message"], reply["origin"], reply["accepted_by"]) == (
            "Reply",
            "Thursday is fine.",
            "e-mail",
            None,
        )
        assert reply["author"] == {"person": "bea", "name": "Bea", "company": "Buyer", "side": "client"}, "as the order names the contact"
        assert [(one["filename"], one["media_type"], one["size"]) for one in reply["attachments"]] == [("Schaden <1>.jpg", "image/jpeg", 9)]
    assert [(one["origin"], one["attachments"]) for one in (await thread.logs())[:1]] == [("portal", [])]
    rows = await house.rows("SELECT value, headers FROM outbox ORDER BY id DESC LIMIT 1")
    told = orjson.loads(rows[0]["value"])
    assert (dict(rows[0]["headers"])["ce_type"], told["log_type"], told["notify"]) == ("LogCreated.v1", "Reply", ["sam"])
    assert told["visible_to_other_side"] is True
    history = await house.rows("SELECT kind, actor FROM history ORDER BY entry")
    assert [(one["kind"], one["actor"]) for one in history] == [("log", "sam"), ("send", "sam"), ("reply", "bea")]
    documents = (await house.ask("POST", "/orders/o1/correspondences", {"scope": "all"})).json()["documents"]
    assert [one["filename"] for one in documents] == ["plan.pdf"], "an attachment is no document of the order"


async def test_the_same_mail_is_one_log_in_one_batch_or_two(thread: Thread) -> None:
    mail = await thread.mail()
    await thread.take_in(mail, mail)
    await thread.take_in(mail)
    assert [one["message"] for one in await thread.logs()] == ["Late", "Reply 1"]


@pytest.mark.parametrize(
    ("address", "author"),
    [
        ("BEA@buyer.example", {"person": "bea", "name": "Bea", "company": "Buyer", "side": "client"}),
        ("sam@seller.example", {"person": "sam", "name": "Sam", "company": "Seller", "side": "supplier"}),
        ("Board@buyer.example", {"person": "mail:board@buyer.example", "name": "board@buyer.example", "company": "", "side": "client"}),
    ],
)
async def test_contacts_of_either_side_and_typed_recipients_are_known(thread: Thread, address: str, author: dict[str, str]) -> None:
    await thread.take_in(await thread.mail(from_address=address))
    assert (await thread.logs())[1]["author"] == author


async def test_strangers_machines_and_unclear_senders_are_held_and_nothing_shows(thread: Thread) -> None:
    house = thread.house
    await thread.take_in(
        await thread.mail(1, from_address="eve@evil.example"),
        await thread.mail(2, automatic="Auto-Submitted: auto-replied"),
        await thread.mail(3, unclear="it names 2 senders"),
    )
    for who in ({}, CLIENT):
        assert len(await thread.logs(**who)) == 1
    assert len(await house.rows("SELECT FROM history")) == 2
    held = await thread.reviews()
    assert [(one["reason"], one["state"], one["message"], one["from_address"]) for one in held] == [
        ("unknown_sender", "open", "Reply 1", "eve@evil.example"),
        ("automatic", "open", "Reply 2", "bea@buyer.example"),
        ("unclear", "open", "Reply 3", "bea@buyer.example"),
    ]
    assert "Auto-Submitted: auto-replied" in held[1]["detail"]
    assert await thread.reviews(**OPERATOR) == held
    assert await thread.reviews(**CLIENT) == [], "the other side isn't told what was held"
    status = (await house.ask("GET", "/operations/status", **OPERATOR)).json()
    assert status["reviews"] == {"unknown_sender": 1, "automatic": 1, "unclear": 1}


async def test_an_accepted_reply_joins_the_thread_once_and_says_who_let_it_in(thread: Thread) -> None:
    await thread.take_in(await thread.mail(1, from_address="eve@buyer.example", attachments=[await thread.photo()]))
    (held,) = await thread.reviews()
    answers = await asyncio.gather(*(thread.house.ask("POST", f"/reviews/{held['review']}/accept") for _ in range(4)))
    assert {answer.status_code for answer in answers} == {200}, answers[0].text
    (reply,) = (await thread.logs(**CLIENT))[1:]
    assert all(answer.json() == reply for answer in answers)
    assert reply["author"] == {"person": "mail:eve@buyer.example", "name": "eve@buyer.example", "company": "", "side": "client"}
    assert (reply["accepted_by"], reply["origin"], len(reply["attachments"])) == ({"person": "sam", "name": "Sam"}, "e-mail", 1)
    (decided,) = await thread.reviews()
    assert (decided["state"], decided["decided_by"]["person"]) == ("accepted", "sam")
    late = await thread.house.ask("POST", f"/reviews/{held['review']}/discard")
    assert (late.status_code, late.json()["code"], late.json()["state"]) == (409, "review_decided", "accepted")
    assert len(await thread.house.rows("SELECT FROM history WHERE kind = 'reply'")) == 1


async def test_a_discarded_reply_stays_out_for_good(thread: Thread) -> None:
    await thread.take_in(await thread.mail(1, automatic="Precedence: bulk"))
    (held,) = await thread.reviews()
    for who in (OPERATOR, {}):
        answer = await thread.house.ask("POST", f"/reviews/{held['review']}/discard", **who)
        assert (answer.status_code, answer.json()["state"], answer.json()["decided_by"]["person"]) == (200, "discarded", "ops")
    assert (await thread.house.ask("POST", f"/reviews/{held['review']}/accept")).status_code == 409
    assert len(await thread.logs()) == 1
    status = (await thread.house.ask("GET", "/operations/status", **OPERATOR)).json()
    assert status["reviews"] == {}


async def test_only_who_may_see_the_order_and_sent_the_letter_decides(thread: Thread) -> None:
    photo = await thread.photo()
    await thread.take_in(await thread.mail(1, attachments=[photo]), await thread.mail(2, from_address="eve@evil.example"))
    (held,) = await thread.reviews()
    log = (await thread.logs())[1]["log"]
    file = f"/orders/o1/logs/{log}/attachments/{photo.sha256}"
    for who in (RIVAL, ABROAD, {**ABROAD, "side": "supplier", "company": "seller"}):
        for method, path in (
            ("GET", "/orders/o1/reviews"),
            ("POST", f"/reviews/{held['review']}/accept"),
            ("POST", f"/reviews/{held['review']}/discard"),
            ("GET", file),
        ):
            answer = await thread.house.ask(method, path, **who)
            assert answer.status_code == 404, (method, path, who, answer.text)
            assert "evil" not in answer.text
    assert (await thread.house.ask("POST", f"/reviews/{held['review']}/accept", **CLIENT)).status_code == 404, (
        "a review is the sender's side's"
    )
    assert (await thread.house.http.get(file)).status_code == 401
    api = thread.house.app.state.wiring.api
    for side, company, seen in (("supplier", "seller", 1), ("operator", None, 1), ("client", "buyer", 0), ("supplier", "rival", 0)):
        principal = Principal.model_validate({"person": "p", "tenant": "acme", "side": side, "company": company})
        async with db.as_principal(api, principal) as connection:
            assert await connection.fetchval("SELECT count(*) FROM reviews") == seen, (side, company)


async def test_a_file_is_fetched_by_both_sides_and_never_shown_as_a_page(thread: Thread) -> None:
    photo = await thread.photo()
    await thread.take_in(await thread.mail(1, attachments=[photo]))
    log = (await thread.logs())[1]["log"]
    for who in ({}, CLIENT, OPERATOR):
        answer = await thread.house.ask("GET", f"/orders/o1/logs/{log}/attachments/{photo.sha256}", **who)
        assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, PHOTO, "image/jpeg")
        assert answer.headers["content-disposition"] == "attachment; filename*=utf-8''Schaden%20%3C1%3E.jpg"
        assert answer.headers["x-content-type-options"] == "nosniff"
    first = (await thread.logs())[0]["log"]
    for path in (f"logs/{log}/attachments/{'0' * 64}", f"logs/{first}/attachments/{photo.sha256}", f"logs/x/attachments/{photo.sha256}"):
        assert (await thread.house.ask("GET", f"/orders/o1/{path}")).status_code == 404
    refused = await send(thread.house, (await thread.house.rows("SELECT id FROM correspondences"))[0]["id"], "s9", documents=[photo.sha256])
    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_document")


async def test_a_suppliers_reply_is_seen_also_where_unsent_logs_are_not(thread: Thread) -> None:
    await thread.house.ask("PUT", "/log-types", {"types": ["General"], "visible_unsent": False}, **OPERATOR)
    await thread.take_in(await thread.mail(1, from_address="sam@seller.example"))
    assert [one["origin"] for one in await thread.logs(**CLIENT)] == ["portal", "e-mail"]


async def test_a_reply_to_what_was_never_sent_or_whose_text_is_gone_is_parked(thread: Thread) -> None:
    good = await thread.mail(1)
    tally = await thread.take_in(
        good,
        await thread.mail(2, correspondence="never-sent"),
        await thread.mail(3, order="o2"),
        (await thread.mail(4)).model_copy(update={"text": Blob(sha256="8" * 64, size=1)}),
    )
    assert (tally.processed, tally.parked) == (1, 3)
    reasons = await thread.house.rows("SELECT reason FROM parked ORDER BY id")
    assert [one["reason"] for one in reasons] == ["invalid", "invalid", "blob_missing"]
    other = await thread.take_in((await thread.mail(5)), tenant="other")
    assert other.parked == 1, "another tenant's event reaches no correspondence of this one"


@pytest.mark.parametrize("role", ["worker", "api"])
@pytest.mark.parametrize("statement", ["DELETE FROM reviews", "UPDATE reviews SET reply = '{}'", "TRUNCATE reviews"])
async def test_no_service_role_can_rewrite_what_came_in(house: House, role: str, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await getattr(house.app.state.wiring, role).execute(statement)
