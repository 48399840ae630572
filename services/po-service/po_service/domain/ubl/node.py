"""One element and what is asked of it; each refusal names the XPath."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from lxml import etree

from postroom.contracts.errors import Refused

CAC = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
CBC = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
NAMES = {"cac": CAC, "cbc": CBC}
_PREFIX = {CAC: "cac:", CBC: "cbc:"}
_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(Z|[+-]\d{2}:\d{2})?", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(\d{1,18}(\.\d{0,12})?|\.\d{1,12})", re.ASCII)
ID, TEXT = 200, 4_000


@dataclass(frozen=True, slots=True)
class Node:
    """A UBL element; paths are written cac:Contract/cbc:ID."""

    element: etree._Element

    def child(self, path: str) -> "Node | None":
        """The first element there, or None."""
        found = self.element.find(path, NAMES)
        return None if found is None else Node(found)

    def need_child(self, path: str) -> "Node":
        """The first element there; a document without it is invalid."""
        found = self.child(path)
        if found is None:
            raise Refused("invalid", "this element is missing", f"{self.path}/{path}")
        return found

    def children(self, path: str) -> Iterator["Node"]:
        """All elements there, in the document's order."""
        return (Node(found) for found in self.element.iterfind(path, NAMES))

    def text(self, path: str, limit: int = TEXT) -> str:
        """The text there, trimmed; '' where there is none."""
        found = self.element.find(path, NAMES)
        value = "" if found is None else (found.text or "").strip()
        if len(value) > limit:
            raise Refused("invalid", f"longer than {limit} characters", f"{self.path}/{path}")
        return value

    def need(self, path: str, limit: int = ID) -> str:
        """The text there; a document without it is invalid."""
        value = self.text(path, limit)
        if not value:
            raise Refused("invalid", "a value is missing here", f"{self.path}/{path}")
        return value

    def day(self, path: str) -> date | None:
        """A calendar day; a zone behind it is of no use and left out."""
        value = self.text(path, ID)
        if not value:
            return None
        match = _DATE.fullmatch(value)
        try:
            return date.fromisoformat(match[1] if match else "")
        except ValueError as error:
            raise Refused("invalid", f"{value[:40]!r} is no date such as 2026-11-23", f"{self.path}/{path}") from error

    def need_day(self, path: str) -> date:
        """A calendar day that must be there."""
        self.need(path)
        value = self.day(path)
        assert value is not None  # noqa: S101 - need() has seen it
        return value

    def decimal(self, path: str) -> Decimal | None:
        """An exact number, or None where there is none."""
        value = self.text(path, ID)
        if not value:
            return None
        if not _DECIMAL.fullmatch(value):
            raise Refused("invalid", f"{value[:40]!r} is no decimal number of at most 18 and 12 digits", f"{self.path}/{path}")
        return Decimal(value)

    def quantity(self, path: str) -> Decimal | None:
        """A decimal that can't be negative."""
        value = self.decimal(path)
        if value is not None and value < 0:
            raise Refused("invalid", "a quantity can't be negative", f"{self.path}/{path}")
        return value

    def attribute(self, path: str, name: str) -> str:
        """An attribute of the element there; '' where there is none."""
        found = self.element.find(path, NAMES)
        value = "" if found is None else (found.get(name) or "").strip()
        if len(value) > ID:
            raise Refused("invalid", f"longer than {ID} characters", f"{self.path}/{path}/@{name}")
        return value

    @property
    def path(self) -> str:
        """Where this element stands, such as /Order/cac:OrderLine[2]/cac:LineItem."""
        steps = []
        element: etree._Element | None = self.element
        while element is not None:
            steps.append(_step(element))
            element = element.getparent()
        return "/" + "/".join(reversed(steps))


def _step(element: etree._Element) -> str:
    name = etree.QName(element)
    step = _PREFIX.get(name.namespace or "", "") + name.localname
    parent = element.getparent()
    twins = [] if parent is None else parent.findall(str(element.tag))
    return f"{step}[{twins.index(element) + 1}]" if len(twins) > 1 else step
