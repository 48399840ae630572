"""Facts of po-service about people and companies: each carries the whole record, so the last one wins."""

from datetime import date
from typing import ClassVar

from postroom.contracts.fields import Fact, Id, Part, Text


class Role(Part):
    """A role a person holds: in one company, or in the whole tenant where `company` is empty."""

    role: Id
    company: Id | None = None


class Alias(Part):
    """What another system calls this person or company."""

    emitter: Id
    id: Id


class PersonChanged(Fact):
    """A person as the directory knows them now. A contact without log-on has no roles."""

    TYPE: ClassVar[str] = "PersonChanged.v1"

    person: Id
    name: Text
    email: Text | None = None
    language: Text = "en"
    zone: Text = "UTC"
    company: Id | None = None
    active: bool = True
    provisional: bool = False
    roles: list[Role] = []
    aliases: list[Alias] = []
    deputy: Id | None = None
    absent_from: date | None = None
    absent_until: date | None = None


class CompanyChanged(Fact):
    """A company as the directory knows it now; `zone` decides when its day ends."""

    TYPE: ClassVar[str] = "CompanyChanged.v1"

    company: Id
    name: Text
    zone: Text = "UTC"
    active: bool = True
    aliases: list[Alias] = []
