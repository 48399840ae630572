"""Type 2: carbon-copy registrations."""

from collections.abc import Iterable

from tests.oracle import events as e
from tests.oracle.case import ADMINISTRATORS, Case, away, comes, letter, without
from tests.oracle.directory import People


def carbon_copies() -> Iterable[Case]:
    t, quote = "carbon-copy-registration", "Administrator, Company administrator: Sent when a user logs on … for the first time"
    all_ = tuple(letter(t, one, "nina") for one in ("sam", "ada", "adam"))
    yield Case(t, "administrator and company administrators", quote, (e.carbon_copy(),), all_)
    yield Case(t, "also when the new user is blocked", quote, (e.carbon_copy(blocked=True),), all_)
    yield Case(t, "a later log-on", "for the first time", (e.carbon_copy(first=False),))
    yield Case(t, "the same again", "Told once: new user+R", (e.carbon_copy(), e.carbon_copy(logged_on_at="2026-11-24T09:00:00Z")), all_)
    grown = (e.carbon_copy(), comes("anna", "company-administrator", "acme"), e.carbon_copy())
    yield Case(t, "an administrator who came between", "Told once: new user+R", grown, (*all_, letter(t, "anna", "nina")))
    another = (e.carbon_copy(), e.carbon_copy(user="noah"))
    yield Case(
        t, "another new user", "Told once: new user+R", another, (*all_, *(letter(t, one, "noah") for one in ("sam", "ada", "adam")))
    )
    quote = "the same chain applies"
    yield Case(t, "no company administrator", quote, (e.carbon_copy(),), all_[:1], people=without(*ADMINISTRATORS))
    yield Case(t, "no system administrator", quote, (e.carbon_copy(),), all_[1:], people=without("sam"))
    yield Case(t, "nobody: unroutable", "An empty chain", (e.carbon_copy(),), unroutable=1, people=without(*ADMINISTRATORS, "sam"))

    def one_is_both(people: People) -> None:
        people.change("sam", roles=frozenset({("administrator", ""), ("company-administrator", "acme")}))

    yield Case(t, "who is both gets one", "nobody twice within one type for one cause", (e.carbon_copy(),), all_, people=one_is_both)
    yield Case(
        t,
        "another company's administrators",
        "Company administrator",
        (e.carbon_copy({"company": "other"}),),
        (all_[0], letter(t, "otto", "nina")),
    )
    yield Case(
        t,
        "absent: the deputy",
        "absent people with a deputy",
        (e.carbon_copy(),),
        (letter(t, "dan", "nina", stands_for="sam"), *all_[1:]),
        people=away("sam", "dan"),
    )
