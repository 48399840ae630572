"""What a case is: events, people, and the letters that are to come of it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from tests.oracle.directory import People
from tests.oracle.events import Event
from tests.oracle.letters import Letter, Void

TODAY = date(2026, 11, 23)
ADMINISTRATORS = ("ada", "adam")
THEIRS = {"emitter": "erp"}


@dataclass(frozen=True)
class Case:
    """What is told after these events, one after another, and what became void; `quote` is the seed's (or product.md's) word for it.

    Between the events people may come and go.
    """

    about: str
    name: str
    quote: str
    events: tuple[Event | Callable[[People], Any], ...]
    told: tuple[Letter, ...] = ()
    void: frozenset[Void] = frozenset()
    undecided: int = 0
    unroutable: int = 0
    people: Callable[[People], Any] = lambda people: people

    @property
    def id(self) -> str:
        return f"{self.about}: {self.name}"


def people() -> People:
    """A company with everybody that the seed speaks of, and another company."""
    everybody = People(known_as={("erp", "4711"): "rita", ("erp", "boss"): "max"})
    for name in ("rita", "ron"):
        everybody.add(name, ("requester", "acme"))
    everybody.add("bea", ("buyer", "acme"))
    for name in ("pia", "max", "uwe", "dan"):
        everybody.add(name)
    for name in ("carl", "carla"):
        everybody.add(name, ("controller", "acme"))
    for name in ("cara", "cody"):
        everybody.add(name, ("catalog-manager", "acme"))
    everybody.add("ada", ("company-administrator", "acme")).add("adam", ("company-administrator", "acme"))
    everybody.add("sam", ("administrator", ""))
    return everybody.add("otto", ("controller", "other"), ("company-administrator", "other"), ("catalog-manager", "other"))


def letter(message_type: str, person: str, *items: str, stands_for: str = "") -> Letter:
    return Letter(message_type, person, frozenset(items), stands_for)


def without(*gone: str) -> Callable[[People], Any]:
    """These are no longer active."""
    return lambda people: [people.change(one, active=False) for one in gone]


def away(who: str, deputy: str | None) -> Callable[[People], Any]:
    """Absent from yesterday to tomorrow."""
    return lambda people: [people.change(who, away=(date(2026, 11, 22), date(2026, 11, 24)), deputy=deputy)]


def comes(who: str, role: str, company: str) -> Callable[[People], Any]:
    """Somebody new takes up a role."""
    return lambda people: people.add(who, (role, company))


def all_of(*changes: Callable[[People], Any]) -> Callable[[People], Any]:
    return lambda people: [change(people) for change in changes]


def chain(about: str, make: Callable[..., Event], field: str, person: str, items: tuple[str, ...]) -> Iterable[Case]:
    """What holds for every type that is told to one person: the fallbacks, the deputy, the inactive, the unknown, and nobody at all."""
    quote = "alternatively, the administrator or system administrator"
    both = tuple(letter(about, one, *items) for one in ADMINISTRATORS)
    yield Case(about, "nobody is named: the administrators of the company", quote, (make(**{field: None}),), both)
    yield Case(about, "the one named is inactive: the administrators of the company", quote, (make(),), both, people=without(person))
    gone = without(person, *ADMINISTRATORS)
    yield Case(
        about, "and no administrator there: the system administrator", quote, (make(),), (letter(about, "sam", *items),), people=gone
    )
    nobody = without(person, *ADMINISTRATORS, "sam")
    yield Case(about, "nobody left at all: counted as unroutable", "An empty chain", (make(),), unroutable=1, people=nobody)
    unknown = "people who arrive after the event"
    yield Case(about, "a person nobody knows yet: it waits", unknown, (make(**{field: "later.hired"}),), undecided=1)
    deputy = letter(about, "dan", *items, stands_for=person)
    yield Case(about, "absent: the deputy", "absent people with a deputy", (make(),), (deputy,), people=away(person, "dan"))
    present = (letter(about, person, *items),)
    yield Case(about, "absent without a deputy: as if present", "without one, as if present", (make(),), present, people=away(person, None))
    both_away = all_of(away(person, "dan"), without("dan"))
    yield Case(about, "the deputy is inactive: as if present", "without one, as if present", (make(),), present, people=both_away)
