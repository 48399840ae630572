"""The papers of a correspondence: its PDF, its documents and their links; what can't be had holds up that mail and no other."""

import asyncio
import shutil
from email.message import EmailMessage
from typing import Any

import pytest
from tests.integration.mailer.conftest import World
from tests.integration.mailer.test_mailer_api import ANNA, Door, door
from tests.integration.mailer.test_mailer_composing import LOGS, correspondence, parsed
from tests.integration.mailer.wishes import requested

from mailer_service.pdf import Pdfs
from mailer_service.sender import supply
from postroom.blobs import Blobs
from postroom.contracts.commlog import Attachment, Blob, FrozenLogs

__all__ = ["door"]


async def kept(world: World, logs: FrozenLogs) -> Blob:
    """The set in the store, as commlog-service puts it there."""
    content = logs.model_dump_json().encode()
    return Blob(sha256=await Blobs(world.settings.blobs).put("tenant-a", content), size=len(content))


def part(mail: EmailMessage, kind: str) -> str:
    found = mail.get_body((kind,))
    assert found
    return str(found.get_content()).replace("\r\n", "\n")


async def test_the_pdf_in_the_mail_is_the_one_of_the_preview_byte_for_byte(world: World, door: Door) -> None:
    german = LOGS.model_copy(update={"language": "de", "subject": "Bearbeitet"})
    await world.take_in(await correspondence(world, logs=await kept(world, german), language="de", documents=[]))
    world.start_sender()
    await world.until_states(sent=2, seconds=40)
    (attached,) = parsed(world).iter_attachments()
    assert attached.get_filename() == "communication-logs-4711.pdf"
    answer = await door(ANNA, "POST", "/pdf", json=german.model_dump(mode="json"))
    assert answer.content == attached.get_content()
    assert "Lieferschein" not in part(parsed(world), "plain")
    assert "Anhänge: communication-logs-4711.pdf" in part(parsed(world), "plain")
    assert "Warum Sie das bekommen: Jörg Huber hat Sie als Empfänger gewählt." in part(parsed(world), "plain")


async def test_a_pdf_beyond_the_ceiling_holds_its_mail_and_nothing_else(world: World) -> None:
    """Another correspondence with a PDF and a status message go out while it is tried; the sender of it reads why."""
    world.composer._pdfs = Pdfs(seconds=4, memory=world.settings.pdf_memory)
    heavy = LOGS.model_copy(update={"logs": [LOGS.logs[0].model_copy(update={"message": "a\n\n" * 6_000}) for _ in range(40)]})
    await world.take_in(await correspondence(world, correspondence="corr-heavy", logs=await kept(world, heavy)))
    world.start_sender()
    await asyncio.sleep(0.2)
    await world.take_in(await correspondence(world), requested())
    await world.until_states(sent=3, held=2, seconds=40)
    await world.composer._pdfs.close()
    rows = await world.pool.fetch("SELECT hold_reason, detail FROM envelopes WHERE state = 'held'")
    assert {row["hold_reason"] for row in rows} == {"pdf"}
    told = [one for one in await world.outcomes() if one["correspondence"] == "corr-heavy"]
    assert {(one["state"], one["address"]) for one in told} == {("held", "anna@example.com"), ("held", "typed@example.com")}
    assert told[0]["detail"] == "pdf: no PDF of these 40 logs: not ready after 4 s. Send fewer logs at once, or without the PDF."
    at = [one["at"] for one in await world.outcomes() if one["state"] == "sent"]
    assert max(at) < min(one["at"] for one in told), "the others had gone out before this one was given up"


async def test_a_document_without_room_is_a_link_in_the_mail(world: World) -> None:
    """Its bytes are not asked for: they may lie anywhere that needs sign-in."""
    linked = Attachment(document="d2", filename="Plan <3>.dwg", sha256="0" * 64, size=9_961_472, link=True)
    attached = (await correspondence(world)).data.documents[0]  # type: ignore[attr-defined]
    await world.take_in(await correspondence(world, documents=[attached, linked], attach_pdf=False, reply_to=None))
    world.start_sender()
    await world.until_states(sent=2)
    mail = parsed(world)
    assert [one.get_filename() for one in mail.iter_attachments()] == ["Lieferschein Ä.pdf"]
    url = f"{world.settings.public_url}/sends/corr-1/documents/d2"
    plain = part(mail, "plain")
    assert f"To be opened after signing in:\n- Plan <3>.dwg (9.5\u00a0MB)\n  {url}" in plain
    assert "Answer this mail" not in plain
    assert f'<a href="{url}"' in part(mail, "html")
    assert "Plan &lt;3&gt;.dwg" in part(mail, "html")


async def test_a_store_that_is_away_is_tried_again_and_holds_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supply, "AWAY_SECONDS", 0.2)
    wish = await correspondence(world, attach_pdf=False)
    folder = world.settings.blobs
    shutil.move(folder, f"{folder}-away")
    await world.take_in(wish, requested())
    world.start_sender()

    async def others_are_sent() -> bool:
        return (await world.states()).get("sent") == 1

    await world.until(others_are_sent)
    await asyncio.sleep(0.5)
    assert set(await world.states()) <= {"sent", "pending", "leased"}, "transient, so not held"
    shutil.move(f"{folder}-away", folder)
    await world.until_states(sent=3)


async def test_a_blob_of_another_size_than_was_told_is_not_sent(world: World) -> None:
    told: Any = (await correspondence(world)).data
    wrong = told.documents[0].model_copy(update={"size": 1})
    await world.take_in(await correspondence(world, documents=[wrong], attach_pdf=False))
    world.start_sender()
    await world.until_states(held=2)
    assert "Lieferschein Ä.pdf has 12 bytes" in (await world.outcomes())[0]["detail"]


async def test_a_preview_that_can_not_be_made_says_why_and_what_helps(door: Door) -> None:
    endless = LOGS.model_copy(update={"logs": [LOGS.logs[0].model_copy(update={"message": "中" * 20_000})] * 150})
    answer = await door(ANNA, "POST", "/pdf", json=endless.model_dump(mode="json"))
    assert (answer.status_code, answer.json()["code"]) == (422, "pdf_failed")
    assert answer.json()["detail"].startswith("There is no PDF of these 150 logs: ValueError: its page has ")
    assert answer.json()["detail"].endswith("Send fewer logs at once, or without the PDF.")
    assert (await door(ANNA, "POST", "/pdf", json=LOGS.model_dump(mode="json"))).status_code == 200
