"""Why somebody is told: for them in their language and with people's names as far as they are known, for operators in English with ids."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from notification_rules.domain.declaration import Texts

_FAILED = {
    "unset": Texts(en="no {hop} is set", de="{hop}: niemand eingetragen"),
    "unknown": Texts(en="the {hop} {id} is not in the directory", de="{hop}: {id} steht nicht im Verzeichnis"),
    "inactive": Texts(en="the {hop}, {name}, is no longer active", de="{hop}: {name} ist nicht mehr aktiv"),
    "no-company": Texts(en="no company is named whose {hop} could be told", de="{hop}: kein Unternehmen genannt"),
    "vacant": Texts(en="there is no active {hop}", de="{hop}: niemand aktiv"),
}
_FAILED_FOR_OPERATORS = {
    "unset": "no {hop} is set",
    "unknown": "the {hop} {id} is not in the directory",
    "inactive": "the {hop} {id} is inactive",
    "no-company": "no company is named whose {hop} could be told",
    "vacant": "there is no active {hop}",
}
_MORE = Texts(en="and {count} more reasons", de="und {count} weitere Gründe")
_AT_MOST = 12
_STANDS_IN = Texts(en="you stand in for {name}, who is absent", de="Sie vertreten {name} (abwesend)")


@dataclass(frozen=True, slots=True)
class Failure:
    """A hop at which nobody could be told: `id` is the person, or for `vacant` the company; `name` the person's."""

    kind: Literal["unset", "unknown", "inactive", "no-company", "vacant"]
    hop: Texts
    id: str = ""
    name: str = ""

    def for_operators(self) -> str:
        said = _FAILED_FOR_OPERATORS[self.kind].format(hop=self.hop.en, id=self.id)
        return f"{said} of {self.id}" if self.kind == "vacant" and self.id else said


@dataclass(frozen=True, slots=True)
class Why:
    """What a hop says its people are told for, what failed before it, and whom its person stands in for."""

    because: Texts
    failed: tuple[Failure, ...] = ()
    stands_in_for: str = ""


def for_operators(whys: Iterable[Why]) -> str:
    """One sentence for the decision."""
    return joined(
        part for why in whys for part in (why.because.en, *(one.for_operators() for one in why.failed), _absent(why.stands_in_for, "en"))
    )


def for_person(whys: Iterable[Why], language: str) -> str:
    """One sentence for the mail and the inbox."""
    said = (
        part
        for why in whys
        for part in (why.because.of(language), *(_failed(one, language) for one in why.failed), _absent(why.stands_in_for, language))
    )
    return joined(said, language)


def _failed(failure: Failure, language: str) -> str:
    return _FAILED[failure.kind].of(language).format(hop=failure.hop.of(language), id=failure.id, name=failure.name)


def _absent(name: str, language: str) -> str:
    return _STANDS_IN.of(language).format(name=name) if name else ""


def joined(parts: Iterable[str], language: str = "en") -> str:
    """Each thing once, also when several chains have led to the same person; nobody reads a thousand."""
    once = list(dict.fromkeys(part for part in parts if part))
    left = [_MORE.of(language).format(count=len(once) - _AT_MOST)] if len(once) > _AT_MOST else []
    return "; ".join([*once[:_AT_MOST], *left])
