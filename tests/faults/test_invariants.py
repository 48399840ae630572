"""A checker that finds nothing proves nothing: each invariant is violated once, and told with the id."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.faults import cast
from tests.faults.evidence import DATABASES, READS, Database, Evidence
from tests.faults.expected import Accepted, expected
from tests.faults.invariants import DOMAIN, check
from tests.faults.ledger import Entry, Ledger
from tests.faults.load import Load, Written

NAMES = tuple(f"m{n}" for n in range(3))


def evidence() -> Evidence:
    """Three budgets that expired, and a record that was no event; everything as it should be."""
    load = Load(7, "abcd")
    written = [load.event(person=cast.REQUESTERS[n]) for n in range(3)]
    records = [_accepted(one, offset) for offset, one in enumerate([*written, load.broken()])]
    messages = [
        {"id": name, "sequence": n, "key": "k", "message_type": "budget-expired", "mark": one.mark}
        for n, (name, one) in enumerate(zip(NAMES, written, strict=True))
    ]
    envelopes = [
        {"id": f"e{n}", "message": name, "address": cast.address(cast.REQUESTERS[n]), "state": "sent", "sender": None, "orphaned": False}
        for n, name in enumerate(NAMES)
    ]
    databases = {service: Database(set(), {}, {}, []) for service in DATABASES}
    rules = databases["notification-rules"]
    rules.intake |= {("erp", record.header("ce_source"), record.header("ce_id")) for record in records[:3]}
    rules.parked[records[3].place] = "unreadable"
    rules.next_offsets["in.erp", 0] = 4
    rules.outbox += [_row(n, "messages", name) for n, name in enumerate(NAMES)]
    databases["mailer-service"].intake |= {("notification-rules", "notification-rules", name) for name in NAMES}
    databases["mailer-service"].next_offsets["messages", 0] = 3
    told = [
        Accepted("messages", 0, n, b"k", tuple((key, value.encode()) for key, value in _headers(name).items()), b"")
        for n, name in enumerate(NAMES)
    ]
    return Evidence(
        topics={"in.erp": records, "messages": told},
        ends={("in.erp", 0): 4, ("messages", 0): 3},
        databases=databases,
        mailer={
            "messages": messages,
            "envelopes": envelopes,
            "attempts": [{"envelope": f"e{n}", "number": 1, "result": "sent"} for n in range(3)],
            "rendered": [{"message": name, "sha256": name} for name in NAMES],
        },
        undecided=0,
        ledger=Ledger(
            [
                Entry(n, f"<{name}@{DOMAIN}>", cast.address(cast.REQUESTERS[n]), name, one.mark)
                for n, (name, one) in enumerate(zip(NAMES, written, strict=True))
            ]
        ),
        acked={record.place for record in records},
    )


def _accepted(one: Written, offset: int) -> Accepted:
    return Accepted(one.topic, 0, offset, one.key, one.headers, one.value)


def _headers(message: str) -> dict[str, str]:
    return {"ce_id": message, "ce_source": "notification-rules", "ce_subject": message, "ce_type": "MessageRequested.v1"}


def _row(id_: int, topic: str, message: str) -> dict[str, object]:
    return {"id": id_, "topic": topic, "key": "k", "headers": list(_headers(message).items()), "published": True, "value": None}


def test_what_is_right_has_no_violation() -> None:
    assert check(evidence()) == set()
    assert set(READS) == set(DATABASES)


def _lost_event(seen: Evidence) -> None:
    seen.databases["notification-rules"].intake.pop()


def _lost_parked(seen: Evidence) -> None:
    seen.databases["notification-rules"].parked.clear()


def _lost_message(seen: Evidence) -> None:
    seen.topics["messages"].pop()


def _vanished_from_the_broker(seen: Evidence) -> None:
    seen.acked.add(("in.erp", 2, 99))


def _lost_mail(seen: Evidence) -> None:
    del seen.ledger.entries[0]
    seen.mailer["envelopes"][0]["state"] = "dead"
    seen.mailer["attempts"][0]["result"] = "lost"


def _two_messages_of_one_thing(seen: Evidence) -> None:
    seen.ledger.entries.append(replace(seen.ledger.entries[0], message_id="<other@x>"))


def _beyond(seen: Evidence) -> None:
    seen.ledger.entries.append(replace(seen.ledger.entries[0], recipient="stranger@x"))


def _copy(seen: Evidence) -> None:
    seen.ledger.entries.append(seen.ledger.entries[0])


def _other_bytes(seen: Evidence) -> None:
    seen.ledger.entries[0] = replace(seen.ledger.entries[0], sha256="otherwise")


def _never_sent(seen: Evidence) -> None:
    del seen.ledger.entries[0]


def _unpublished(seen: Evidence) -> None:
    seen.databases["notification-rules"].outbox[0]["published"] = False


def _orphaned(seen: Evidence) -> None:
    seen.mailer["envelopes"][0] |= {"state": "sending", "orphaned": True}


def _out_of_order(seen: Evidence) -> None:
    seen.mailer["messages"][0]["sequence"] = 2.5


VIOLATIONS: dict[str, tuple[int, str, Callable[[Evidence], None]]] = {
    "an event without its effect": (1, "neither processed nor parked", _lost_event),
    "a broken record that is not parked": (1, "to be parked", _lost_parked),
    "committed and not published": (1, "isn't in Kafka", _lost_message),
    "acked and gone": (1, "acked by the broker", _vanished_from_the_broker),
    "a mail that was never sent": (2, "lost", _lost_mail),
    "one thing told by two messages": (2, "told twice", _two_messages_of_one_thing),
    "a mail to somebody else": (2, "beyond", _beyond),
    "a copy with no unknown attempt": (3, "2 copies", _copy),
    "a copy with other bytes": (3, "other bytes", _other_bytes),
    "sent, and the server has nothing": (4, "no server has it", _never_sent),
    "an outbox row that stays": (5, "unpublished", _unpublished),
    "an envelope of a sender that is gone": (5, "gone", _orphaned),
    "a later message first": (6, "came before", _out_of_order),
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_violation_is_found_and_named(name: str) -> None:
    invariant, words, violate = VIOLATIONS[name]
    seen = evidence()
    violate(seen)
    assert [one for one in check(seen) if one.invariant == invariant and words in one.what and one.about]


def test_an_attempt_that_was_unknown_permits_a_copy_also_when_a_late_reply_has_corrected_it() -> None:
    seen = evidence()
    _copy(seen)
    unknown = {"envelope": "e0", "attempt": 1, "state": "unknown"}
    row = _row(9, "outcomes", "o1") | {"value": unknown, "headers": [["ce_id", "o1"], ["ce_source", "mailer-service"]]}
    seen.databases["mailer-service"].outbox.append(row)
    assert [str(one) for one in check(seen) if one.invariant == 3] == []


def test_the_oracle_counts_what_is_said_first_and_parks_the_rest() -> None:
    load = Load(3, "abcd")
    one = load.event(person=cast.REQUESTERS[0])
    records = [_accepted(each, n) for n, each in enumerate([one, one, load.told_again(one), load.contradicting(one), load.broken()])]
    found = expected(records)
    assert found.owed == {(cast.address(cast.REQUESTERS[0]), one.mark): "budget-expired"}
    assert len(found.processed) == 2
    assert found.refused == {("in.erp", 0, 3), ("in.erp", 0, 4)}


def test_the_same_seed_writes_the_same_load() -> None:
    first, second = (list(Load(11, "abcd").events(200)) for _ in range(2))
    assert first == second
    assert {dict(one.headers).get("ce_type") for one in first} >= {b"GoodsReceived.v1", b"CatalogItemsChanged.v1"}
