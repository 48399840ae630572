"""A client answers a correspondence by mail, in a whole house: the reply joins the thread; what a person must see first is held."""

import smtplib
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from rich.console import Console
from tests.e2e import orders
from tests.e2e.conftest import House

from embedded.demo import cast, scenes
from embedded.demo.door import until
from embedded.demo.stage import Stage

PHOTO = b"\xff\xd8\xff the damaged corner"


class Thread:
    """A correspondence of Frida's to a contact of the client's, as that person's mail program sees it."""

    def __init__(self, house: House) -> None:
        stage = Stage(house.door, Console(quiet=True))
        scenes.set_the_scene(stage)
        self.house, self.door = house, house.door
        self.paper = orders.place(house.door)
        self.order = self.paper.id
        self.subject = f"Two desks late {uuid4().hex[:8]}"
        log = self._post(cast.FRIDA, f"/api/orders/{self.order}/logs", {"type": "Delivery", "message": self.subject})["log"]
        window = self._post(cast.FRIDA, f"/api/orders/{self.order}/correspondences", {"scope": "latest", "log": log})
        contact = next(one for one in window["contacts"] if one["side"] == "client" and one["email"])
        self.contact, self.address = contact["name"], contact["email"]
        body = {"contacts": [contact["person"]], "subject": self.subject}
        self.send = self._post(cast.FRIDA, f"/api/correspondences/{window['id']}/send", body)["send"]
        mail = until("the mail", lambda: next(iter(self.door.mails(self.address, self.subject)), None))
        raw = httpx.get(f"{house.endpoints['mailbox_url']}/api/v1/message/{mail['ID']}", timeout=10).json()
        self.reply_to: str = raw["ReplyTo"][0]["Address"]

    def _post(self, who: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return self.door.call(who, "POST", path, json=body, headers={"Idempotency-Key": uuid4().hex})

    def answer(self, sender: str, text: str, *, message_id: str = "", photo: bool = False, **headers: str) -> EmailMessage:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = sender, self.reply_to, f"Re: {self.subject}"
        mail["Message-ID"] = message_id or f"<{uuid4().hex}@stadtwerke.example>"
        for name, value in headers.items():
            mail[name.replace("_", "-")] = value
        mail.set_content(f"{text}\n\nOn Fri, Nov 27, 2026 at 9:15 AM Postroom <postroom@postroom.example>\nwrote:\n\n> {self.subject}\n")
        if photo:
            mail.add_attachment(PHOTO, maintype="image", subtype="jpeg", filename="corner.jpg")
        return mail

    def deliver(self, *mails: EmailMessage) -> None:
        port = urlsplit(self.house.endpoints["inbound_smtp"]).port
        with smtplib.SMTP("127.0.0.1", port or 0, timeout=30) as client:
            for mail in mails:
                client.send_message(mail, from_addr="someone@stadtwerke.example", to_addrs=[self.reply_to])

    def replies(self, who: str, text: str) -> list[dict[str, Any]]:
        logs = self.door.get(who, f"/api/orders/{self.order}/logs")["logs"]
        return [one for one in logs if one["message"] == text]

    def held(self, text: str) -> dict[str, Any]:
        reviews = until("the review", lambda: [one for one in self._reviews() if one["message"] == text] or None)
        (one,) = reviews
        return dict(one)

    def _reviews(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.door.get(cast.FRIDA, f"/api/orders/{self.order}/reviews")["reviews"]
        return found


@pytest.fixture(scope="module")
def thread(house: House) -> Thread:
    return Thread(house)


def test_item_25_a_reply_by_mail_joins_the_thread_once(thread: Thread, tmp_path: Path) -> None:
    """Without what it quotes, with its file, which is no document of the order; the other side is told in its inbox."""
    text = f"Thursday is fine {uuid4().hex[:6]}"
    mail = thread.answer(f"Whoever <{thread.address.upper()}>", text, photo=True)
    thread.deliver(mail, mail)
    (reply,) = until("the reply", lambda: thread.replies(cast.FRIDA, text) or None)
    assert (reply["log_type"], reply["origin"], reply["accepted_by"]) == ("Reply", "e-mail", None)
    assert (reply["author"]["name"], reply["author"]["side"]) == (thread.contact, "client")
    (file,) = reply["attachments"]
    for who in (cast.FRIDA, cast.CLARA):
        assert thread.replies(who, text) == [reply], "both sides see the same, once"
        assert thread.door.get(who, f"/api/orders/{thread.order}/logs/{reply['log']}/attachments/{file['sha256']}") == PHOTO
    documents = thread.door.get(cast.FRIDA, f"/api/orders/{thread.order}/documents")["documents"]
    assert "corner.jpg" not in {one["filename"] for one in documents}
    (told,) = until("the inbox", lambda: [one for one in _inbox(thread) if text in one["text"]] or None)
    assert (told["message_type"], told["sender"]) == ("new-communication-log", thread.contact)


def _inbox(thread: Thread) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = thread.door.get(cast.FRIDA, "/api/inbox", limit=20)["messages"]
    return found


def test_item_25_what_a_person_must_see_first_is_held_and_decided_once(thread: Thread) -> None:
    """An out-of-office and a stranger: nothing on the order, until somebody of the side that wrote lets the stranger's in."""
    out, strange = f"I am away {uuid4().hex[:6]}", f"May I come on Friday? {uuid4().hex[:6]}"
    thread.deliver(
        thread.answer(thread.address, out, Auto_Submitted="auto-replied"), thread.answer("Eve <eve@carrier.example>", strange, photo=True)
    )
    away, stranger = thread.held(out), thread.held(strange)
    assert (away["reason"], stranger["reason"]) == ("automatic", "unknown_sender")
    assert thread.replies(cast.FRIDA, out) == thread.replies(cast.CLARA, strange) == []
    reviews = thread.house.postroom_json("status")["services"]["commlog-service"]["reviews"]
    assert reviews["automatic"] >= 1
    assert reviews["unknown_sender"] >= 1
    path = f"/api/reviews/{stranger['review']}/accept"
    accepted = [thread.door.call(cast.FRIDA, "POST", path) for _ in range(2)]
    assert accepted[0]["log"] == accepted[1]["log"]
    assert thread.door.call(cast.FRIDA, "POST", f"/api/reviews/{away['review']}/discard")["state"] == "discarded"
    (reply,) = thread.replies(cast.CLARA, strange)
    assert (reply["author"]["name"], reply["accepted_by"]["name"]) == ("eve@carrier.example", "Frida Lund")
    assert thread.replies(cast.CLARA, out) == []


def test_a_stranger_reaches_neither_reviews_nor_files(thread: Thread) -> None:
    """A rival supplier's token, with the real ids: 404, and not a word."""
    text = f"For Frida alone {uuid4().hex[:6]}"
    thread.deliver(thread.answer("Eve <eve@carrier.example>", text, photo=True))
    held = thread.held(text)
    digest = held["attachments"][0]["sha256"]
    log = thread.door.call(cast.FRIDA, "POST", f"/api/reviews/{held['review']}/accept")["log"]
    thread.door.call(scenes.OPERATOR, "PUT", "/api/companies/rival", json={"name": "Rival AS", "side": "supplier"})
    clerk = {"name": "Rival Clerk", "email": "c@rival.example", "company": "rival"}
    thread.door.call(scenes.OPERATOR, "PUT", "/api/people/rival.clerk", json=clerk)
    token = until("a token", lambda: thread.house.postroom("token", "rival.clerk").stdout.strip() or None)
    with httpx.Client(base_url=thread.house.endpoints["gateway_url"], headers={"Authorization": f"Bearer {token}"}, timeout=30) as http:
        for method, path in (
            ("GET", f"/api/orders/{thread.order}/reviews"),
            ("POST", f"/api/reviews/{held['review']}/accept"),
            ("POST", f"/api/reviews/{held['review']}/discard"),
            ("GET", f"/api/orders/{thread.order}/logs/{log}/attachments/{digest}"),
        ):
            answer = http.request(method, path)
            assert (answer.status_code, text in answer.text) == (404, False), (method, path)
