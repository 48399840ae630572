"""The people of a tenant, as plainly as the oracle needs them."""

from dataclasses import dataclass, field, replace
from datetime import date


@dataclass(frozen=True)
class Somebody:
    """A person; `roles` are (role, company), the company "" for a role of the whole tenant."""

    id: str
    roles: frozenset[tuple[str, str]] = frozenset()
    active: bool = True
    deputy: str | None = None
    away: tuple[date, date] | None = None

    def is_away(self, day: date) -> bool:
        return self.away is not None and self.away[0] <= day <= self.away[1]


@dataclass
class People:
    """Who is there; `known_as` are other systems' names for them: (emitter, name) → id."""

    everybody: dict[str, Somebody] = field(default_factory=dict)
    known_as: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, id_: str, *roles: tuple[str, str], **more: object) -> "People":
        """Somebody more."""
        self.everybody[id_] = Somebody(id_, frozenset(roles), **more)  # type: ignore[arg-type]
        return self

    def change(self, id_: str, **more: object) -> Somebody:
        """What is known of somebody changes."""
        self.everybody[id_] = replace(self.everybody[id_], **more)  # type: ignore[arg-type]
        return self.everybody[id_]

    def named(self, name: str, emitter: str = "") -> Somebody | None:
        """Whoever goes by this name in the emitter's system, or by this id."""
        return self.everybody.get(self.known_as.get((emitter, name), name))

    def holding(self, role: str, company: str) -> list[str]:
        """The active holders of a role in a company ("" for the whole tenant)."""
        return sorted(one.id for one in self.everybody.values() if one.active and (role, company) in one.roles)

    def reached(self, id_: str, day: date) -> str:
        """Who gets it for this person: an absent one's deputy, if there is one who is here; else the person."""
        person = self.everybody[id_]
        deputy = self.everybody.get(person.deputy or "")
        return deputy.id if person.is_away(day) and deputy and deputy.active and not deputy.is_away(day) else id_
