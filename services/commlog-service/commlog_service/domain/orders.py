"""The order as commlog-service knows it: enough to say who may read, and who is told."""

from postroom.contracts.commlog import Author
from postroom.contracts.fields import Part
from postroom.contracts.purchasing import OrderRef


class Person(Part):
    """A contact of an order; `side` is supplier or client."""

    person: str
    name: str = ""
    email: str | None = None
    side: str
    company: str | None = None


class Order(Part):
    """An order, its two companies by id and name, and its people."""

    tenant: str
    id: str
    number: str
    supplier: str
    supplier_name: str
    buyer: str
    buyer_name: str
    contract: str | None = None
    people: list[Person] = []

    @property
    def ref(self) -> OrderRef:
        return OrderRef(id=self.id, number=self.number, supplier=self.supplier_name, contract=self.contract)

    def others(self, side: str) -> list[str]:
        """The people of the other side, each once."""
        return list(dict.fromkeys(person.person for person in self.people if person.side != side))

    def author(self, person: str, name: str, side: str) -> Author:
        """Who writes, with the company's name."""
        return Author(person=person, name=name or person, company=self.supplier_name if side == "supplier" else self.buyer_name, side=side)
