"""Control structures: cost codes and credit cards, and when their validity has run out."""

import re
from dataclasses import dataclass
from datetime import date

from po_service.domain.directory import SOURCE
from postroom.contracts import event, ids
from postroom.contracts.control import ControlStructureExpired
from postroom.contracts.event import Event

_DIGITS = re.compile(r"\d(?:[ -]?\d){12,18}(?![ -]?\d)")


@dataclass(frozen=True, slots=True)
class ControlStructure:
    """A cost code or credit card (`kind`) of a company; `code` is the code or the card's last four digits, `lead_days` of notice."""

    tenant: str
    id: str
    kind: str
    company: str
    code: str
    name: str
    valid_until: date
    person_responsible: str | None = None
    lead_days: int = 0
    zone: str = "UTC"


def holds_card_number(text: str) -> bool:
    """Whether 13 to 19 digits in it could be a card's number, by their check digit (Luhn, ISO/IEC 7812)."""
    return any(_luhn(re.sub(r"\D", "", found)) for found in _DIGITS.findall(text))


def _luhn(digits: str) -> bool:
    doubled = [int(digit) * (1 + position % 2) for position, digit in enumerate(reversed(digits))]
    return sum(number // 10 + number % 10 for number in doubled) % 10 == 0


def looked_at(structure: ControlStructure, today: date) -> date:
    """The day up to which its validity must reach: today in its company's zone, and the days of notice."""
    return date.fromordinal(min(today.toordinal() + structure.lead_days, date.max.toordinal()))


def is_due(structure: ControlStructure, today: date) -> bool:
    """Whether it has expired, or will within its days of notice; the last valid day is still valid."""
    return structure.valid_until < looked_at(structure, today)


def raised_key(structure: ControlStructure) -> tuple[str, tuple[str, ...]]:
    """Once per kind, id and end of validity: a renewed one may expire again."""
    return structure.tenant, (structure.kind, structure.id, structure.valid_until.isoformat())


def expired(structure: ControlStructure, today: date) -> Event:
    """ControlStructureExpired; its company is the owning one."""
    fact = ControlStructureExpired(
        structure=structure.id,
        kind=structure.kind,
        code=structure.code,
        name=structure.name,
        valid_until=structure.valid_until,
        as_of=looked_at(structure, today),
        lead_days=structure.lead_days,
        person_responsible=structure.person_responsible,
    )
    return event.new(
        fact,
        source=SOURCE,
        subject=structure.id,
        tenant=structure.tenant,
        id=ids.stable("control-structure-expired", structure.tenant, structure.kind, structure.id, structure.valid_until),
        company=structure.company,
    )
