"""Types 3 and 5: cost codes and credit cards, and budgets."""

from collections.abc import Iterable

from tests.oracle import events as e
from tests.oracle.case import ADMINISTRATORS, THEIRS, Case, chain, letter


def control_structures() -> Iterable[Case]:
    t = "control-structure-expired"
    quote = "Sent to the person responsible when cost codes or credit cards expire"
    max_ = letter(t, "max", "cost-code")
    card = e.structure(structure="V1", kind="credit-card", code="4242")
    yield Case(t, "a cost code: the person responsible", quote, (e.structure(),), (max_,))
    yield Case(t, "a credit card: the person responsible", quote, (card,), (letter(t, "max", "credit-card"),))
    yield Case(t, "valid today still", "valid_until < today", (e.structure(valid_until="2026-11-23"),))
    yield Case(t, "valid until tomorrow", "valid_until < today", (e.structure(valid_until="2026-11-24"),))
    yield Case(t, "found again the next day", "Told once: kind+id+valid_until", (e.structure(), e.structure(as_of="2026-11-24")), (max_,))
    renewed = e.structure(valid_until="2027-11-22", as_of="2027-11-23")
    yield Case(t, "renewed, and expired again", "Told once: kind+id+valid_until", (e.structure(), renewed), (max_, max_))
    handed_on = (e.structure(), e.structure(person_responsible="uwe"))
    yield Case(t, "a new person responsible", "is not told of an old expiry", handed_on, (max_,))
    other = (e.structure(), e.structure(kind="credit-card"))
    yield Case(t, "a card with the cost code's id is another thing", "Told once: kind+id+…", other, (max_, letter(t, "max", "credit-card")))
    second = (e.structure(), e.structure(structure="K2"))
    yield Case(t, "two cost codes", quote, second, (max_, max_))
    yield Case(t, "another system's", "or by an alias", (e.structure(THEIRS, person_responsible="boss"),), (max_,))
    yield from chain(t, e.structure, "person_responsible", "max", ("cost-code",))


def budgets() -> Iterable[Case]:
    t = "budget-expired"
    max_ = letter(t, "max", "B1")
    yield Case(
        t,
        "a user budget: the user in question",
        "For user budgets, the user in question",
        (e.budget(kind="user"),),
        (letter(t, "uwe", "B1"),),
    )
    for kind in ("cost-code", "credit-card"):
        yield Case(
            t,
            f"a {kind} budget: its manager",
            "for cost code or credit card budgets, the relevant manager",
            (e.budget(kind=kind),),
            (max_,),
        )
    yield Case(t, "any other budget: the budget manager", "Relevant budget manager", (e.budget(kind="other"),), (max_,))
    user = e.budget(kind="user", owner=None)
    yield Case(
        t,
        "a user budget without user: the administrators, not the manager",
        "alternatively the administrator",
        (user,),
        tuple(letter(t, a, "B1") for a in ADMINISTRATORS),
    )
    yield Case(t, "exhausted", "reason = date or exhausted", (e.budget(reason="exhausted"),), (max_,))
    yield Case(t, "a warning is no expiry", "a warning level is a type of its own", (e.budget(reason="warning"),))
    yield Case(t, "exhausted and then over", "once per period and reason", (e.budget(reason="exhausted"), e.budget()), (max_, max_))
    yield Case(t, "checked again", "once per period and reason", (e.budget(), e.budget(current_value="11.00")), (max_,))
    yield Case(
        t,
        "the next period",
        "once per period and reason",
        (e.budget(), e.budget(period_start="2026-11-01", period_end="2026-11-20")),
        (max_, max_),
    )
    yield Case(t, "a new manager", "is not told of an old expiry", (e.budget(), e.budget(manager="uwe")), (max_,))
    yield Case(t, "another budget", "Sent when budgets expire", (e.budget(), e.budget(budget="B2")), (max_, letter(t, "max", "B2")))
    yield Case(
        t,
        "two systems' budgets B1 are two",
        "two systems with a budget B1 are two budgets",
        (e.budget(), e.budget(THEIRS, manager="boss")),
        (max_, max_),
    )
    yield from chain(t, e.budget, "manager", "max", ("B1",))
