"""One rule, ready to run."""

from dataclasses import dataclass

from notification_rules.domain.declaration import DeclaredRule, Texts
from notification_rules.domain.expressions import Expression

# What every event has, as expressions see it: event.company, event.subject …
EVENT_FIELDS = ("emitter", "source", "id", "type", "subject", "tenant", "company", "actor")


@dataclass(frozen=True, slots=True)
class Check:
    """A compiled condition."""

    expression: Expression
    otherwise: str


@dataclass(frozen=True, slots=True)
class Step:
    """A compiled hop, passed over unless `when` is true: `person`, or `role` with the `company` it is held in."""

    hop: Texts
    because: Texts
    when: Expression | None
    person: Expression | None
    role: str | None
    company: Expression | None


@dataclass(frozen=True, slots=True)
class Once:
    """A compiled claim; where it is `per_line`, each expression gives a list, one entry a line."""

    key: Expression
    about: Expression
    closes: Expression | None
    told: str
    per_line: bool


@dataclass(frozen=True, slots=True)
class Voiding:
    """A compiled `withdraws`."""

    message_types: tuple[str, ...]
    about: Expression
    when: Expression | None
    because: Texts


@dataclass(frozen=True, slots=True)
class Opening:
    """What a click leads to: `what` and the `id`, or one expression that gives both (`what` is "" then)."""

    what: str
    id: Expression


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of rules.yaml, compiled. A rule without `claim` tells nothing; it only withdraws.

    `fields` are all that its expressions name behind a dot: nothing else of a line is converted for CEL.
    """

    declared: DeclaredRule
    fields: frozenset[str]
    when: tuple[Check, ...]
    for_each: Expression | None
    where: tuple[Check, ...]
    line_each: Expression | None
    steps: tuple[Step, ...]
    claim: Once | None
    not_to: Expression | None
    opens: Opening | None
    sender: Expression | None
    withdraws: tuple[Voiding, ...]

    @property
    def name(self) -> str:
        return self.declared.name

    @property
    def message_type(self) -> str:
        """The template's folder; "" for a rule that only withdraws."""
        return self.declared.message_type or ""
