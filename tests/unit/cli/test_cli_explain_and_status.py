"""The two answers that people read most: why, and how it goes."""

from typing import Any

import pytest
from rich.text import Text
from tests.unit.cli.conftest import Cli, FakeGateway

from postroom_cli.status import shown
from postroom_cli.story import tree

ENVELOPE = {
    "envelope": "env-1",
    "address": "otto@acme.example",
    "state": "sent",
    "hold_reason": None,
    "next_attempt_at": None,
    "attempts": [
        {
            "attempt": 1,
            "opened_at": "2026-11-23T09:15:01+00:00",
            "settled_at": None,
            "result": "deferred",
            "code": 451,
            "detail": "try later",
        },
        {
            "attempt": 2,
            "opened_at": "2026-11-23T09:16:01+00:00",
            "settled_at": None,
            "result": "sent",
            "code": 250,
            "detail": "dot: 250 queued",
        },
    ],
}
MESSAGE = {
    "message": "msg-1",
    "message_type": "goods-receipt",
    "subject": "Goods receipt on order 4711",
    "recipient": {"person": "otto", "name": "Otto Orderer", "email": "otto@acme.example", "hop": "orderer"},
    "created_at": "2026-11-23T09:15:00+00:00",
    "envelopes": [ENVELOPE],
}
DECISION = {"decision": "d", "rule": "goods-receipt", "message_type": "goods-receipt", "hop": "orderer", "person": "otto"}
EXPLAINED = {
    "ref": "4711",
    "events": [
        {
            "emitter": "po-service",
            "source": "po-service",
            "id": "ev-1",
            "type": "GoodsReceived.v1",
            "order_number": "4711",
            "accepted_at": "2026-11-23T09:15:00+00:00",
            "decisions": [
                {**DECISION, "outcome": "message", "reason": "booked automatically", "message": MESSAGE},
                {**DECISION, "outcome": "none", "reason": "told before", "person": "olga", "message": None},
            ],
        },
        {"source": "erp", "id": "ev-2", "type": "GoodsReceived.v1", "order_number": "", "accepted_at": None, "decisions": []},
    ],
    "logs": [{"log": "log-1", "log_type": "Delivery", "author": {"name": "Sven"}, "created_at": "2026-11-23T09:00:00+00:00"}],
    "correspondences": [
        {
            "send": "send-1",
            "subject": "Order 4711",
            "sender": {"name": "Sven"},
            "requested_at": "2026-11-23T09:30:00+00:00",
            "recipients": [{"address": "yard@acme.example", "state": "bounced", "code": 550, "detail": "no such user"}],
            "messages": [],
        }
    ],
    "messages": [],
    "parked": [
        {"service": "notification-rules", "id": 7, "reason": "unknown_type", "detail": "no such type", "path": "type", "parked_at": ""}
    ],
}


def test_the_whole_way_of_an_order_is_one_tree(gateway: FakeGateway, cli: Cli) -> None:
    gateway.answers["GET", "/explain/4711"] = (200, EXPLAINED)
    ran = cli("explain", "4711")
    assert ran.code == 0
    lines = [line.lstrip("│ ├└─") for line in ran.out.splitlines()]
    assert lines == [
        "4711",
        "event GoodsReceived.v1 · from po-service · 2026-11-23 09:15:00Z · ev-1",
        "message goods-receipt · → otto · as orderer · booked automatically",
        "message “Goods receipt on order 4711” · to Otto Orderer <otto@acme.example> · 2026-11-23 09:15:00Z · msg-1",
        "sent otto@acme.example",
        "attempt 1 2026-11-23 09:15:01Z · deferred · 451 try later",
        "attempt 2 2026-11-23 09:16:01Z · sent · dot: 250 queued",
        "none goods-receipt · → olga · as orderer · told before",
        "event GoodsReceived.v1 · from erp · ev-2",
        "no decision yet",
        "log Delivery · by Sven · 2026-11-23 09:00:00Z · log-1",
        "correspondence “Order 4711” · by Sven · 2026-11-23 09:30:00Z · send-1",
        "bounced yard@acme.example · 550 no such user",
        "parked notification-rules/7 · unknown_type: no such type · at type",
    ]


ORDER = {
    "id": "o-1",
    "number": "4711",
    "supplier": {"id": "s", "name": "Seller"},
    "buyer": {"id": "b", "name": "Buyer"},
    "issue_date": "2026-11-01",
    "status": "overdue",
    "contract": "C-1",
    "contract_provisional": True,
    "purchaser_contact": None,
    "delivery_notes": 1,
    "goods_receipts": 0,
}
CAME = {"emitter": "peppol", "received_at": "2026-11-23T09:00:00+00:00", "reason": ""}
DOCUMENTS: list[dict[str, Any]] = [
    {**CAME, "id": "sha-1", "kind": "Order", "number": "4711", "order": "o-1", "outcome": "processed"},
    {**CAME, "id": "sha-2", "kind": "OrderChange", "number": "CH-3", "order": None, "outcome": "waiting", "reason": "for change 2"},
]


def test_a_story_begins_with_the_order_and_its_documents(gateway: FakeGateway, cli: Cli) -> None:
    told = {"orders": [ORDER], "documents": DOCUMENTS, "events": [], "parked": EXPLAINED["parked"]}
    gateway.answers["GET", "/explain/4711"] = (200, told)
    lines = [line.lstrip("│ ├└─") for line in cli("explain", "4711").out.splitlines()]
    assert lines == [
        "4711",
        "order 4711 · Seller → Buyer · overdue · of 2026-11-01 · o-1",
        "contract C-1 (provisional) · no purchaser contact · 1 delivery note · no goods receipts",
        "processed Order 4711 · from peppol · 2026-11-23 09:00:00Z",
        "waiting OrderChange CH-3 · for change 2 · from peppol · 2026-11-23 09:00:00Z",
        "parked notification-rules/7 · unknown_type: no such type · at type",
    ]
    assert cli("explain", "4711", "--json").json == {"ref": "4711", **told}


def test_a_story_may_begin_with_a_catalog_or_an_invoice(gateway: FakeGateway, cli: Cli) -> None:
    catalog = {"id": "k-1", "name": "Tools", "supplier_name": "Seller", "version": 2, "items": 40, "managers": [], "notify_on": ["price"]}
    invoice = {
        "id": "i-1", "number": "88", "supplier_name": "Seller", "version": 1, "orders": ["4711"], "provisional": True, "checks": 2,
        "code": "RE PRI", "text": "Rejected: too dear", "checked_at": "2026-11-23T09:00:00Z",
    }  # fmt: skip
    response = {**DOCUMENTS[0], "kind": "InvoiceResponse", "number": "IR-1", "order": None, "invoice": "i-1"}
    gateway.answers["GET", "/explain/88"] = (200, {"catalogs": [catalog], "invoices": [invoice], "documents": [response]})
    lines = [line.lstrip("│ ├└─") for line in cli("explain", "88").out.splitlines()]
    assert lines == [
        "88",
        "catalog Tools · of Seller · version 2 · 40 items · k-1",
        "no managers: the role catalog-manager · told of price only",
        "invoice 88 · of Seller · for 4711 · known by a response only · i-1",
        "2 failed checks · newest RE PRI · Rejected: too dear · 2026-11-23 09:00:00Z",
        "processed InvoiceResponse IR-1 · from peppol · 2026-11-23 09:00:00Z",
    ]


def test_what_waits_is_yellow_and_alone_is_known_enough(gateway: FakeGateway, cli: Cli) -> None:
    gateway.answers["GET", "/explain/4711"] = (200, {"documents": DOCUMENTS[1:]})
    assert cli("explain", "4711").code == 0
    (branch,) = tree("4711", {"documents": DOCUMENTS[1:]}).children
    assert isinstance(branch.label, Text)
    assert [(branch.label.plain[span.start : span.end], span.style) for span in branch.label.spans if span.style] == [("waiting", "yellow")]


def test_a_contact_without_a_name_and_no_contract(gateway: FakeGateway, cli: Cli) -> None:
    order = {**ORDER, "contract": None, "contract_provisional": None, "purchaser_contact": {"person": "p-1", "name": ""}}
    gateway.answers["GET", "/explain/4711"] = (200, {"orders": [order]})
    assert "no contract · purchaser contact p-1" in cli("explain", "4711").out


def test_a_message_without_mail_says_so(gateway: FakeGateway, cli: Cli) -> None:
    gateway.answers["GET", "/explain/msg-1"] = (200, {"messages": [{**MESSAGE, "envelopes": []}]})
    assert "in the inbox only, no mail" in cli("explain", "msg-1").out


MOMENT = "2026-11-24T06:00:00+00:00"
VOID = {
    "whole": True,
    "about": ["o/1"],
    "reason": "the note is there",
    "cause": {"type": "DeliveryNoteRecorded.v1", "id": "n-1"},
    "at": MOMENT,
}
IN_DIGEST = {"moment": MOMENT, "message": "d-1", "envelopes": [{"address": "otto@acme.example", "state": "sent"}]}


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"unmailed": "she wants no mail of this type"}, "no mail: she wants no mail of this type"),
        ({"withdrawn": VOID}, "withdrawn the note is there · by DeliveryNoteRecorded.v1 n-1 · 2026-11-24 06:00:00Z"),
        ({"withdrawn": {**VOID, "whole": False}}, "withdrawn only o/1 · the note is there"),
        ({"digest": {"moment": MOMENT, "message": None, "envelopes": []}}, "waiting for the daily digest of 2026-11-24 06:00:00Z"),
        ({"digest": IN_DIGEST}, "digest of 2026-11-24 06:00:00Z · sent to otto@acme.example · d-1"),
        ({"digest": {**IN_DIGEST, "message": None}, "withdrawn": VOID}, "digest of 2026-11-24 06:00:00Z · left out of it"),
    ],
)
def test_why_a_mail_was_not_sent_or_not_by_itself(more: dict[str, object], told: str) -> None:
    (branch,) = tree("msg-1", {"messages": [{**MESSAGE, "envelopes": [], **more}]}).children
    assert told in "\n".join(str(twig.label) for twig in branch.children)


@pytest.mark.parametrize("answer", [(404, {"code": "not_found", "detail": "no"}), (200, {"events": [], "messages": []})])
def test_nothing_known_is_friendly_and_code_1(gateway: FakeGateway, cli: Cli, answer: tuple[int, object]) -> None:
    gateway.answers["GET", "/explain/a%2Fb"] = answer
    ran = cli("explain", "a/b")
    assert ran.code == 1
    assert ran.out.startswith("Nothing is known about a/b.\n")
    machine = cli("explain", "a/b", "--json")
    assert (machine.code, machine.json["ref"]) == (1, "a/b")


def test_a_service_that_is_away_is_named_beside_the_rest(gateway: FakeGateway, cli: Cli) -> None:
    gateway.answers["GET", "/explain/x"] = (200, {"messages": [MESSAGE], "unavailable": ["notification-rules"]})
    ran = cli("explain", "x")
    assert ran.code == 0
    assert ran.err == "notification-rules does not answer; what it knows is missing here.\n"


def test_status_is_a_row_a_figure(gateway: FakeGateway, cli: Cli) -> None:
    figures = {"service": "po-service", "lag": {"ubl.peppol": 0, "ubl.x": 3}, "outbox": {"purchasing": 2}, "parked": 1, "waiting": 0}
    gateway.answers["GET", "/status"] = (200, {"services": {"po-service": figures}, "unreachable": []})
    ran = cli("status")
    assert ran.code == 0
    rows = [line.split() for line in ran.out.splitlines()[1:]]
    assert rows == [["po-service", "lag", "ubl.x", "3"], ["outbox", "purchasing", "2"], ["parked", "1"], ["waiting", "0"]]


def test_status_names_a_service_that_does_not_answer_with_code_1(gateway: FakeGateway, cli: Cli) -> None:
    gateway.answers["GET", "/status"] = (200, {"services": {}, "unreachable": ["mailer-service"]})
    ran = cli("status")
    assert ran.code == 1
    assert "mailer-service" in ran.out
    assert "does not answer" in ran.out


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, "7"),
        (None, "–"),
        ({}, "0"),
        ({"sent": 12, "dead": 0, "deferred": 1}, "sent 12 · deferred 1"),
        ([{"id": "a", "alive": True, "relay": "up"}, {"id": "b", "alive": False, "relay": "down"}], "1 alive, 1 run out, relay up"),
        ([], "0"),
    ],
)
def test_a_figure_is_shown_without_its_zeros(value: object, expected: str) -> None:
    assert shown(value) == expected
