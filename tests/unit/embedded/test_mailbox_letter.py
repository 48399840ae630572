"""A mail is read leniently: names, dates, encodings and parts as people sent them."""

from email.message import EmailMessage

import pytest

from embedded.mailbox.letter import Letter
from embedded.mailbox.record import Envelope
from embedded.mailbox.search import Query, entry


def letter(raw: bytes, *recipients: str) -> Letter:
    return Letter(Envelope("id", 1_795_000_000.0, "bounces@postroom.test", recipients or ("bob@buyer.test",)), raw)


def full_mail() -> bytes:
    message = EmailMessage()
    message["From"] = "Zoë Ångström <zoe@supplier.test>"
    message["To"] = "Bob <bob@buyer.test>, carol@buyer.test"
    message["Subject"] = "Wrong delivery: 8 of 10 pcs – order 4321"
    message["Message-ID"] = "<7f@postroom.test>"
    message["Date"] = "Mon, 23 Nov 2026 08:00:00 +0100"
    message.set_content("Eight pieces came, ten were ordered.")
    message.add_alternative('<p>Eight <img src="cid:logo@x"> came</p>', subtype="html")
    message.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="Lieferschein ü.pdf")
    return message.as_bytes()


def test_headers_texts_and_attachments_are_taken_apart() -> None:
    mail = letter(full_mail())
    assert mail.addresses("From") == [("Zoë Ångström", "zoe@supplier.test")]
    assert [address for _, address in mail.addresses("To")] == ["bob@buyer.test", "carol@buyer.test"]
    assert mail.header("Subject") == "Wrong delivery: 8 of 10 pcs – order 4321"
    assert mail.message_id == "7f@postroom.test"
    assert mail.date.isoformat() == "2026-11-23T08:00:00+01:00"
    assert mail.text.strip() == "Eight pieces came, ten were ordered."
    assert mail.html.startswith("<p>Eight")
    [attached] = mail.attachments
    assert (attached.filename, attached.content_type, attached.content) == ("Lieferschein ü.pdf", "application/pdf", b"%PDF-1.7")


def test_a_recipient_that_no_header_names_is_bcc() -> None:
    mail = letter(full_mail(), "BOB@buyer.test", "hidden@buyer.test")
    assert mail.bcc == [("", "hidden@buyer.test")]


def test_a_copy_says_for_whom_of_its_addressees_it_is() -> None:
    assert letter(full_mail(), "BOB@buyer.test").delivered_to == [("Bob", "BOB@buyer.test")]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no header at all",
        b"Date: yesterday\r\nSubject: =?nonsense?Q?x?=\r\n\r\nx",
        b"Content-Type: text/plain; charset=klingon\r\n\r\n\xff\xfe",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary",
        b"From: =?utf-8?B?////?=\r\nTo: <<>>, ,;\r\n\r\n",
    ],
)
def test_a_broken_mail_can_still_be_looked_at(raw: bytes) -> None:
    mail = letter(raw)
    assert mail.date == mail.received
    assert isinstance(mail.text + mail.html + mail.snippet + mail.header("Subject"), str)
    assert not Query("to:nobody").fits(entry(mail), read=False)


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ("pieces", True),
        ('"ten were ordered"', True),
        ('"were ten"', False),
        ("to:bob@buyer.test", True),
        ("to:zoe", False),
        ("from:ångström", True),
        ("subject:4321 to:carol", True),
        ("subject:4321 -to:carol", False),
        ("!lieferschein", False),
        ("message-id:<7f@postroom.test>", True),
        ("has:attachment is:unread", True),
        ("is:read", False),
        ("bcc:bob", False),
        ("addressed:zoe", True),
        ('"not closed', False),
        ("", True),
    ],
)
def test_search_finds_what_mailpit_would(query: str, *, fits: bool) -> None:
    assert Query(query).fits(entry(letter(full_mail())), read=False) is fits


def test_search_finds_a_hidden_recipient_by_to_and_by_bcc() -> None:
    mail = letter(full_mail(), "hidden@buyer.test")
    assert Query("to:hidden@buyer.test").fits(entry(mail), read=False)
    assert Query("bcc:hidden").fits(entry(mail), read=False)
