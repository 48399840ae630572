"""rules.yaml as it is written: what a rule may say, before its expressions are compiled."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from postroom.contracts import versions

# Of much longer ones the compiler runs out of stack, and takes the service with it.
Cel = Annotated[str, Field(min_length=1, max_length=4_000)]
Sentence = Annotated[str, Field(min_length=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]


class Declared(BaseModel):
    """A misspelt field is an error, not a setting without effect."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Texts(Declared):
    """What a recipient reads, in their language; a plain string serves all languages."""

    en: Sentence
    de: Sentence | None = None

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, given: Any) -> Any:
        return {"en": given} if isinstance(given, str) else given

    def of(self, language: str) -> str:
        """De for de, de-AT …; else en."""
        return (self.de or self.en) if language.lower().partition("-")[0] == "de" else self.en


class Condition(Declared):
    """`is` must be true; otherwise nothing is sent, for the reason `otherwise`."""

    is_: Cel = Field(alias="is")
    otherwise: Sentence


class Lines(Declared):
    """Which lines of the list `of` are told: those that pass each condition; `each` names whose line it is (own lines only)."""

    of: str
    where: list[Condition] = []
    each: Cel | None = None


class Hop(Declared):
    """One hop of a chain: a person, or the holders of a role (in a company, or in the whole tenant), or another chain's hops.

    Unless `when` is true the hop is passed over; `because` is why its people are told.
    """

    hop: Texts | None = None
    when: Cel | None = None
    because: Texts | None = None
    person: Cel | None = None
    role: str | None = None
    company: Cel | None = None
    chain: str | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(kind is not None for kind in (self.person, self.role, self.chain)) != 1:
            raise ValueError("a hop is either a person, or a role, or a chain")
        if self.chain is None and not (self.hop and self.because):
            raise ValueError("a hop needs its name (hop) and the reason that its people are told (because)")
        if self.chain is not None and (self.when or self.hop or self.because):
            raise ValueError("a chain has its own hops; hop, when and because belong to those")
        if self.company is not None and self.role is None:
            raise ValueError("company belongs to a role")
        return self


class NotTo(Declared):
    """A person who is not told, for the reason `otherwise`, and nobody in their place: who made a change knows of it."""

    person: Cel
    otherwise: Sentence


class Claim(Declared):
    """What is told once: `key` is a list, with R for the person where a role names the recipient; `told` says that it was told before.

    `closes` are further keys (a list of lists) that need not be told any more once this has been.
    """

    key: Cel
    about: Cel
    told: Sentence
    per: Literal["message", "line"] = "message"
    closes: Cel | None = None


class Opens(Declared):
    """What a click on the message leads to: `what` is order, budget, catalog …, `id` its id."""

    what: Name
    id: Cel


class Withdraws(Declared):
    """What an event makes void: whatever messages of these types have said of `about` (a list of ids, as their claims name them)."""

    message_types: list[Name] = Field(min_length=1)
    about: Cel
    when: Cel | None = None
    because: Texts


_TELLING = ("message_type", "recipients", "claim")
_ONLY_TELLING = ("label", "mandatory", "channels", "for_each", "lines", "not_to", "unreachable", "opens", "sender")


class DeclaredRule(Declared):
    """One row of the table: whom an event tells what, or what it withdraws, or both.

    A customer's may take the place of one of the house's, which `replaces` names.
    `opens` is {what, id}, or an expression that gives such a map (or null). `sender` is a person's id or a name.
    """

    name: Name
    replaces: Name | None = None
    event: Annotated[str, Field(pattern=r"^[A-Z]\w*\.v\d+$")]
    message_type: Name | None = None
    label: Texts | None = None
    mandatory: bool = False
    channels: list[Literal["inbox", "email"]] = Field(default=["inbox", "email"], min_length=1)
    when: list[Condition] = []
    for_each: Cel | None = None
    lines: Lines | None = None
    recipients: list[Hop] = []
    not_to: NotTo | None = None
    unreachable: Sentence | None = None
    claim: Claim | None = None
    opens: Opens | Cel | None = None
    sender: Cel | None = None
    withdraws: list[Withdraws] = []

    @field_validator("event")
    @classmethod
    def _as_of_today(cls, event: str) -> str:
        """A rule for the major before the last is one for the last: its events come as such."""
        return versions.current(event) if event in versions.LIFTS else event

    @model_validator(mode="after")
    def _tells_or_withdraws(self) -> Self:
        said = [name for name in _TELLING if getattr(self, name)]
        if (said or not self.withdraws) and len(said) < len(_TELLING):
            missing = next(name for name in _TELLING if name not in said)
            raise ValueError(f"{missing} is missing: a rule tells (message_type, recipients, claim), or withdraws, or both")
        if not said and (odd := [name for name in _ONLY_TELLING if name in self.model_fields_set]):
            raise ValueError(f"{odd[0]} belongs to a rule that tells, and this one only withdraws")
        return self

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.for_each and self.lines and self.lines.each:
            raise ValueError("for_each and lines.each both say whom a message is for; keep one")
        if self.claim and self.claim.per == "line" and self.lines is None:
            raise ValueError("claim.per: line needs lines")
        return self


class Declaration(Declared):
    """The whole file."""

    chains: dict[Name, list[Hop]] = {}
    handled_elsewhere: dict[str, Sentence] = {}
    rules: list[DeclaredRule] = []


FIELDS = sorted({field.alias or name for model in Declared.__subclasses__() for name, field in model.model_fields.items()})
"""All names that a field of a file of rules may have, wherever it stands."""
