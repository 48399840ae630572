"""A checker that finds nothing proves nothing: each invariant is violated once, and told with the id."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.faults import cast
from tests.faults.evidence import DATABASES, READS, Database, Evidence
from tests.faults.expected import Accepted, expected
from tests.faults.invariants import DOMAIN, check
from tests.faults.ledger import Entry, Ledger
from tests.faults.load import Load, Written
from tests.oracle.talk import Answered, Deed, Erased, Forwarded, Hired, Order, Placed, Sent, Wrote

NAMES = tuple(f"m{n}" for n in range(3))
# What people did: a log and its correspondence with a document and the PDF, an answer that joined the thread, a stranger's, a forward.
LOG, SEND, REPLY, STRANGERS, FORWARD = (f"F{kind}abcd00000{n}" for n, kind in enumerate("LCRRF", 1))
ORDER = Order("o1", {"client": (cast.REQUESTERS[0],), "supplier": (cast.SUPPLIERS[0],)})
SENT = Sent(ORDER, "client", (cast.address(cast.SUPPLIERS[0]),), ("drawing",), pdf=True)
DEEDS: dict[str, Deed] = {
    LOG: Wrote(ORDER, "client"),
    SEND: SENT,
    REPLY: Answered(SENT, ""),
    STRANGERS: Answered(SENT, "unknown_sender"),
    FORWARD: Forwarded(cast.CONTACTS[0], NAMES[0]),
}


def evidence() -> Evidence:
    """Three budgets that expired, a record that was no event, a digest, a void template, and people's deeds; all as it should be."""
    load = Load(7, "abcd")
    written = [load.event(person=cast.REQUESTERS[n]) for n in range(3)]
    records = [_accepted(one, offset) for offset, one in enumerate([*written, load.broken()])]
    messages = [
        {"id": name, "sequence": n, "key": "k", "message_type": "budget-expired", "mark": one.mark, "person": "p"}
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
    seen = Evidence(
        topics={"in.erp": records, "messages": told},
        ends={("in.erp", 0): 4, ("messages", 0): 3},
        databases=databases,
        mailer={
            "messages": messages,
            "envelopes": envelopes,
            "attempts": [{"envelope": f"e{n}", "number": 1, "result": "sent"} for n in range(3)],
            "rendered": [{"message": name, "sha256": name} for name in NAMES],
            "inbox": [],
            "digest_entries": [],
        },
        undecided=0,
        ledger=Ledger(
            [
                Entry(n, f"<{name}@{DOMAIN}>", cast.address(cast.REQUESTERS[n]), name, one.mark)
                for n, (name, one) in enumerate(zip(NAMES, written, strict=True))
            ]
        ),
        acked={record.place for record in records},
        history=[],
        hours=[(50.0, 50.1)],
    )
    for name, one, who in zip(NAMES, written, cast.REQUESTERS, strict=False):
        seen.mailer["inbox"].append({"message": name, "person": who, "withdrawn": False})
        seen.begun[one.mark] = 1.0
    _people(seen)
    _wishes(seen)
    return seen


def _people(seen: Evidence) -> None:
    seen.deeds |= DEEDS
    _mailed(seen, "send", "correspondence", SEND, SENT.to[0], attached=("drawing", "pdf"))
    _mailed(seen, "forward", "forwarded-message", FORWARD, cast.address(cast.CONTACTS[0]))
    _in_inbox(seen, "forward", cast.CONTACTS[0])
    for mark, reader in ((LOG, cast.SUPPLIERS[0]), (REPLY, cast.REQUESTERS[0])):
        seen.mailer["messages"].append(_message(f"told-{mark}", "new-communication-log", mark))
        _in_inbox(seen, f"told-{mark}", reader)
    seen.commlog |= {
        "logs": [{"mark": mark, "order": "o1", "erased": False} for mark in (LOG, REPLY)],
        "reviews": [{"mark": STRANGERS, "reason": "unknown_sender"}],
        "recipients": [{"address": SENT.to[0], "mark": SEND, "state": "sent"}],
    }


def _wishes(seen: Evidence) -> None:
    """One thing for a digest, one for who has quiet hours, and a template that was withdrawn before it was sent."""
    load = Load(8, "dcba")
    digested, quiet = load.digested(), _optional(load)
    due = next(one for one in (load.voided() for _ in range(100)) if one.type == "TemplateDue.v1")
    void = next(one for _, one in load._later if dict(one.headers)["ce_id"].decode() == f"{due.mark}-void")
    for one in (digested, quiet, due, void):
        record = _accepted(one, len(seen.topics["in.erp"]))
        seen.topics["in.erp"].append(record)
        seen.databases["notification-rules"].intake.add(("erp", record.header("ce_source"), record.header("ce_id")))
    seen.ends["in.erp", 0] = seen.databases["notification-rules"].next_offsets["in.erp", 0] = len(seen.topics["in.erp"])
    reader, sleeper = (json.loads(one.value)["purchaser_contact"] for one in (digested, quiet))
    seen.mailer["messages"].append(_message("digested", "wrong-delivery", digested.mark))
    seen.mailer["digest_entries"].append({"message": "digested", "digest": "digest", "cancelled": False})
    _in_inbox(seen, "digested", reader)
    _mailed(seen, "digest", "digest", digested.mark, cast.address(reader))
    seen.begun[quiet.mark] = 40.0
    _mailed(seen, "quiet", "wrong-delivery", quiet.mark, cast.address(sleeper), at=60.0)
    _in_inbox(seen, "quiet", sleeper)
    for one in json.loads(due.value)["assigned"]:
        name = f"void-{one['person']}"
        _mailed(seen, name, "due-template", due.mark, cast.address(one["person"]), state="cancelled")
        _in_inbox(seen, name, one["person"], withdrawn=True)


def _optional(load: Load) -> Written:
    return next(one for one in (load.quiet() for _ in range(100)) if one.type == "DeliveryNoteRecorded.v1")


def _message(id_: str, message_type: str, mark: str) -> dict[str, object]:
    return {"id": id_, "sequence": 100, "key": "k", "message_type": message_type, "mark": mark, "person": "p"}


def _in_inbox(seen: Evidence, message: str, person: str, *, withdrawn: bool = False) -> None:
    seen.mailer["inbox"].append({"message": message, "person": person, "withdrawn": withdrawn})


def _mailed(
    seen: Evidence, id_: str, type_: str, mark: str, to: str, *, at: float = 70.0, attached: tuple[str, ...] = (), state: str = "sent"
) -> None:
    """A message with its envelope; where it was sent, with its attempt and the server's entry."""
    seen.mailer["messages"].append(_message(id_, type_, mark))
    envelope = {"id": f"e-{id_}", "message": id_, "address": to, "state": state, "sender": None, "orphaned": False}
    seen.mailer["envelopes"].append(envelope)
    if state == "sent":
        seen.mailer["attempts"].append({"envelope": f"e-{id_}", "number": 1, "result": "sent"})
        seen.mailer["rendered"].append({"message": id_, "sha256": id_})
        seen.ledger.entries.append(Entry(at, f"<{id_}@{DOMAIN}>", to, id_, mark, (mark,), "", attached))


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


def _published_out_of_order(seen: Evidence) -> None:
    first, second, *_ = seen.topics["messages"]
    seen.topics["messages"][:2] = [replace(first, offset=second.offset), replace(second, offset=first.offset)]


def _decided_out_of_order(seen: Evidence) -> None:
    causes = seen.topics["in.erp"][1::-1]
    for row, cause in zip(seen.databases["notification-rules"].outbox, causes, strict=False):
        row["headers"] += [["ce_causesource", cause.header("ce_source")], ["ce_causeid", cause.header("ce_id")]]


def _found(seen: Evidence, mark: str) -> int:
    """Where the ledger tells of this mark, or of the first whose mark begins so."""
    return next(n for n, entry in enumerate(seen.ledger.entries) if entry.mark.startswith(mark))


def _lose(seen: Evidence, mark: str) -> None:
    """The server never had it, and the mailer does not say that it had."""
    entry = seen.ledger.entries.pop(_found(seen, mark))
    for row in seen.mailer["envelopes"]:
        if f"<{row['message']}@{DOMAIN}>" == entry.message_id:
            row["state"] = "dead"
            seen.mailer["attempts"] = [one for one in seen.mailer["attempts"] if one["envelope"] != row["id"]]


def _change(seen: Evidence, mark: str, **changes: Any) -> None:
    at = _found(seen, mark)
    seen.ledger.entries[at] = replace(seen.ledger.entries[at], **changes)


def _in_two_digests(seen: Evidence) -> None:
    mark = seen.ledger.entries[_found(seen, "FD")].mark
    _mailed(seen, "digest2", "digest", mark, seen.ledger.entries[_found(seen, "FD")].recipient)


def _digest_entry_lost(seen: Evidence) -> None:
    _lose(seen, "FD")


def _not_in_a_digest(seen: Evidence) -> None:
    next(row for row in seen.mailer["messages"] if row["id"] == "digest")["message_type"] = "wrong-delivery"


def _at_night(seen: Evidence) -> None:
    _change(seen, "FQ", at=45.0)


def _cancelled_and_not_void(seen: Evidence) -> None:
    _lose(seen, FORWARD)
    next(row for row in seen.mailer["envelopes"] if row["message"] == "forward")["state"] = "cancelled"


def _void_and_lost(seen: Evidence) -> None:
    next(row for row in seen.mailer["envelopes"] if row["state"] == "cancelled")["state"] = "dead"


def _void_and_shown(seen: Evidence) -> None:
    next(row for row in seen.mailer["inbox"] if row["withdrawn"])["withdrawn"] = False


def _without_its_pdf(seen: Evidence) -> None:
    _change(seen, SEND, attached=("drawing",))


def _correspondence_lost(seen: Evidence) -> None:
    _lose(seen, SEND)
    seen.commlog["recipients"][0]["state"] = "failed"


def _outcome_unknown_to_its_sender(seen: Evidence) -> None:
    seen.commlog["recipients"][0]["state"] = "queued"


def _recipient_forgotten(seen: Evidence) -> None:
    seen.commlog["recipients"].clear()


def _reply_lost(seen: Evidence) -> None:
    seen.commlog["logs"].pop()


def _reply_twice(seen: Evidence) -> None:
    seen.commlog["logs"].append(seen.commlog["logs"][-1])


def _review_lost(seen: Evidence) -> None:
    seen.commlog["reviews"].clear()


def _held_for_another_reason(seen: Evidence) -> None:
    seen.commlog["reviews"][0]["reason"] = "unclear"


def _order_without_its_document(seen: Evidence) -> None:
    seen.deeds["FPabcd000009"] = Placed()
    seen.po["orders"] = [{"mark": "FPabcd000009", "documents": 0}]


def _erased_and_there(seen: Evidence) -> None:
    seen.deeds[LOG] = Erased(ORDER, "client")


def _inbox_lost(seen: Evidence) -> None:
    seen.mailer["inbox"].pop(0)


def _inbox_twice(seen: Evidence) -> None:
    seen.mailer["inbox"].append(seen.mailer["inbox"][0])


def _refused(seen: Evidence) -> None:
    seen.refused.append("a forward: 500")


def _history_broken(seen: Evidence) -> None:
    seen.history.append("order o1, entry 3: another text")


def _without_an_attempt(seen: Evidence) -> None:
    seen.mailer["attempts"].clear()


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
    "what was written later told of first": (6, "told of after", _decided_out_of_order),
    "what was committed later published first": (6, "lies before", _published_out_of_order),
    "a thing that two digests tell": (2, "told twice", _in_two_digests),
    "a thing that no digest tells": (2, "lost", _digest_entry_lost),
    "told by a mail of its own, and a digest was wished": (2, "a digest was wished", _not_in_a_digest),
    "optional mail in quiet hours": (2, "quiet hours", _at_night),
    "cancelled, and not void": (2, "nothing made it void", _cancelled_and_not_void),
    "void, and neither sent nor cancelled": (2, "lost", _void_and_lost),
    "void, and the inbox says nothing": (1, "void and not marked", _void_and_shown),
    "a correspondence without its PDF": (2, "attachments", _without_its_pdf),
    "a correspondence that was never sent": (2, "lost", _correspondence_lost),
    "an outcome that its sender is not shown": (1, "shown as queued", _outcome_unknown_to_its_sender),
    "a recipient that is not kept": (1, "not as they were asked for", _recipient_forgotten),
    "a reply by mail that was answered 250 and lost": (1, "log missing", _reply_lost),
    "a reply by mail that joined twice": (1, "more than once", _reply_twice),
    "a stranger's reply that nobody can review": (1, "review missing", _review_lost),
    "a reply that is held for another reason": (1, "review that nobody asked for", _held_for_another_reason),
    "an order without its document": (1, "order with its document missing", _order_without_its_document),
    "a log that was erased and is there": (1, "erased", _erased_and_there),
    "a message that is not in the inbox": (1, "missing in the inbox", _inbox_lost),
    "a message that is in the inbox twice": (1, "more than once", _inbox_twice),
    "a click that was refused": (1, "people were refused", _refused),
    "a chain that is broken": (1, "history is not whole", _history_broken),
    "a copy that no attempt explains": (3, "without an attempt", _without_an_attempt),
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
    seen.mailer["attempts"].append({"envelope": "e0", "number": 2, "result": "sent"})
    assert [str(one) for one in check(seen) if one.invariant == 3] == []


def test_who_came_later_than_the_event_is_told_out_of_order() -> None:
    seen = evidence()
    _out_of_order(seen)
    seen.mailer["messages"][0]["person"] = "late"
    seen.deeds["FHabcd000001"] = Hired("late")
    assert [str(one) for one in check(seen) if one.invariant == 6] == []


def test_what_was_forwarded_is_void_with_its_original() -> None:
    seen = evidence()
    void = next(row for row in seen.mailer["messages"] if row["id"].startswith("void-"))
    void["person"] = void["id"].removeprefix("void-")
    seen.deeds[FORWARD] = Forwarded(cast.CONTACTS[0], void["id"])
    assert [one for one in check(seen) if "void and not marked" in one.what and FORWARD in one.about]
    _cancelled_and_not_void(seen)
    next(row for row in seen.mailer["inbox"] if row["message"] == "forward")["withdrawn"] = True
    assert check(seen) == set()


def test_what_was_undecided_or_parked_for_a_while_is_told_out_of_order() -> None:
    seen = evidence()
    _decided_out_of_order(seen)
    rules, first = seen.databases["notification-rules"], seen.topics["in.erp"][0]
    cause = {"source": first.header("ce_source"), "id": first.header("ce_id")}
    rules.outbox.append(_row(9, "decisions", "d1") | {"value": {"outcome": "undecided", "cause": cause}})
    assert [str(one) for one in check(seen) if one.invariant == 6] == []
    rules.outbox.pop()
    rules.ever_parked.add(first.place)
    assert [str(one) for one in check(seen) if one.invariant == 6] == []


def test_what_a_long_digest_only_counts_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by a burst of ten thousand: a digest of 54 shows 40, and says how many more there are."""
    seen = evidence()
    _digest_entry_lost(seen)
    assert [one for one in check(seen) if "lost" in one.what]
    monkeypatch.setattr("tests.faults.invariants.DIGEST_LINES", 0)
    seen = evidence()
    number = _found(seen, "FD")
    seen.ledger.entries[number] = replace(seen.ledger.entries[number], mark="", marks=())
    assert [one for one in check(seen) if "lost" in one.what] == []


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
