"""`postroom unknown`: what it asks the gateway, and what it shows."""

import json

from tests.unit.cli.conftest import Cli, FakeGateway

MAIL = {
    "envelope": "3f2a",
    "attempt": 2,
    "message": "m-1",
    "message_id": "m-1@postroom.example",
    "message_type": "wrong-delivery",
    "subject": "Wrong delivery \x1b[2J",
    "person": "anna",
    "name": "Anna Maier",
    "address": "anna@example.com",
    "order": "order-1",
    "order_number": "4711",
    "correspondence": None,
    "unknown_since": "2026-11-23T09:15:00+00:00",
    "next_attempt_at": None,
    "detail": "the reply to the final dot was lost: the connection was lost",
    "last_reply": {"code": 451, "text": "rcpt: 451 4.7.1 greylisted", "at": "2026-11-23T08:00:00+00:00"},
}
PAGE = {"as_of": "2026-11-23T10:00:00Z", "for_a_person": 2, "resent_by_themselves": 3, "mails": [MAIL], "next": None}
DECISIONS = ("POST", "/api/unknown/decisions")


def test_the_list_says_what_to_look_for_in_the_servers_log(gateway: FakeGateway, cli: Cli) -> None:
    first = {**PAGE, "next": "2026|3f2a"}
    gateway.answers["GET", "/api/unknown?limit=200&order=4711"] = (200, first)
    gateway.answers["GET", "/api/unknown?limit=200&after=2026%7C3f2a&order=4711"] = (200, {**PAGE, "mails": [{**MAIL, "envelope": "9b"}]})
    ran = cli("unknown", "--order", "4711")
    assert ran.code == 0
    assert [line.split()[0] for line in ran.out.splitlines()] == ["id", "3f2a/2", "9b/2"]
    for word in ("<m-1@postroom.example>", "anna@example.com", "4711", "the final dot was lost", "451 4.7.1 greylisted"):
        assert word in ran.out
    assert "\x1b" not in ran.out


def test_nothing_waits_says_what_still_goes_by_itself(gateway: FakeGateway, cli: Cli) -> None:
    gateway.answers["GET", "/api/unknown?limit=200"] = (200, {**PAGE, "mails": []})
    assert cli("unknown").out == "Nothing waits for a decision. 3 go out once more by themselves; --waiting shows them.\n"


def test_a_decision_names_the_attempt_that_was_seen(gateway: FakeGateway, cli: Cli) -> None:
    refused = {"envelope": "9b", "attempt": 1, "detail": "it is sent at attempt 1"}
    gateway.answers[DECISIONS] = (200, {"decided": 1, "refused": [refused], "left": 0})
    ran = cli("unknown", "arrived", "3f2a/2", "9b/1", "--reason", "queue id 4xZ")
    assert (ran.code, ran.out) == (1, "1 decided: arrived\n")
    assert "9b/1: it is sent at attempt 1; left as it is." in ran.err
    chosen = [{"envelope": "3f2a", "attempt": 2}, {"envelope": "9b", "attempt": 1}]
    assert json.loads(gateway.asked[-1].body) == {"decision": "arrived", "reason": "queue id 4xZ", "chosen": chosen}


def test_all_of_them_are_those_of_this_moment(gateway: FakeGateway, cli: Cli) -> None:
    gateway.answers["GET", "/api/unknown?limit=1"] = (200, PAGE)
    gateway.answers[DECISIONS] = (200, {"decided": 2, "refused": [], "left": 0})
    assert cli("unknown", "leave", "--all", "--address", "@example.com", "--reason", "gone").code == 0
    matching = {"address": "@example.com", "until": PAGE["as_of"]}
    assert json.loads(gateway.asked[-1].body) == {"decision": "leave", "reason": "gone", "matching": matching}


def test_it_decides_of_something_or_of_all(gateway: FakeGateway, cli: Cli) -> None:
    for wrong in (["resend"], ["resend", "--all", "3f2a/2"], ["arrived", "3f2a"]):
        assert cli("unknown", *wrong).code == 2
    assert not [one for one in gateway.asked if one.path != "/token"]


def test_resend_of_any_other_envelope(gateway: FakeGateway, cli: Cli) -> None:
    gateway.answers["POST", "/api/envelopes/3f2a/resend"] = (200, {"envelope": "3f2a", "state": "pending", "was": "dead"})
    assert cli("resend", "3f2a").out == "3f2a: was dead, goes out now\n"
    assert gateway.asked[-1].body == b""
    assert cli("resend", "3f2a/2").code == 0
    assert json.loads(gateway.asked[-1].body) == {"attempt": 2}
    assert "3f2a…/2" in cli("resend", "3f2a/two").err
