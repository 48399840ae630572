"""Types 4 and 6: automatic receipt of goods, and wrong delivery."""

from collections.abc import Iterable
from typing import Any

from tests.oracle import events as e
from tests.oracle.case import ADMINISTRATORS, THEIRS, Case, all_of, away, chain, letter, without
from tests.oracle.events import Event


def goods_receipts() -> Iterable[Case]:
    t, quote = "goods-receipt", "Person who ordered the goods: Sent when receipt of goods is booked automatically"
    both = (letter(t, "rita", "1", "3"), letter(t, "ron", "2"))
    mine = {"lines": {"1": "rita"}}
    yield Case(t, "each who ordered, own lines only", quote, (e.received(),), both)
    yield Case(t, "booked by hand", "booking = automatic", (e.received(booking="manual"),))
    yield Case(t, "the same note again", "Told once: note+R", (e.received(), e.received(receipt="R2")), both)
    yours = (e.received(**mine), e.received(lines={"2": "ron"}))
    yield Case(t, "the same note, another orderer's line", "Told once: note+R", yours, (letter(t, "rita", "1"), letter(t, "ron", "2")))
    yield Case(t, "another note", "Told once: note+R", (e.received(**mine), e.received(note="N2", **mine)), (letter(t, "rita", "1"),) * 2)
    without_note = (e.received(note=None, **mine), e.received(note=None, receipt="R2", **mine))
    yield Case(t, "without a note the receipt counts", quote, without_note, (letter(t, "rita", "1"),) * 2)
    yield Case(
        t,
        "inactive: the administrators get the lines",
        "the same chain applies",
        (e.received(**mine),),
        tuple(letter(t, a, "1") for a in ADMINISTRATORS),
        people=without("rita"),
    )
    some = (letter(t, "ron", "2"), *(letter(t, a, "1", "3") for a in ADMINISTRATORS))
    yield Case(t, "one of two inactive", "the same chain applies", (e.received(),), some, people=without("rita"))
    yield Case(
        t,
        "absent: the deputy",
        "absent people with a deputy",
        (e.received(**mine),),
        (letter(t, "dan", "1", stands_for="rita"),),
        people=away("rita", "dan"),
    )
    both_away = all_of(away("rita", "dan"), away("ron", "dan"))
    all_lines = (letter(t, "dan", "1", "2", "3", stands_for="rita"),)
    yield Case(
        t, "one deputy for two: one message", "nobody twice within one type for one cause", (e.received(),), all_lines, people=both_away
    )
    yield Case(
        t,
        "one of them is not known yet: all of it waits",
        "people who arrive after the event",
        (e.received(lines={"1": "rita", "2": "later.hired"}),),
        undecided=1,
    )
    yield Case(
        t, "nobody left: unroutable", "An empty chain", (e.received(**mine),), unroutable=1, people=without("rita", *ADMINISTRATORS, "sam")
    )
    yield Case(
        t,
        "two systems' notes N1 are two",
        "two systems with a budget B1 are two budgets",
        (e.received(**mine), e.received(THEIRS, lines={"1": "4711"})),
        (letter(t, "rita", "1"),) * 2,
    )


def wrong_deliveries() -> Iterable[Case]:
    t, quote = "wrong-delivery", "Sent when the quantity delivered recorded in the delivery note differs from the quantity ordered"
    pia = letter(t, "pia", "1")
    short, right = e.note_line("8"), e.note_line("10")
    yield Case(t, "too little", quote, (e.note(short),), (pia,))
    yield Case(t, "too much", quote, (e.note(e.note_line("12")),), (pia,))
    yield Case(t, "as ordered", quote, (e.note(right),))
    yield Case(t, "as ordered, written otherwise", quote, (e.note(e.note_line("10.000")),))
    yield Case(t, "nine of ten: numbers, not text", quote, (e.note(e.note_line("9")),), (pia,))
    yield Case(
        t,
        "only the lines that differ",
        quote,
        (e.note(short, e.note_line("5", "5", "2"), e.note_line("0", "1", "3")),),
        (letter(t, "pia", "1", "3"),),
    )
    rest = e.note_line("4", previously_delivered="6")
    yield Case(t, "the rest of a partial delivery", "against the open quantity", (e.note(rest),))
    yield Case(t, "all of it again", "against the open quantity", (e.note(e.note_line("10", previously_delivered="6")),), (pia,))
    boxes = e.note_line("10", delivered_unit="BX")
    yield Case(t, "another unit", "another unit is [wrong]", (e.note(boxes),), (pia,))
    muted: Event = {"partial_announced": True, "mute_announced_partials": True}
    yield Case(t, "an announced partial delivery, muted", "a contract flag mutes announced partial deliveries", (e.note(short, **muted),))
    yield Case(t, "announced, but the contract doesn't mute", "a contract flag mutes …", (e.note(short, partial_announced=True),), (pia,))
    yield Case(t, "muted, but not announced", "announced partial deliveries", (e.note(short, mute_announced_partials=True),), (pia,))
    yield Case(t, "too much is no partial delivery", "announced partial deliveries", (e.note(e.note_line("12"), **muted),), (pia,))
    yield Case(
        t,
        "another unit is no partial delivery",
        "announced partial deliveries",
        (e.note(e.note_line("8", delivered_unit="BX"), **muted),),
        (pia,),
    )
    yield Case(t, "the same again", "Told once: note+hash of differences+R", (e.note(short), e.note(short, version=2)), (pia,))
    yield Case(
        t, "a correction with a new difference", "is a new message", (e.note(short), e.note(e.note_line("7"), version=2)), (pia, pia)
    )
    yield Case(t, "a correction that is right", quote, (e.note(short), e.note(right, version=2)), (pia,))
    yield Case(t, "another note with the same difference", "Told once: note+…", (e.note(short), e.note(short, note="N2")), (pia, pia))
    handed_on = (e.note(short), e.note(short, purchaser_contact="max"))
    yield Case(t, "another purchaser contact", "Told once: …+R", handed_on, (pia, letter(t, "max", "1")))
    yield Case(t, "nobody's line", quote, (e.note(),))

    def make(**changes: Any) -> Event:
        return e.note(e.note_line("8"), **changes)

    yield from chain(t, make, "purchaser_contact", "pia", ("1",))
