"""An event and the people → the letters it leads to, each thing told once. What is told of which event: seed.py.

An event is a dict as it lies in Kafka: type, data, company, actor, emitter (none for our own services).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from tests.oracle.directory import People

Event = dict[str, Any]
Claim = tuple[Any, ...]


class NotKnownYet(Exception):  # noqa: N818 - somebody whom the directory may still bring
    """The event names a person who isn't there: all that it says to people like this one waits."""


@dataclass(frozen=True)
class Letter:
    """One message: its type, who gets it, the things it speaks of, and whom a deputy stands in for (of several, the first)."""

    message_type: str
    person: str
    items: frozenset[str]
    stands_for: str = ""


@dataclass(frozen=True)
class Void:
    """What was said of this thing needs to be told no more."""

    message_type: str
    about: str


@dataclass
class Oracle:
    """Remembers what was told: "once" is what people ask of it."""

    people: People
    day: date
    tells: "Mapping[str, Mapping[str, Tells]]"
    voiding: Mapping[str, Callable[[Event], Iterator[Void]]]
    told: set[Claim] = field(default_factory=set)
    unroutable: list[str] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)

    def letters(self, event: Event) -> list[Letter]:
        """What this event leads to, after all that came before."""
        found: list[Letter] = []
        for message_type, tells in self.tells.get(event["type"], {}).items():
            try:
                found += self._once(event, list(tells(self, event)))
            except NotKnownYet:
                self.undecided.append(message_type)
        return found

    def voids(self, event: Event) -> set[Void]:
        """What this event makes void."""
        return set(self.voiding[event["type"]](event)) if event["type"] in self.voiding else set()

    # -- people ---------------------------------------------------------------------------------------------------------------

    def first_of(self, message_type: str, event: Event, *hops: list[str] | None) -> list[str]:
        """The first hop with somebody in it; None is a person nobody knows yet, which makes it wait. Then the chain of administrators:

        "alternatively, the administrator or system administrator" (the company's before the whole system's: product.md, part A).
        """
        company = self.company(event)
        for hop in hops:
            if hop is None:
                raise NotKnownYet
            if hop:
                return hop
        for hop in (self.people.holding("company-administrator", company) if company else [], self.people.holding("administrator", "")):
            if hop:
                return hop
        self.unroutable.append(message_type)
        return []

    def person(self, event: Event, name: str | None) -> list[str] | None:
        """One person as a hop: nobody if unset or inactive, None if not known."""
        if not name:
            return []
        found = self.people.named(name, event.get("emitter", ""))
        if found is None:
            return None
        return [found.id] if found.active else []

    def company(self, event: Event) -> str:
        return event.get("company") or ""

    # -- once -----------------------------------------------------------------------------------------------------------------

    def _once(self, event: Event, wishes: "list[Wish]") -> list[Letter]:
        """ "Nobody twice within one type for one cause", also not a deputy who stands in for several."""
        scope = event.get("emitter", "")
        now: set[Claim] = set()
        letters: dict[str, Letter] = {}
        for wish in wishes:
            fresh = [item for item in wish.items if (scope, wish.message_type, *wish.claims[item]) not in self.told]
            now |= {(scope, wish.message_type, *wish.claims[item]) for item in wish.items}
            now |= {(scope, wish.message_type, *claim) for claim in wish.closes}
            if fresh:
                gets = self.people.reached(wish.person, self.day)
                shown = frozenset(fresh if wish.by_item else wish.items)
                letter = Letter(wish.message_type, gets, shown, wish.person if gets != wish.person else "")
                known = letters.get(gets)
                letters[gets] = replace(known, items=known.items | shown) if known else letter
        self.told |= now
        return list(letters.values())


@dataclass
class Wish:
    """Somebody who is to be told of some items, each with the claim that lets it be told once; `by_item`: only the fresh ones are shown."""

    message_type: str
    person: str
    items: list[str]
    claims: dict[str, Claim]
    by_item: bool = False
    closes: tuple[Claim, ...] = ()


Tells = Callable[[Oracle, Event], Iterator[Wish]]
