"""What can't be composed is held, visibly, and stops nothing else; correspondences carry their logs, documents and PDF."""

from email import message_from_bytes, policy
from email.errors import HeaderParseError
from email.message import EmailMessage
from hashlib import sha256
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader
from tests.integration.mailer.conftest import World
from tests.integration.mailer.wishes import requested

from mailer_service.customer.templates import Templates
from postroom.blobs import Blobs
from postroom.contracts import event, ids
from postroom.contracts.commlog import (
    Attachment,
    Author,
    Blob,
    CorrespondenceRecipient,
    CorrespondenceRequested,
    FrozenLog,
    FrozenLogs,
    LogCreated,
)
from postroom.contracts.event import Event
from postroom.contracts.purchasing import OrderRef

ORDER = OrderRef(id="order-1", number="4711", supplier="Bürobedarf Huber GmbH")
AUTHOR = Author(person="huber", name="Jörg Huber", company="Bürobedarf Huber GmbH", side="supplier")
AT = "2026-11-20T08:00:00Z"
LOGS = FrozenLogs(
    order=ORDER,
    buyer="City of Vienna",
    subject="Purchase order 4711",
    zone="Europe/Vienna",
    logs=[FrozenLog(log="log-1", log_type="Delivery", message="Thursday,\nnot <b>Tuesday</b>. Žluťoučký", author=AUTHOR, created_at=AT)],
)


async def correspondence(world: World, *, document: bytes = b"%PDF-1.7 ...", **changes: Any) -> Event:
    """A correspondence to two people, its logs and document in the blob folder."""
    blobs = Blobs(world.settings.blobs)
    frozen = LOGS.model_dump_json().encode()
    fields: dict[str, Any] = {
        "correspondence": "corr-1",
        "order": ORDER,
        "buyer": "City of Vienna",
        "subject": "Order 4711 – Lieferung verschoben",
        "sender": AUTHOR,
        "scope": "all",
        "logs": Blob(sha256=await blobs.put("tenant-a", frozen), size=len(frozen)),
        "log_count": 1,
        "documents": [
            Attachment(
                document="d1",
                filename="Lieferschein Ä.pdf",
                media_type="application/pdf",
                sha256=await blobs.put("tenant-a", document),
                size=len(document),
            )
        ],
        "recipients": [
            CorrespondenceRecipient(address="anna@example.com", name="Anna Maier", kind="contact", person="anna"),
            CorrespondenceRecipient(address="typed@example.com"),
        ],
        "attach_pdf": True,
        "reply_to": "joerg@huber.example",
        "zone": "Europe/Vienna",
        "requested_at": AT,
    }
    data = CorrespondenceRequested(**{**fields, **changes})
    return event.new(data, source="commlog-service", subject=data.correspondence, tenant="tenant-a", key="order-1")


def parsed(world: World, number: int = 0) -> EmailMessage:
    mail = message_from_bytes(world.sink.taken[number][1], policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


async def test_a_correspondence_is_one_message_with_an_envelope_for_each_recipient(world: World) -> None:
    wish = await correspondence(world)
    await world.take_in(wish)
    world.start_sender()
    await world.until_states(sent=2, seconds=40)
    assert sorted(to for to, _ in world.sink.taken) == ["anna@example.com", "typed@example.com"]
    assert len({body for _, body in world.sink.taken}) == 1
    mail = parsed(world)
    assert mail["Message-ID"] == f"<{ids.stable('correspondence', 'corr-1')}@localhost.localdomain>"
    assert mail["Subject"] == "Order 4711 – Lieferung verschoben"
    assert str(mail["To"]) == "Anna Maier <anna@example.com>, typed@example.com"
    assert str(mail["Reply-To"]) == "joerg@huber.example", "an answer goes to who wrote, not to Postroom"
    assert "not <b>Tuesday</b>" in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "not &lt;b&gt;Tuesday&lt;/b&gt;" in mail.get_body(("html",)).get_content()  # type: ignore[union-attr]
    document, pdf = list(mail.iter_attachments())
    assert (document.get_filename(), document.get_content()) == ("Lieferschein Ä.pdf", b"%PDF-1.7 ...")
    text = PdfReader(BytesIO(pdf.get_content())).pages[0].extract_text()
    for words in (
        "4711",
        "City of Vienna",
        "Bürobedarf Huber GmbH",
        "Delivery",
        "Jörg Huber",
        "20 Nov 2026, 09:00",
        "Žluťoučký",
        "page 1 of 1",
    ):
        assert words in text
    outcomes = await world.outcomes()
    assert {(one["correspondence"], one["state"], one["person"]) for one in outcomes} == {
        ("corr-1", "sent", "anna"),
        ("corr-1", "sent", None),
    }


async def test_a_missing_document_holds_the_mail_and_never_sends_without_it(world: World) -> None:
    gone = Attachment(document="d2", filename="gone.pdf", sha256="0" * 64, size=3)
    await world.take_in(await correspondence(world, documents=[gone], attach_pdf=False), requested())
    world.start_sender()
    await world.until_states(held=2, sent=1)
    held, _ = await world.pool.fetch("SELECT hold_reason, detail FROM envelopes WHERE state = 'held'")
    assert held["hold_reason"] == "blob"
    assert "gone.pdf" in held["detail"]
    told = [(one["correspondence"], one["address"]) for one in await world.outcomes() if one["state"] == "held"]
    assert sorted(told) == [("corr-1", "anna@example.com"), ("corr-1", "typed@example.com")]


async def test_a_saved_log_alone_sends_nothing(world: World) -> None:
    saved = LogCreated(log="log-1", order=ORDER, log_type="Delivery", message="hello", author=AUTHOR, created_at=AT)
    await world.take_in(event.new(saved, source="commlog-service", subject="log-1", tenant="tenant-a", key="order-1"))
    assert await world.pool.fetchval("SELECT count(*) FROM messages") == 0
    assert await world.pool.fetchval("SELECT count(*) FROM intake") == 1


async def test_a_type_without_template_is_held_until_it_has_one(world: World) -> None:
    await world.take_in(requested(message_type="welcome-to-mars", message="m-mars"), requested())
    world.start_sender()
    await world.until_states(held=1, sent=1)
    assert (await world.envelope("m-mars"))["hold_reason"] == "template"
    await world.stop_senders()
    await world.pool.execute("UPDATE messages SET message_type = 'wrong-delivery' WHERE id = 'm-mars'")
    await world.pool.execute("UPDATE envelopes SET message_type = 'wrong-delivery' WHERE message = 'm-mars'")
    world.start_sender()
    await world.until_states(sent=2)


async def test_facts_that_a_template_can_not_show_are_held_with_the_reason(world: World) -> None:
    await world.take_in(requested(message="m-bad", facts={"order": {"number": "1"}}), requested())
    world.start_sender()
    await world.until_states(held=1, sent=1)
    held = await world.envelope("m-bad")
    assert held["hold_reason"] == "render"
    assert "lines" in held["detail"]


@pytest.mark.parametrize("error", [AttributeError("no such thing"), IndexError("out of range"), HeaderParseError("no header")])
async def test_a_fault_of_ours_over_one_mail_holds_that_one_and_all_others_go(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Found by reading: what nobody had thought of was tried again twice a second, and nothing else was taken."""
    mail = Templates.mail

    async def fails_on_one(self: Templates, message: dict[str, Any]) -> Any:
        if message["id"] == "m-bad":
            raise error
        return await mail(self, message)

    monkeypatch.setattr(Templates, "mail", fails_on_one)
    await world.take_in(requested(message="m-bad"), requested(), requested(message="m-next"))
    world.start_sender()
    await world.until_states(held=1, sent=2)
    held = await world.envelope("m-bad")
    assert (held["hold_reason"], held["detail"]) == ("render", f"{type(error).__name__}: {error}")


async def test_why_there_is_no_mail_is_kept(world: World) -> None:
    await world.take_in(
        requested(message="m-none", email=None),
        requested(message="m-inbox", channels=("inbox",)),
        requested(message="m-odd", email="not an address"),
    )
    rows = await world.pool.fetch("SELECT id, unmailed FROM messages")
    assert {row["id"]: row["unmailed"] for row in rows} == {
        "m-none": "the person has no e-mail address",
        "m-inbox": "in-app only: the rule names no e-mail for this message",
        "m-odd": "the address 'not an address' can't take mail",
    }
    assert await world.pool.fetchval("SELECT count(*) FROM inbox") == 3
    assert await world.states() == {}


async def test_the_hash_is_of_the_exact_bytes(world: World) -> None:
    await world.ask("anna@example.com")
    world.start_sender()
    await world.until_states(sent=1)
    assert await world.pool.fetchval("SELECT sha256 FROM rendered") == sha256(world.sink.taken[0][1]).hexdigest()
