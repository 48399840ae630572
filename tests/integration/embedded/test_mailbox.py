"""The mailbox as its clients meet it: SMTP on one side, Mailpit's API and pages on the other."""

import smtplib
import socket
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest

from embedded.mailbox.server import Mailbox


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mailbox]:
    with Mailbox(tmp_path_factory.mktemp("mailbox")) as server:
        yield server


@pytest.fixture
def api(box: Mailbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=box.url) as client:
        client.delete("/api/v1/messages").raise_for_status()
        yield client


def send(box: Mailbox, *recipients: str, subject: str = "Hello", body: str = "Text", html: str = "") -> dict[str, tuple[int, bytes]]:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Anna <anna@buyer.test>", recipients[0], subject
    message["Message-ID"] = f"<{''.join(filter(str.isalnum, subject))}@postroom.test>"
    message.set_content(body)
    if html:
        message.add_alternative(html, subtype="html")
        message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="logs.pdf")
    with smtplib.SMTP("127.0.0.1", box.smtp_port) as client:
        try:
            return client.send_message(message, "bounces@postroom.test", recipients)
        except smtplib.SMTPRecipientsRefused as refusal:
            return refusal.recipients


def search(api: httpx.Client, query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get("/api/v1/search", params={"query": query}).raise_for_status().json()["messages"]
    return found


def test_the_summary_has_mailpits_shape(box: Mailbox, api: httpx.Client) -> None:
    for number in range(3):
        send(box, "bob@buyer.test", subject=f"number {number}")
    page = api.get("/api/v1/messages", params={"start": 1, "limit": 1}).json()
    assert {key: page[key] for key in ("total", "unread", "count", "messages_count", "start")} == {
        "total": 3,
        "unread": 3,
        "count": 1,
        "messages_count": 3,
        "start": 1,
    }
    [row] = page["messages"]
    assert row["Subject"] == "number 1", "newest first"
    assert row["From"] == {"Name": "Anna", "Address": "anna@buyer.test"}
    assert row["To"] == [{"Name": "", "Address": "bob@buyer.test"}]
    assert row["MessageID"] == "number1@postroom.test"
    assert (row["Read"], row["Attachments"], row["Snippet"]) == (False, 0, "Text")
    assert api.get("/api/v1/info").json()["Messages"] == 3


def test_a_message_has_mailpits_shape_and_counts_as_read(box: Mailbox, api: httpx.Client) -> None:
    send(box, "bob@buyer.test", "hidden@buyer.test", subject="whole", html="<p>Hi</p>")
    message = api.get("/api/v1/message/latest").json()
    assert message["Subject"] == "whole"
    assert (message["Text"].strip(), message["HTML"].strip()) == ("Text", "<p>Hi</p>")
    assert message["Bcc"] == [{"Name": "", "Address": "hidden@buyer.test"}]
    assert message["ReturnPath"] == "bounces@postroom.test"
    [attached] = message["Attachments"]
    assert (attached["FileName"], attached["ContentType"], attached["Size"]) == ("logs.pdf", "application/pdf", 4)
    path = f"/api/v1/message/{message['ID']}"
    assert api.get(f"{path}/part/{attached['PartID']}").content == b"%PDF"
    assert api.get(f"{path}/headers").json()["Subject"] == ["whole"]
    assert b"Subject: whole" in api.get(f"{path}/raw").content
    assert search(api, "is:read")[0]["ID"] == message["ID"]


def test_unknown_ids_and_empty_searches_are_named_errors(api: httpx.Client) -> None:
    for path, status in {"/api/v1/message/none": 404, "/api/v1/message/latest": 404, "/api/v1/search": 400, "/mail/none": 404}.items():
        answer = api.get(path)
        assert (path, answer.status_code) == (path, status)
        assert answer.text


def test_search_and_delete(box: Mailbox, api: httpx.Client) -> None:
    send(box, "bob@buyer.test", subject="keep")
    send(box, "carol@buyer.test", "dave@buyer.test", subject="lose")
    [lost] = search(api, "to:dave subject:lose")
    assert search(api, "to:bob -subject:keep") == []
    api.request("DELETE", "/api/v1/messages", json={"IDs": [lost["ID"]]}).raise_for_status()
    assert [row["Subject"] for row in api.get("/api/v1/messages").json()["messages"]] == ["keep"]


def test_what_was_answered_250_survives_kill_9(tmp_path: Path) -> None:
    box = Mailbox(tmp_path)
    box.start()
    try:
        for number in range(20):
            send(box, "bob@buyer.test", subject=f"kept {number}")
        box.kill()
        box.start()
        assert httpx.get(f"{box.url}/api/v1/info").json()["Messages"] == 20
    finally:
        box.stop()


def exchange(box: Mailbox, sent: bytes) -> list[str]:
    """Write everything at once, and give all reply lines until the server closes."""
    with socket.create_connection(("127.0.0.1", box.smtp_port), timeout=20) as connection:
        connection.sendall(sent)
        return b"".join(iter(lambda: connection.recv(65_536), b"")).decode().splitlines()


def test_commands_written_at_once_are_answered_in_order(box: Mailbox, api: httpx.Client) -> None:
    mail = b"MAIL FROM:<a@b.test> BODY=8BITMIME\r\nRCPT TO:<c@d.test>\r\nDATA\r\nSubject: piped %d\r\n\r\n..dot\r\n.\r\n"
    replies = exchange(box, b"EHLO me\r\n" + b"".join(mail % number for number in range(50)) + b"QUIT\r\n")
    codes = [line[:3] for line in replies if line[3] == " "]
    assert codes == ["220", "250", *["250", "250", "354", "250"] * 50, "221"]
    assert {"250-PIPELINING", "250-8BITMIME", "250-SMTPUTF8"} <= set(replies)
    found = api.get("/api/v1/messages", params={"limit": 100}).json()["messages"]
    assert [row["Subject"] for row in reversed(found)] == [f"piped {number}" for number in range(50)]
    assert api.get("/api/v1/message/latest").json()["Text"] == ".dot\r\n"


@pytest.mark.parametrize(
    "content", [b"", b"\r\n", b"a\r\n", b"ab\r\n", b"abc\r\n", b"\r\n\r\nx\r\n", b"..\r\n", b"x: \xc3\xa4\r\n\r\n\xc3\xa4\r\n"]
)
def test_every_content_comes_out_as_it_went_in(box: Mailbox, api: httpx.Client, content: bytes) -> None:
    exchange(box, b"EHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n" + content + b".\r\nQUIT\r\n")
    undoubled = b".\r\n" if content == b"..\r\n" else content
    assert api.get("/api/v1/message/latest/raw").content == undoubled


@pytest.mark.parametrize(
    ("commands", "code"),
    [
        (b"DATA\r\n", "503"),
        (b"RCPT TO:<a@b.test>\r\n", "503"),
        (b"MAIL FROM:<a@b.test> SIZE=99999999\r\n", "552"),
        (b"MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n" + b"x" * 1100 + b"\r\n.\r\n", "500"),
        (b"NONSENSE\r\n", "500"),
    ],
)
def test_a_wrong_dialogue_is_refused_by_the_right_code(box: Mailbox, commands: bytes, code: str) -> None:
    replies = exchange(box, b"EHLO me\r\n" + commands + b"QUIT\r\n")
    assert replies[-2][:3] == code


def test_recipients_can_ask_for_a_fault(box: Mailbox, api: httpx.Client) -> None:
    assert send(box, "bounce-1@buyer.test")["bounce-1@buyer.test"][0] == 550
    assert send(box, "defer-1@buyer.test")["defer-1@buyer.test"][0] == 451
    assert send(box, "defer-1@buyer.test") == {}
    began = time.monotonic()
    assert send(box, "slow-1@buyer.test") == {}
    assert time.monotonic() - began >= 3
    assert api.get("/api/v1/info").json()["Messages"] == 2


def test_a_mails_html_can_run_nothing_and_load_nothing(box: Mailbox, api: httpx.Client) -> None:
    send(box, "bob@buyer.test", subject="<script>alert(1)</script>", html='<script>alert(2)</script><a href="https://x.test">x</a>')
    mail = api.get("/api/v1/message/latest").json()["ID"]
    page, body = api.get(f"/mail/{mail}"), api.get(f"/mail/{mail}/body")
    assert "<script>alert" not in page.text
    assert "unsafe-inline" not in page.headers["Content-Security-Policy"]
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page.text
    policy = body.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-popups ")
    assert "allow-scripts" not in policy
    assert "default-src 'none'" in policy


def test_the_pages_show_list_search_and_each_tab(box: Mailbox, api: httpx.Client) -> None:
    for number in range(60):
        send(box, "bob@buyer.test", subject=f"mail {number}")
    send(box, "carol@buyer.test", subject="rich", html="<p>Hi</p>")
    assert "Page 1 of 2" in api.get("/").text
    assert "mail 0<" in api.get("/", params={"page": 2}).text
    found = api.get("/", params={"query": "to:carol"}).text
    assert "1 of 61 mails" in found
    mail = search(api, "to:carol")[0]["ID"]
    expected = {"html": "<iframe", "text": "Text", "headers": "postroom.test", "attachments": "logs.pdf", "raw": "MIME-Version"}
    for tab, words in expected.items():
        assert words in api.get(f"/mail/{mail}", params={"tab": tab}).text
