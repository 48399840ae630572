"""Types 11 and 12: delivery note reminders."""

from collections.abc import Iterable
from typing import Any

from tests.oracle import events as e
from tests.oracle.case import ADMINISTRATORS, THEIRS, Case, away, chain, letter, without
from tests.oracle.events import Event
from tests.oracle.letters import Void


def reminders_requester() -> Iterable[Case]:
    t = "delivery-note-reminder-requester"
    quote = "sent when the delivery date has passed and the requester has not yet created a delivery note"
    rita = letter(t, "rita", "1")
    lines = (e.overdue_line("1", "rita"), e.overdue_line("2", "ron"), e.overdue_line("3", "rita"))
    yield Case(t, "the requester", quote, (e.overdue(),), (rita,))
    yield Case(
        t,
        "each requester, own lines together",
        "lines grouped per order and R",
        (e.overdue(*lines),),
        (letter(t, "rita", "1", "3"), letter(t, "ron", "2")),
    )
    off = {"first": None, "second": 5, "third": 10}
    yield Case(t, "the option is off", "If the option Delivery note first reminder has been activated", (e.overdue(reminders=off),))
    yield Case(t, "not due yet", "when the delivery date has passed", (e.overdue(e.overdue_line(due_on="2026-12-08")),))
    yield Case(t, "due today", "when the delivery date has passed", (e.overdue(e.overdue_line(due_on="2026-12-07")),), (rita,))
    yield Case(t, "a delivery note is there", "has not yet created a delivery note", (e.overdue(e.overdue_line(noted=True)),))
    yield Case(t, "cancelled", "not cancelled", (e.overdue(e.overdue_line(cancelled=True)),))
    some = (e.overdue_line("1", noted=True), e.overdue_line("3"))
    yield Case(t, "only the lines without a note", quote, (e.overdue(*some),), (letter(t, "rita", "3"),))
    yield Case(t, "scanned again", "Told once: line+level+delivery date+R", (e.overdue(), e.overdue(as_of="2026-12-08")), (rita,))
    moved = e.overdue(e.overdue_line(delivery_date="2026-12-01", due_on="2026-12-02"))
    yield Case(t, "a new delivery date", "a new delivery date re-arms", (e.overdue(), moved), (rita, rita))
    grown = e.overdue(e.overdue_line("1"), e.overdue_line("3"))
    yield Case(t, "one line more: that one", "Told once: line+…", (e.overdue(), grown), (rita, letter(t, "rita", "3")))
    handed_on = (e.overdue(), e.overdue(e.overdue_line(who="ron")))
    yield Case(t, "another orderer of the line", "Told once: …+R", handed_on, (rita, letter(t, "ron", "1")))
    other = e.overdue(order={"id": "order-2", "number": "4712"})
    yield Case(t, "line 1 of another order", "Told once: line+…", (e.overdue(), other), (rita, rita))
    both = (e.overdue(level=3), e.overdue())
    first = (letter("delivery-note-reminder-purchaser", "pia", "1"), rita)
    yield Case(t, "after level 3 too", "level 1 goes to the requester whenever not yet sent", both, first)
    void = frozenset({Void(t, "order-1/1"), Void("delivery-note-reminder-purchaser", "order-1/1")})
    recorded = e.note(e.note_line("10"), origin="requester")
    yield Case(t, "the delivery note makes it void", "a reminder once the delivery note exists", (e.overdue(), recorded), (rita,), void)
    advice = e.note(e.note_line("10"), origin="despatch-advice")
    yield Case(t, "a despatch advice does not", "wait for the note that the requester records", (e.overdue(), advice), (rita,))
    yield Case(t, "a cancelled or moved line makes it void", "withdrawn before sending", (e.overdue(), e.order_changed("1")), (rita,), void)
    yield Case(
        t,
        "inactive: the administrators",
        "the same chain applies",
        (e.overdue(),),
        tuple(letter(t, a, "1") for a in ADMINISTRATORS),
        people=without("rita"),
    )
    yield Case(
        t,
        "absent: the deputy",
        "absent people with a deputy",
        (e.overdue(),),
        (letter(t, "dan", "1", stands_for="rita"),),
        people=away("rita", "dan"),
    )
    yield Case(
        t, "not known yet: it waits", "people who arrive after the event", (e.overdue(e.overdue_line(who="later.hired")),), undecided=1
    )
    yield Case(t, "nobody: unroutable", "An empty chain", (e.overdue(),), unroutable=1, people=without("rita", *ADMINISTRATORS, "sam"))
    foreign = e.overdue(e.overdue_line(who="4711"), attributes=THEIRS)
    yield Case(
        t, "another system's order-1 is another order", "two systems with a budget B1 are two budgets", (e.overdue(), foreign), (rita, rita)
    )


def reminders_purchaser() -> Iterable[Case]:
    t = "delivery-note-reminder-purchaser"
    quote = "If the options Delivery note second reminder and Delivery note third reminder have been activated"
    pia = letter(t, "pia", "1")
    yield Case(t, "level 1 is the requester's", "Delivery note reminder (Requester)", (e.overdue(),))
    yield Case(t, "level 2: the purchaser contact", quote, (e.overdue(level=2),), (pia,))
    yield Case(t, "level 3: the purchaser contact", quote, (e.overdue(level=3),), (pia,))
    yield Case(t, "first 2, then 3", "Told once: line+level+…", (e.overdue(level=2), e.overdue(level=3)), (pia, pia))
    yield Case(t, "3 was told: 2 no more", "of levels 2 and 3 only the higher one due", (e.overdue(level=3), e.overdue(level=2)), (pia,))
    second, third = {"first": 0, "second": None, "third": 10}, {"first": 0, "second": 5, "third": None}
    yield Case(t, "the second is off", "each on its own", (e.overdue(level=2, reminders=second),))
    yield Case(t, "the second is off, the third on", "each on its own", (e.overdue(level=3, reminders=second),), (pia,))
    yield Case(t, "the third is off", "each on its own", (e.overdue(level=3, reminders=third),))
    yield Case(t, "the third is off, the second on", "each on its own", (e.overdue(level=2, reminders=third),), (pia,))
    for level in (2, 3):
        on = f"level {level}: "
        yield Case(t, on + "not due yet", "the delivery date has passed", (e.overdue(e.overdue_line(due_on="2026-12-08"), level=level),))
        yield Case(
            t, on + "a delivery note is there", "has not yet created a delivery note", (e.overdue(e.overdue_line(noted=True), level=level),)
        )
        yield Case(t, on + "cancelled", "not cancelled", (e.overdue(e.overdue_line(cancelled=True), level=level),))
        again = (e.overdue(level=level), e.overdue(level=level, as_of="2026-12-08"))
        yield Case(t, on + "scanned again", "Told once: line+level+delivery date+R", again, (pia,))
        moved = e.overdue(e.overdue_line(delivery_date="2026-12-01", due_on="2026-12-02"), level=level)
        yield Case(t, on + "a new delivery date", "a new delivery date re-arms", (e.overdue(level=level), moved), (pia, pia))
    lines = (e.overdue_line("1", "rita"), e.overdue_line("2", "ron"))
    yield Case(t, "all lines together", "lines grouped per order and R", (e.overdue(*lines, level=2),), (letter(t, "pia", "1", "2"),))
    handed_on = (e.overdue(level=2), e.overdue(level=2, purchaser_contact="max"))
    yield Case(t, "another purchaser contact", "Told once: …+R", handed_on, (pia, letter(t, "max", "1")))
    other = e.overdue(level=2, order={"id": "order-2", "number": "4712"})
    yield Case(t, "line 1 of another order", "Told once: line+…", (e.overdue(level=2), other), (pia, pia))
    void = frozenset({Void(t, "order-1/1"), Void("delivery-note-reminder-requester", "order-1/1")})
    recorded = e.note(e.note_line("10"), origin="requester")
    yield Case(
        t, "the delivery note makes it void", "a reminder once the delivery note exists", (e.overdue(level=2), recorded), (pia,), void
    )
    yield Case(
        t, "a cancelled or moved line makes it void", "withdrawn before sending", (e.overdue(level=2), e.order_changed("1")), (pia,), void
    )

    def make(**changes: Any) -> Event:
        return e.overdue(level=2, **changes)

    yield from chain(t, make, "purchaser_contact", "pia", ("1",))
