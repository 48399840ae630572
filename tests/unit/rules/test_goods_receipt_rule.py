"""Type 4, "(Automatic) Receipt of goods": the person who ordered the goods; sent when receipt of goods is booked automatically."""

from tests.unit.rules.rules_support import NOW, decided, directory, event, goods_received, person, reasons, told

from notification_rules.domain.letters import made, requested
from postroom.contracts.purchasing import GoodsReceived

ANNA, BEN, CARL = person("anna"), person("ben"), person("carl")
PEOPLE = directory(ANNA, BEN, CARL)


def test_each_person_who_ordered_is_told_of_own_lines_only() -> None:
    outcome = decided(goods_received(("1", "anna"), ("2", "ben"), ("3", "anna")), PEOPLE)
    assert told(outcome) == [("anna", "orderer"), ("ben", "orderer")]
    lines = {one.found.told.person: [line["line"] for line in one.facts["lines"]] for one in outcome.messages.values()}
    assert lines == {"anna": ["1", "3"], "ben": ["2"]}


def test_booked_by_hand_tells_nobody_and_says_why() -> None:
    outcome = decided(goods_received(("1", "anna"), booking="manual"), PEOPLE)
    assert told(outcome) == []
    assert reasons(outcome) == ["booked by hand, and only an automatic booking is told"]


def test_once_per_note_and_person_also_when_it_is_booked_again() -> None:
    taken: set[tuple[str, str, str]] = set()
    decided(goods_received(("1", "anna")), PEOPLE, taken)
    again = decided(goods_received(("1", "anna"), ("2", "ben")), PEOPLE, taken)
    assert told(again) == [("ben", "orderer")]
    assert reasons(again) == ["this person has been told of this delivery note's receipt before"]


def test_another_note_is_told_again() -> None:
    taken: set[tuple[str, str, str]] = set()
    decided(goods_received(("1", "anna")), PEOPLE, taken)
    assert told(decided(goods_received(("1", "anna"), note="note-2"), PEOPLE, taken)) == [("anna", "orderer")]


def test_without_a_note_the_receipt_is_what_is_told_once() -> None:
    outcome = decided(goods_received(("1", "anna"), note=None), PEOPLE)
    assert [(key[2], taken.about) for key, taken in outcome.claims.items()] == [('["receipt-1","anna"]', "receipt-1")]


def test_who_has_left_is_replaced_by_the_administrators_one_message_each_for_all_their_lines() -> None:
    roles = {("company-administrator", "buyer"): ("carl",)}
    people = directory(person("anna", active=False), person("ben", active=False), CARL, roles=roles)
    outcome = decided(goods_received(("1", "anna"), ("2", "ben")), people)
    assert told(outcome) == [("carl", "company administrator")]
    (message,) = outcome.messages.values()
    assert [line["line"] for line in message.facts["lines"]] == ["1", "2"]
    assert "the orderer anna is inactive" in message.found.because


def test_an_orderer_who_is_an_administrator_too_gets_one_message_with_both_hops() -> None:
    people = directory(person("anna", active=False), CARL, roles={("company-administrator", "buyer"): ("carl",)})
    outcome = decided(goods_received(("1", "anna"), ("2", "carl")), people)
    assert told(outcome) == [("carl", "company administrator, orderer")]


def test_the_message_carries_address_language_and_reason_as_of_the_decision() -> None:
    people = directory(person("anna", language="de", zone="Europe/Vienna"))
    (message,) = decided(goods_received(("1", "anna"), key="order-1"), people).messages.values()
    sent = requested(message)
    assert (sent.key, sent.tenant, sent.type) == ("order-1", "demo", "MessageRequested.v1")
    data = sent.data.model_dump(mode="json")
    assert data["recipient"] == {
        "person": "anna",
        "name": "Anna",
        "email": "anna@example.org",
        "language": "de",
        "zone": "Europe/Vienna",
        "hop": "orderer",
    }
    assert (data["order"], data["order_number"], data["about"]) == ("order-1", "4321", ["note-1"])
    assert (data["reason"], data["channels"], data["mandatory"]) == ("Sie haben diese Ware bestellt", ["inbox", "email"], False)
    assert data["facts"]["lines"] == [{"line": "1", "item": "item 1", "quantity": "2", "unit": "EA", "ordered_by": "anna"}]


def test_a_message_has_the_same_id_whichever_event_asks_for_it_and_each_person_has_their_own() -> None:
    first = set(decided(goods_received(("1", "anna"), ("2", "ben")), PEOPLE).messages)
    again = set(decided(goods_received(("1", "anna"), ("2", "ben"), source="elsewhere"), PEOPLE).messages)
    assert first == again
    assert len(first) == 2


def test_a_receipt_without_lines_is_no_message() -> None:
    outcome = decided(goods_received(), PEOPLE)
    assert (told(outcome), reasons(outcome)) == ([], ["the event names no line"])


def test_each_decision_is_published_with_its_cause() -> None:
    data = GoodsReceived.model_validate({**goods_received(("1", "anna")).data.model_dump(), "booked_at": NOW})
    cause = event(data, id="event-1")
    (decision,) = decided(cause, PEOPLE).decisions
    fact = made(decision).data.model_dump()
    assert fact["cause"] == {"emitter": "po-service", "source": "po-service", "id": "event-1", "type": "GoodsReceived.v1"}
    assert (fact["outcome"], fact["rule"], fact["person"], fact["hop"]) == ("message", "goods-receipt", "anna", "orderer")
    assert fact["order_number"] == "4321"
