"""rules.yaml as it is written: what a rule may say, before its expressions are compiled."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Cel = Annotated[str, Field(min_length=1)]
Sentence = Annotated[str, Field(min_length=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]


class Declared(BaseModel):
    """A misspelt field is an error, not a setting without effect."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


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

    hop: str = ""
    when: Cel | None = None
    because: str = ""
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


class Claim(Declared):
    """What is told once: `key` is a list, with R for the person where a role names the recipient; `told` says that it was told before."""

    key: Cel
    about: Cel
    told: Sentence
    per: Literal["message", "line"] = "message"


class DeclaredRule(Declared):
    """One row of the table."""

    name: Name
    event: Annotated[str, Field(pattern=r"^[A-Z]\w*\.v\d+$")]
    message_type: Name
    mandatory: bool = False
    channels: list[Literal["inbox", "email"]] = Field(default=["inbox", "email"], min_length=1)
    when: list[Condition] = []
    for_each: Cel | None = None
    lines: Lines | None = None
    recipients: list[Hop] = Field(min_length=1)
    unreachable: Sentence | None = None
    claim: Claim

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.for_each and self.lines and self.lines.each:
            raise ValueError("for_each and lines.each both say whom a message is for; keep one")
        if self.claim.per == "line" and self.lines is None:
            raise ValueError("claim.per: line needs lines")
        return self


class Declaration(Declared):
    """The whole file."""

    chains: dict[Name, list[Hop]] = {}
    handled_elsewhere: dict[str, Sentence] = {}
    rules: list[DeclaredRule]
