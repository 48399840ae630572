"""Header fields as mail systems really write them: which mails a machine wrote, and which a person."""

from email import message_from_string

import pytest

from mailer_service.domain import automatic
from mailer_service.inbound import headers

MACHINES = {
    "Exchange, out of office": "From: Anna <anna@x.example>\nSubject: Automatic reply: Order\nAuto-Submitted: auto-generated\n"
    "X-Auto-Response-Suppress: All\nX-MS-Exchange-Generated-Message-Source: Mailbox Rules Agent",
    "Exchange, German": "From: Anna <anna@x.example>\nSubject: =?utf-8?q?Automatische_Antwort=3A_Bestellung?=",
    "Gmail, vacation": "From: anna@gmail.example\nAuto-Submitted: auto-replied\nPrecedence: bulk\nX-Autoreply: yes",
    "Sieve (RFC 5230)": "From: anna@x.example\nAuto-Submitted: auto-replied (vacation)",
    "owner-email (RFC 5436)": 'From: anna@x.example\nAuto-Submitted: auto-notified; owner-email="a@x.example"',
    "vacation(1)": "From: anna@x.example\nPrecedence: junk\nSubject: away from my mail",
    "Lotus Notes": "From: anna@x.example\nSubject: Out of Office AutoReply: Order",
    "cPanel": "From: anna@x.example\nX-Autorespond: Order\nPrecedence: auto_reply",
    "Postfix bounce": "From: MAILER-DAEMON@mx.example (Mail Delivery System)\nSubject: Undelivered Mail Returned to Sender\n"
    "Auto-Submitted: auto-replied\nContent-Type: multipart/report; report-type=delivery-status; boundary=b",
    "Exim bounce": "From: Mail Delivery System <Mailer-Daemon@mx.example>\nX-Failed-Recipients: b@x.example",
    "Exchange bounce": "From: postmaster@x.example\nContent-Type: multipart/report; report-type=delivery-status; boundary=b",
    "read receipt": "From: anna@x.example\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b",
    "mailing list": "From: anna@x.example\nList-Id: <all.x.example>\nPrecedence: list",
    "newsletter": "From: news@x.example\nList-Unsubscribe: <https://x.example/u>",
    "ticket system": "From: Support <no-reply@x.example>\nSubject: [#4711] we have received your request",
    "ticket system with a tag": "From: noreply+4711@x.example",
    "Return-Path": "Return-Path: <>\nFrom: anna@x.example",
    "French": "From: anna@x.example\nSubject: =?iso-8859-1?q?R=E9ponse_automatique_=3A_Commande?=",
}
PEOPLE = {
    "Outlook": "From: Anna <anna@x.example>\nSubject: RE: Order\nX-MS-Has-Attach:\nThread-Index: AQ==\nAccept-Language: de-AT, en-US",
    "Gmail": "From: Anna <anna@gmail.example>\nSubject: Re: Order\nIn-Reply-To: <1@x>\nReferences: <1@x>\nMIME-Version: 1.0",
    "a field that says no": "From: anna@x.example\nAuto-Submitted: no\nPrecedence: first-class\nX-Auto-Response-Suppress: None",
    "words like those": "From: anna@x.example\nSubject: Re: Automatic reply to your order, out of office chairs",
    "a person called so": "From: Otto Matic <otto.reply@x.example>\nSubject: Abwesenheit am Donnerstag",
    "empty fields": "From: anna@x.example\nAuto-Submitted:\nPrecedence:\nSubject:",
    "urgent": "From: anna@x.example\nPriority: urgent\nImportance: high\nSubject: AW: WG: Bestellung",
}


def why(source: str, return_path: str = "anna@x.example") -> str:
    mail = message_from_string(source + "\n\nbody")
    fields = headers.fields(mail)
    decoded = {**fields, "subject": [headers.decoded(value) for value in fields.get("subject", [])]}
    return automatic.why(decoded, mail.get_content_type(), headers.sender(fields.get("from", []))[0], return_path)


@pytest.mark.parametrize("name", MACHINES)
def test_a_machine_is_known_and_the_reason_named(name: str) -> None:
    assert why(MACHINES[name])


@pytest.mark.parametrize("name", PEOPLE)
def test_a_person_is_not_taken_for_a_machine(name: str) -> None:
    assert why(PEOPLE[name]) == ""


def test_an_empty_return_path_is_a_machines() -> None:
    assert why(PEOPLE["Gmail"], "") == why(PEOPLE["Gmail"], "<>") == "an empty return path"


def test_the_first_field_that_says_so_is_quoted() -> None:
    assert why(MACHINES["Sieve (RFC 5230)"]) == "Auto-Submitted: auto-replied (vacation)"
    assert why(MACHINES["mailing list"]) == "Precedence: list"
    assert why(MACHINES["ticket system"]) == "From: no-reply@x.example"
