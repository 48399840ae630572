"""What a person may say about their mail, and how it is shown."""

import re
from datetime import time
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema, model_validator

from notification_rules.domain.message_types import MessageType
from notification_rules.domain.people import Person
from notification_rules.domain.preferences import Change, Mail, Preferences, QuietHours

_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def _time_of_day(given: Any) -> time:
    if not isinstance(given, str) or not _TIME.fullmatch(given):
        msg = 'must be a time of day such as "22:00", on your own clock'
        raise ValueError(msg)
    return time.fromisoformat(given)


TimeOfDay = Annotated[
    time,
    BeforeValidator(_time_of_day),
    PlainSerializer(lambda value: f"{value:%H:%M}", return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{_TIME.pattern}$", "examples": ["22:00"]}),
]
TypeName = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]


class Body(BaseModel):
    """A misspelt field is an error."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Quiet(Body):
    """On the person's own clock; `until` may lie on the next day."""

    start: TimeOfDay = Field(alias="from")
    until: TimeOfDay

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if self.start == self.until:
            raise ValueError("from and until are the same time; send quiet_hours null for no quiet hours")
        return self


class Wishes(Body):
    """What is left out stays as it is. `quiet_hours` null ends them; a type that is null follows `mail` again."""

    mail: Mail | None = None
    quiet_hours: Quiet | None = None
    digest_at: TimeOfDay | None = None
    types: dict[TypeName, Mail | None] = Field(default={}, max_length=500)

    @property
    def change(self) -> Change:
        quiet = QuietHours(self.quiet_hours.start, self.quiet_hours.until) if self.quiet_hours else None
        return Change(self.mail, self.types, "quiet_hours" not in self.model_fields_set, quiet, self.digest_at)


class Wish(Body):
    """`mail` null: as for all optional types."""

    mail: Mail | None


class TypeShown(BaseModel):
    """`own`: set for this type alone, not by `mail` for all."""

    message_type: str
    label: dict[str, str]
    mandatory: bool
    mail: Mail
    own: bool


class Shown(BaseModel):
    """`person` is None-safe: somebody whom the directory doesn't know has no name, and the zone UTC."""

    model_config = ConfigDict(serialize_by_alias=True)

    person: str
    name: str
    email: str | None
    zone: str
    mail: Mail
    quiet_hours: Quiet | None
    digest_at: TimeOfDay
    types: list[TypeShown]


def shown(person: Person, preferences: Preferences, types: dict[str, MessageType]) -> Shown:
    """Everything that a person can choose, and what they chose; mandatory types among it, for it is said that they are."""
    quiet = preferences.quiet
    return Shown(
        person=person.person,
        name=person.name,
        email=person.email,
        zone=person.zone,
        mail=preferences.mail,
        quiet_hours=Quiet(start=f"{quiet.start:%H:%M}", until=f"{quiet.until:%H:%M}") if quiet else None,
        digest_at=f"{preferences.digest_at:%H:%M}",
        types=[
            TypeShown(
                message_type=one.name,
                label=one.label,
                mandatory=one.mandatory,
                mail="now" if one.mandatory else preferences.of(one.name),
                own=not one.mandatory and one.name in preferences.types,
            )
            for one in types.values()
            if one.by_mail
        ],
    )
