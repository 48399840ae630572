"""Documents of a correspondence: attached while they find room in the mail, else opened after signing in; and the language of it all."""

from pathlib import Path
from typing import Any

import orjson
from tests.integration.commlog.acts import CLIENT, RIVAL, opened, requests, send
from tests.integration.commlog.conftest import House

from commlog_service.domain.correspondences import DOCUMENT_BYTES
from postroom.blobs import Blobs
from postroom.contracts.commlog import FrozenLogs

BIG = DOCUMENT_BYTES - 1


def put(house: House, *sizes: int) -> None:
    """Documents d0, d1, … of these sizes on the order."""
    house.neighbours.add("o1")
    rows = [{"document": f"d{n}", "filename": f"Plan {n} Ä.pdf", "media_type": "text/html", "size": size} for n, size in enumerate(sizes)]
    house.neighbours.documents["o1"] += [{**row, "sha256": "1" * 64} for row in rows]


def stored(house: House, digest: str) -> list[Path]:
    """Where these bytes lie."""
    return list(Path(house.settings.blobs).rglob(digest))


async def test_the_caps_are_told_before_sending(house: House) -> None:
    put(house, BIG)
    window = await opened(house)
    assert window["limits"] == {"document": DOCUMENT_BYTES, "total": 2 * DOCUMENT_BYTES}
    assert [one["size"] for one in window["documents"]] == [4, BIG]


async def test_what_finds_no_room_in_the_mail_goes_as_a_link(house: House) -> None:
    put(house, BIG, BIG, BIG)
    window = await opened(house)
    answer = await send(house, window["id"], documents=["d2", "d0", "d1", "doc-o1"])
    assert answer.status_code == 202, answer.text
    told: list[Any] = [answer.json()["documents"]]
    told.append((await house.ask("GET", "/orders/o1/correspondences", **CLIENT)).json()["correspondences"][0]["documents"])
    told.append((await house.ask("GET", f"/correspondences/{window['id']}")).json()["sends"][0]["documents"])
    [recorded] = await house.rows("SELECT content FROM history JOIN history_contents USING (tenant, order_id, entry) WHERE kind = 'send'")
    told.append(orjson.loads(recorded["content"])["documents"])
    (fact,) = await requests(house)
    told.append([one.model_dump() for one in fact.documents])
    assert [[(one["document"], one["link"]) for one in documents] for documents in told] == [
        [("d2", False), ("d0", False), ("d1", True), ("doc-o1", True)]
    ] * 5


async def test_a_sent_document_is_opened_after_signing_in_also_when_it_was_deleted_since(house: House) -> None:
    put(house, 9)
    window = await opened(house)
    digest = await Blobs(house.settings.blobs).put("acme", b"the bytes")
    house.neighbours.pinned["d0"] = digest
    sent = (await send(house, window["id"], documents=["d0"])).json()["send"]
    house.neighbours.deleted.add("d0")
    house.neighbours.documents["o1"].clear()
    for who in ({}, CLIENT):
        answer = await house.ask("GET", f"/sends/{sent}/documents/d0", **who)
        assert (answer.status_code, answer.content) == (200, b"the bytes")
        assert answer.headers["content-disposition"] == "attachment; filename=\"Plan 0 A.pdf\"; filename*=UTF-8''Plan%200%20%C3%84.pdf"
        assert (answer.headers["content-type"], answer.headers["x-content-type-options"]) == ("text/html", "nosniff")
    assert (await house.ask("GET", f"/sends/{sent}/documents/d0", **RIVAL)).status_code == 404
    assert (await house.ask("GET", f"/sends/{sent}/documents/doc-o1")).status_code == 404, "it wasn't sent with this"
    house.away()
    assert (await house.ask("GET", f"/sends/{sent}/documents/d0", **CLIENT)).status_code == 200, "po-service may be away"
    (path,) = stored(house, digest)
    path.unlink()
    lost = await house.ask("GET", f"/sends/{sent}/documents/d0", **CLIENT)
    assert (lost.status_code, lost.json()["code"]) == (404, "document_lost")


async def test_a_document_deleted_before_sending_is_named_and_nothing_sent(house: House) -> None:
    put(house, 9)
    window = await opened(house)
    house.neighbours.deleted.add("d0")
    answer = await send(house, window["id"], documents=["doc-o1", "d0"])
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (409, "document_deleted", "documents")
    assert "Plan 0 Ä.pdf" in answer.json()["detail"]
    assert await requests(house) == []
    assert (await send(house, window["id"], documents=["doc-o1"])).status_code == 202
    house.neighbours.documents["o1"] = [one for one in house.neighbours.documents["o1"] if one["document"] != "d0"]
    assert [one["document"] for one in (await opened(house))["documents"]] == ["doc-o1"], "a deleted one is not offered again"


async def test_language_and_zone_reach_the_mail_and_the_preview(house: House) -> None:
    window = await opened(house, language="de")
    assert window["subject"] == "Bestellung PO-o1: Kommunikationseintrag"
    spoken = {"language": "de-AT", "zone": "Europe/Vienna"}
    assert (await send(house, window["id"], **spoken)).status_code == 202
    (fact,) = await requests(house)
    assert (fact.language, fact.zone) == ("de-AT", "Europe/Vienna")
    kept = FrozenLogs.model_validate_json(await Blobs(house.settings.blobs).get("acme", fact.logs.sha256))
    assert (kept.language, kept.zone, kept.subject) == ("de-AT", "Europe/Vienna", "Edited")
    preview = await house.ask("POST", f"/correspondences/{window['id']}/pdf", {"subject": "Edited", **spoken})
    assert FrozenLogs.model_validate_json(preview.content.removeprefix(b"%PDF-")) == kept, "the preview is made of what is sent"
    assert preview.headers["content-disposition"] == 'attachment; filename="communication-logs-PO-o1.pdf"'
    for wrong, field in (({"zone": "Europe"}, "zone"), ({"language": "../de"}, "language")):
        for path in ("send", "pdf"):
            body = {"subject": "x", **({"to": ["a@b.example"]} if path == "send" else {}), **wrong}
            answer = await house.ask("POST", f"/correspondences/{window['id']}/{path}", body, key=f"k-{field}")
            assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text
    assert len(await requests(house)) == 1
