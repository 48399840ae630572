"""Type 8: failure on invoice check."""

from collections.abc import Iterable

from tests.oracle import events as e
from tests.oracle.case import ADMINISTRATORS, Case, all_of, away, comes, letter, without
from tests.oracle.directory import People


def invoices() -> Iterable[Case]:
    t, quote = "invoice-check-failed", "Controller: Sent when an error occurs during invoice processing"
    both = (letter(t, "carl", "I1"), letter(t, "carla", "I1"))
    yield Case(t, "every controller of the company", quote, (e.invoice(),), both)
    yield Case(t, "another company's controller", quote, (e.invoice({"company": "other"}),), (letter(t, "otto", "I1"),))
    yield Case(t, "no error code: no error", "error in processing", (e.invoice(code=""),))
    yield Case(t, "a retry with the same code", "is no new message", (e.invoice(), e.invoice(text="again")), both)
    grown = (e.invoice(), comes("cem", "controller", "acme"), e.invoice())
    yield Case(t, "a controller who came between", "Told once: …+R", grown, (*both, letter(t, "cem", "I1")))
    yield Case(t, "another code", "Told once: invoice+version+code+R", (e.invoice(), e.invoice(code="QTY")), both * 2)
    yield Case(t, "the next version", "Told once: invoice+version+code+R", (e.invoice(), e.invoice(version=2)), both * 2)
    yield Case(
        t, "another invoice", quote, (e.invoice(), e.invoice(invoice="I2")), (*both, letter(t, "carl", "I2"), letter(t, "carla", "I2"))
    )
    yield Case(t, "an inactive controller", quote, (e.invoice(),), both[:1], people=without("carla"))
    quote = "the same chain applies"
    chain = tuple(letter(t, a, "I1") for a in ADMINISTRATORS)
    yield Case(t, "no controller: the administrators", quote, (e.invoice(),), chain, people=without("carl", "carla"))

    def for_all(people: People) -> None:
        people.change("pia", roles=frozenset({("controller", "")}))

    yield Case(
        t,
        "a controller of the whole tenant, where the company has none",
        quote,
        (e.invoice(),),
        (letter(t, "pia", "I1"),),
        people=all_of(without("carl", "carla"), for_all),
    )
    yield Case(t, "where the company has some, not the tenant's", "Controller(s) of the company", (e.invoice(),), both, people=for_all)
    yield Case(
        t, "the system administrator", quote, (e.invoice(),), (letter(t, "sam", "I1"),), people=without("carl", "carla", *ADMINISTRATORS)
    )
    yield Case(
        t, "nobody: unroutable", "An empty chain", (e.invoice(),), unroutable=1, people=without("carl", "carla", *ADMINISTRATORS, "sam")
    )
    yield Case(
        t,
        "absent: the deputy",
        "absent people with a deputy",
        (e.invoice(),),
        (letter(t, "dan", "I1", stands_for="carl"), both[1]),
        people=away("carl", "dan"),
    )
