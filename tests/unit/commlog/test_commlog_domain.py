"""Decisions about logs, addresses, subjects and outcomes, without any I/O."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commlog_service.domain import addresses, correspondences, logs, outcomes
from commlog_service.domain.logs import DEFAULT_TYPES, Log, TenantSettings
from commlog_service.domain.orders import Order, Person
from commlog_service.domain.outcomes import Standing
from postroom.contracts import event
from postroom.contracts.commlog import Author, LogCreated
from postroom.contracts.errors import Refused
from postroom.contracts.event import Event
from postroom.contracts.messages import Cause
from postroom.contracts.outcomes import EnvelopeOutcome

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SELLER = Person(person="s1", name="Sam Seller", email="sam@seller.example", side="supplier", company="seller")
BUYER = Person(person="b1", name="Bea Buyer", email="bea@buyer.example", side="client", company="buyer")
MUTE = Person(person="b2", name="Max Mute", side="client", company="buyer")
ORDER = Order(
    tenant="acme",
    id="o1",
    number="4711",
    supplier="seller",
    supplier_name="Seller Ltd",
    buyer="buyer",
    buyer_name="Buyer plc",
    people=[SELLER, BUYER, MUTE, BUYER],
)


def log(side: str = "supplier", message: str = "Late") -> Log:
    author = ORDER.author("s1", "Sam Seller", side)
    return logs.write("l1", author, "delivery", message, 1, known=DEFAULT_TYPES, at=NOON)


def test_a_log_keeps_the_tenants_spelling_of_its_type() -> None:
    assert log().log_type == "Delivery"


@pytest.mark.parametrize(
    ("type_", "message", "field"),
    [
        ("", "text", "type"),
        ("Gossip", "text", "type"),
        ("General", " \n", "message"),
        ("General", "x" * 20_001, "message"),
        ("General", "a\x00b", "message"),
    ],
)
def test_what_a_log_lacks_is_named(type_: str, message: str, field: str) -> None:
    with pytest.raises(Refused) as refusal:
        logs.write("l1", ORDER.author("s1", "", "supplier"), type_, message, 1, known=DEFAULT_TYPES, at=NOON)
    assert refusal.value.path == field


def test_log_created_tells_the_other_sides_people_once() -> None:
    fact = logs.created(ORDER, log(), TenantSettings()).data
    assert isinstance(fact, LogCreated)
    assert fact.notify == ["b1", "b2"]
    assert fact.visible_to_other_side
    assert fact.author == Author(person="s1", name="Sam Seller", company="Seller Ltd", side="supplier")


@pytest.mark.parametrize(("side", "visible"), [("supplier", False), ("client", True)])
def test_unsent_logs_of_the_supplier_can_be_hidden_from_the_client(side: str, *, visible: bool) -> None:
    fact = logs.created(ORDER, log(side), TenantSettings(visible_unsent=False)).data
    assert isinstance(fact, LogCreated)
    assert fact.visible_to_other_side is visible


def test_an_address_that_was_ticked_and_typed_gets_one_mail() -> None:
    found = addresses.recipients([BUYER], ["b1", "b1"], ["BEA@Buyer.example", "x@y.example", " X@y.example "])
    assert [(one.address, one.kind, one.person) for one in found] == [
        ("bea@buyer.example", "contact", "b1"),
        ("x@y.example", "typed", None),
    ]


@pytest.mark.parametrize(
    ("ticked", "typed", "reason", "field"),
    [
        ([], [], "no_recipient", "to"),
        (["b1"], ["ok@x.example", "not an address"], "invalid_address", "to.1"),
        ([], ["a@b.example\r\nBcc: c@d.example"], "invalid_address", "to.0"),
        ([], ["a@localhost"], "invalid_address", "to.0"),
        (["b2"], [], "no_address", "contacts.0"),
        (["zz"], [], "unknown_contact", "contacts.0"),
    ],
)
def test_a_wrong_recipient_is_named(ticked: list[str], typed: list[str], reason: str, field: str) -> None:
    with pytest.raises(Refused) as refusal:
        addresses.recipients([BUYER, MUTE], ticked, typed)
    assert (refusal.value.reason, refusal.value.path) == (reason, field)


def test_an_international_domain_is_sent_to_in_ascii() -> None:
    assert addresses.checked_address("x@münchen.example", "to.0") == "x@xn--mnchen-3ya.example"


def test_what_is_longer_than_any_address_is_refused_unread() -> None:
    with pytest.raises(Refused, match="longer than 320 characters") as refused:
        addresses.checked_address("a@" + "b.example," * 1_000_000, "to.0")
    assert refused.value.path == "to.0"


@pytest.mark.parametrize("subject", ["", "  ", "a\r\nBcc: x@y.example", "a\nb", "a\x00", "a\u2028b", "x" * 501])
def test_a_subject_that_could_break_the_mail_is_refused(subject: str) -> None:
    with pytest.raises(Refused) as refusal:
        correspondences.checked_subject(subject)
    assert refusal.value.path == "subject"


@given(st.text())
def test_every_accepted_subject_is_one_line(subject: str) -> None:
    try:
        accepted = correspondences.checked_subject(subject)
    except Refused:
        return
    assert len(accepted.splitlines()) == 1


def test_latest_is_pinned_by_id_and_never_another_orders() -> None:
    assert correspondences.chosen([log()], "latest", "l1") == ["l1"]
    for scope, latest, field in (("latest", None, "log"), ("latest", "foreign", "log")):
        with pytest.raises(Refused) as refusal:
            correspondences.chosen([log()], scope, latest)
        assert refusal.value.path == field
    with pytest.raises(Refused):
        correspondences.chosen([], "all", None)


def test_what_was_erased_is_not_sent() -> None:
    """It would be a log without a word and without an author."""
    kept, erased = log(), log().model_copy(update={"log": "l2", "message": "", "erased": True})
    assert correspondences.chosen([erased, kept], "all", None) == ["l1"]
    for scope, there in (("latest", [erased, kept]), ("all", [erased])):
        with pytest.raises(Refused):
            correspondences.chosen(there, scope, "l2")
    with pytest.raises(Refused, match="erased since it was opened"):
        correspondences.freeze(ORDER, [kept, erased], "Subject", "en", "UTC")


MEGABYTE = 1024 * 1024


def test_a_document_that_is_too_large_for_any_mail_is_named() -> None:
    assert correspondences.oversize([("a.pdf", 10 * MEGABYTE), ("b.pdf", 10 * MEGABYTE)]) is None
    assert "b.pdf" in (correspondences.oversize([("a.pdf", 1), ("b.pdf", 10 * MEGABYTE + 1)]) or "")


@pytest.mark.parametrize(
    ("megabytes", "links"),
    [
        ([], []),
        ([10, 10], [False, False]),
        ([8, 8, 8], [False, False, True]),
        ([10, 8, 5, 2], [False, False, True, False]),
        ([10, 10, 1, 1], [False, False, True, True]),
    ],
)
def test_what_finds_no_room_in_the_mail_goes_as_a_link(megabytes: list[int], links: list[bool]) -> None:
    assert correspondences.links([size * MEGABYTE for size in megabytes]) == links


def test_a_byte_too_many_is_a_link() -> None:
    assert correspondences.links([correspondences.TOTAL_BYTES, 0, 1]) == [False, False, True]


@pytest.mark.parametrize("name", ["Europe", "x" * 99, "../etc/passwd", "Mars/Olympus", ""])
def test_a_zone_that_there_is_not_is_named(name: str) -> None:
    with pytest.raises(Refused, match="IANA name") as refusal:
        correspondences.checked_zone(name)
    assert refusal.value.path == "zone"


@pytest.mark.parametrize(("language", "begins"), [("en", "Purchase order 4711:"), ("de-AT", "Bestellung 4711:"), ("fr", "Purchase order")])
def test_the_subject_is_prefilled_in_the_language_of_who_opens(language: str, begins: str) -> None:
    assert correspondences.default_subject(ORDER, language).startswith(begins)


def outcome(state: str, attempt: int, seconds: int = 1, correspondence: str | None = "c1") -> Event:
    fact = EnvelopeOutcome(
        message="m",
        envelope="e",
        address="Bea@Buyer.example",
        correspondence=correspondence,
        state=state,
        attempt=attempt,
        at=NOON + timedelta(seconds=seconds),
        cause=Cause(emitter="commlog-service", source="commlog-service", id="c1", type="CorrespondenceRequested.v1"),
    )
    return event.new(fact, source="mailer-service", subject="m", tenant="acme")


PLACE = ("c1", "bea@buyer.example")
QUEUED = Standing(-1, NOON)


def test_an_outcome_moves_its_recipient() -> None:
    change = outcomes.decide(outcome("dead", 3), {PLACE: QUEUED})
    assert change is not None
    assert (change.place, change.standing) == (PLACE, Standing(3, NOON + timedelta(seconds=1), "failed"))


def test_an_older_attempts_outcome_changes_nothing() -> None:
    sent = Standing(2, NOON, "sent")
    assert outcomes.decide(outcome("deferred", 1, 99), {PLACE: sent}) is None
    assert outcomes.decide(outcome("unknown", 2, -5), {PLACE: sent}) is None


def test_of_one_attempt_the_later_word_stands_whatever_the_mailers_clocks_say() -> None:
    """One whose clock is ahead calls it unknown, and the other has the reply; or the first word comes from a clock that is behind ours."""
    for before, state, attempt in ((Standing(1, NOON, "unknown"), "sent", 1), (Standing(0, NOON), "held", 0)):
        change = outcomes.decide(outcome(state, attempt, -30), {PLACE: before})
        assert change is not None
        assert change.standing.state == state
    assert outcomes.decide(outcome("unknown", 2, 99), {PLACE: Standing(2, NOON, "bounced")}) is None


@pytest.mark.parametrize("later", ["deferred", "unknown", "dead", "bounced", "cancelled"])
def test_an_earlier_attempts_late_250_says_that_it_was_sent_and_nothing_undoes_that(later: str) -> None:
    before = Standing(2, NOON, "failed" if later == "dead" else later)
    change = outcomes.decide(outcome("sent", 1), {PLACE: before})
    assert change is not None
    assert change.standing.state == "sent"
    assert outcomes.decide(outcome(later, 2, 99), {PLACE: change.standing}) is None


@pytest.mark.parametrize(
    ("before", "late"), [("cancelled", "unknown"), ("cancelled", "held"), ("failed", "unknown"), ("failed", "deferred")]
)
def test_what_an_attempt_came_to_stays_when_what_came_before_is_replayed(before: str, late: str) -> None:
    """Found by reading: shown as unknown for ever, and its erasure refused for ever."""
    assert outcomes.decide(outcome(late, 2, 99), {PLACE: Standing(2, NOON, before)}) is None


@pytest.mark.parametrize("later", ["held", "cancelled", "dead"])
def test_what_was_given_up_may_be_held_or_withdrawn_after_a_person_sends_it_again(later: str) -> None:
    assert outcomes.decide(outcome(later, 2, 99), {PLACE: Standing(2, NOON, "failed")})


def test_other_mails_outcomes_are_not_ours() -> None:
    assert outcomes.decide(outcome("sent", 1, correspondence=None), {}) is None


def test_an_outcome_of_a_correspondence_never_sent_is_refused() -> None:
    with pytest.raises(Refused) as refusal:
        outcomes.decide(outcome("sent", 1), {})
    assert refusal.value.path == "data.correspondence"
