"""Whose log a reply by mail becomes."""

from datetime import UTC, datetime

import pytest

from commlog_service.domain import replies
from commlog_service.domain.orders import Order, Person
from commlog_service.domain.replies import Answered, Recipient, Reply

SAM = Person(person="sam", name="Sam", email="sam@seller.example", side="supplier", company="seller")
BEA = Person(person="bea", name="Bea", email="Bea@Buyer.example", side="client", company="buyer")
BOTH = [
    Person(person="agent-s", name="Agent", email="agent@both.example", side="supplier"),
    Person(person="agent-c", name="Agent", email="agent@both.example", side="client"),
]
ORDER = Order(
    tenant="acme",
    id="o",
    number="1",
    supplier="seller",
    supplier_name="Seller",
    buyer="buyer",
    buyer_name="Buyer",
    people=[SAM, BEA, *BOTH],
)
SENT = Answered(
    send="s",
    tenant="acme",
    order_id="o",
    side="supplier",
    recipients=[
        Recipient(mailbox="typed@buyer.example", name=""),
        Recipient(mailbox="gone@buyer.example", name="Greta Gone", person="greta"),
    ],
)


def reply(address: str, **changes: str) -> Reply:
    fields = {"send": "s", "message_id": "<1@x>", "from_address": address, "from_name": "The Boss", "text": "Yes", "raw": "0" * 64}
    return Reply.model_validate({**fields, **changes, "received_at": datetime(2026, 11, 23, tzinfo=UTC)})


@pytest.mark.parametrize(
    ("address", "person", "name", "company", "side"),
    [
        ("bea@buyer.example", "bea", "Bea", "Buyer", "client"),
        ("SAM@seller.example", "sam", "Sam", "Seller", "supplier"),
        ("typed@buyer.example", "mail:typed@buyer.example", "typed@buyer.example", "", "client"),
        ("gone@buyer.example", "greta", "Greta Gone", "", "client"),
        ("agent@both.example", "agent-c", "Agent", "Buyer", "client"),
    ],
)
def test_the_author_is_who_has_the_address_and_never_who_the_mail_names(
    address: str, person: str, name: str, company: str, side: str
) -> None:
    found = replies.author(reply(address), ORDER, SENT)
    assert found is not None
    assert (found.person, found.name, found.company, found.side) == (person, name, company, side)


def test_of_two_with_one_address_the_recipient_answers() -> None:
    as_supplier = SENT.model_copy(update={"recipients": [Recipient(mailbox="agent@both.example", name="Agent", person="agent-s")]})
    found = replies.author(reply("agent@both.example"), ORDER, as_supplier)
    assert found is not None
    assert found.person == "agent-s"


def test_a_stranger_is_nobody_and_named_by_the_address_alone() -> None:
    eve = reply("eve@evil.example")
    assert replies.author(eve, ORDER, SENT) is None
    named = replies.stranger(eve, SENT)
    assert (named.person, named.name, named.company, named.side) == ("mail:eve@evil.example", "eve@evil.example", "", "client")
    assert replies.stranger(reply(""), SENT).name == "unknown"


def test_what_a_machine_wrote_is_held_whoever_it_belongs_to() -> None:
    for held in (
        replies.held(reply("bea@buyer.example", automatic="Precedence: bulk"), ORDER, SENT),
        replies.held(reply("bea@buyer.example", unclear="it names 2 senders"), ORDER, SENT),
        replies.held(reply("eve@evil.example"), ORDER, SENT),
    ):
        assert held is not None
    assert replies.held(reply("bea@buyer.example"), ORDER, SENT) is None
