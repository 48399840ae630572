"""Types 9 and 10: minimum order price not reached."""

from collections.abc import Iterable

from tests.oracle import events as e
from tests.oracle.case import ADMINISTRATORS, THEIRS, Case, away, chain, letter, without


def minimum_requester() -> Iterable[Case]:
    t, quote = "minimum-order-value-requester", "The message contains the items requested by the requester"
    rita, ron = letter(t, "rita", "i1", "i3"), letter(t, "ron", "i2")
    yield Case(t, "each requester, own items", quote, (e.minimum(),), (rita, ron))
    yield Case(t, "the minimum is reached", "if the minimum order value … is not reached", (e.minimum(total="100.00"),))
    yield Case(t, "one cent below", "if the minimum order value … is not reached", (e.minimum(total="99.99"),), (rita, ron))
    yield Case(t, "numbers, not text", "if the minimum order value … is not reached", (e.minimum(total="9.00"),), (rita, ron))
    yield Case(t, "more than the minimum", "if the minimum order value … is not reached", (e.minimum(total="1000"),))
    yield Case(t, "nothing to order", "0 < total < minimum", (e.minimum(total="0.00"),))
    once = "Only one message is sent for each item, even if the minimum order value is still not reached when the next order is generated"
    yield Case(t, "the next run with the same items", once, (e.minimum(), e.minimum(run="run-2")), (rita, ron))
    more = e.minimum(run="run-2", items={"i1": "rita", "i2": "ron", "i3": "rita", "i4": "rita"})
    yield Case(t, "the next run with one item more: that one", once, (e.minimum(), more), (rita, ron, letter(t, "rita", "i4")))
    moved = e.minimum(run="run-2", items={"i1": "ron"})
    yield Case(t, "an item that has moved to another requester", once, (e.minimum(), moved), (rita, ron))
    foreign = e.minimum(THEIRS, items={"i1": "4711"})
    yield Case(
        t,
        "another system's item i1 is another item",
        "two systems with a budget B1 are two budgets",
        (e.minimum(), foreign),
        (rita, ron, letter(t, "rita", "i1")),
    )
    mine = e.minimum(items={"i1": "rita"})
    yield Case(
        t,
        "inactive: the administrators",
        "the same chain applies",
        (mine,),
        tuple(letter(t, a, "i1") for a in ADMINISTRATORS),
        people=without("rita"),
    )
    yield Case(
        t,
        "absent: the deputy",
        "absent people with a deputy",
        (mine,),
        (letter(t, "dan", "i1", stands_for="rita"),),
        people=away("rita", "dan"),
    )
    yield Case(t, "nobody: unroutable", "An empty chain", (mine,), unroutable=1, people=without("rita", *ADMINISTRATORS, "sam"))
    yield Case(t, "not known yet: it waits", "people who arrive after the event", (e.minimum(items={"i1": "later.hired"}),), undecided=1)


def minimum_purchaser() -> Iterable[Case]:
    t, quote = "minimum-order-value-purchaser", "Sent when the minimum order value … is not reached when a purchase order is generated"
    pia = letter(t, "pia", "run-1")
    yield Case(t, "the purchaser contact", quote, (e.minimum(),), (pia,))
    yield Case(t, "the minimum is reached", quote, (e.minimum(total="100"),))
    yield Case(t, "nothing to order", "0 < total < minimum", (e.minimum(total="0"),))
    yield Case(t, "the same run again", "Told once: run+order+R", (e.minimum(), e.minimum()), (pia,))
    yield Case(t, "the next run", "Told once: run+order+R", (e.minimum(), e.minimum(run="run-2")), (pia, letter(t, "pia", "run-2")))
    other = e.minimum(order={"id": "order-2", "number": "4712"})
    yield Case(t, "another order of the same run", "Told once: run+order+R", (e.minimum(), other), (pia, pia))
    handed_on = e.minimum(purchaser_contact="max")
    yield Case(t, "another purchaser contact", "Told once: …+R", (e.minimum(), handed_on), (pia, letter(t, "max", "run-1")))
    yield from chain(t, e.minimum, "purchaser_contact", "pia", ("run-1",))
