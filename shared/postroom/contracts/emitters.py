"""The external systems that may write to Postroom, each with a topic of its own."""

from fnmatch import fnmatchcase
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from postroom.contracts import versions
from postroom.contracts.errors import Refused
from postroom.contracts.event import Event
from postroom.contracts.facts import FACTS
from postroom.contracts.versions import LIFTS


class Emitter(BaseModel):
    """What one external system may say: its topic is `in.<name>`, and for raw UBL `ubl.<name>`.

    `sources` are patterns with `*`; `endpoints` are the Peppol endpoints (scheme:id) whose documents it may hand in, `*` for any;
    `ubl_tenant` is the buying organisation its documents belong to.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")
    tenants: tuple[str, ...] = Field(min_length=1)
    sources: tuple[str, ...] = ("*",)
    types: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    ubl_tenant: str | None = None

    @field_validator("types")
    @classmethod
    def _known(cls, types: tuple[str, ...]) -> tuple[str, ...]:
        """As of today: who was registered for a major may write the next one too."""
        if unknown := sorted(set(types) - FACTS.keys() - LIFTS.keys()):
            msg = f"no such event type: {', '.join(unknown)}; there are {', '.join(sorted(FACTS))}"
            raise ValueError(msg)
        return tuple(dict.fromkeys(map(versions.current, types)))

    @property
    def default_tenant(self) -> str | None:
        """An emitter of one tenant needn't name it."""
        return self.tenants[0] if len(self.tenants) == 1 else None

    def check(self, event: Event) -> None:
        """Raise Refused('forbidden') unless this emitter may say this."""
        for path, allowed, value in (
            ("type", event.type in self.types, event.type),
            ("tenant", event.tenant in self.tenants, event.tenant),
            ("source", any(fnmatchcase(event.source, pattern) for pattern in self.sources), event.source),
        ):
            if not allowed:
                raise Refused("forbidden", f"the emitter {self.name!r} is not registered for the {path} {value!r}", path)


def load(path: Path) -> dict[str, Emitter]:
    """Read the register, a YAML mapping of name → what it may emit."""
    entries = yaml.safe_load(path.read_text("utf-8")) or {}
    found = {}
    for name, entry in entries.items():
        try:
            found[name] = Emitter(name=name, **entry)
        except (ValidationError, TypeError) as error:
            msg = f"{path.name}: emitter {name!r}: {error}"
            raise ValueError(msg) from error
    return found
