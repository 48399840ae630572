"""What other systems write is understood, or refused with the attribute and the way out."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from postroom.contracts import cloudevents, control, event
from postroom.contracts.emitters import Emitter
from postroom.contracts.errors import Refused
from postroom.contracts.event import Event
from postroom.contracts.reading import Reader
from postroom.contracts.record import Record
from postroom.contracts.topics import of_emitter

BUDGET = {
    "budget": "B1",
    "name": "Travel 2026",
    "kind": "user",
    "period_start": "2026-01-01",
    "period_end": "2026-06-30",
    "start_value": "100.00",
    "current_value": "0.00",
    "currency": "EUR",
    "reason": "date",
}
ATTRIBUTES = {"specversion": "1.0", "id": "1", "source": "erp/1", "type": "BudgetExpired.v1", "subject": "B1", "tenant": "demo"}
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def binary(data: object = BUDGET, **changes: str | None) -> Record:
    attributes = {**ATTRIBUTES, **changes}
    headers = tuple((f"ce_{name}", value.encode()) for name, value in attributes.items() if value is not None)
    return Record("in.erp", 0, 0, None, headers, json.dumps(data).encode(), NOW)


def structured(**changes: object) -> Record:
    document = {**ATTRIBUTES, "data": BUDGET, **changes}
    return Record("in.erp", 0, 0, None, (), json.dumps({k: v for k, v in document.items() if v is not None}).encode(), NOW)


def test_binary_and_structured_mode_say_the_same() -> None:
    """One event in both modes has one identity and one hash."""
    one, other = cloudevents.decode(binary(), "erp"), cloudevents.decode(structured(), "erp")
    assert one == other
    assert one.identity == ("erp", "erp/1", "1")
    assert one.key == "B1", "a writer that sets no Kafka key gets its subject's"


def test_what_is_written_is_read() -> None:
    """encode and structured are understood by decode."""
    original = event.new(control.BudgetExpired.model_validate(BUDGET), source="po-service", subject="B1", tenant="demo")
    headers, value = cloudevents.encode(original)
    record = Record("purchasing", 0, 0, b"B1", tuple(headers), value, NOW)
    assert cloudevents.decode(record, "po-service") == original
    assert cloudevents.decode(Record("purchasing", 0, 0, b"B1", (), cloudevents.structured(original), NOW), "po-service") == original


def test_when_it_was_written_is_kept_and_is_no_part_of_what_it_says() -> None:
    """It differs between two copies of one event, and is told to nobody."""
    one, copy = (cloudevents.decode(replace(binary(), timestamp=moment), "erp") for moment in (NOW, NOW + timedelta(days=1)))
    assert copy.written_at == NOW + timedelta(days=1)
    assert replace(one, time=copy.time) == copy
    assert cloudevents.encode(replace(one, time=copy.time)) == cloudevents.encode(copy)
    assert one.hash == copy.hash


@pytest.mark.parametrize("name", ["id", "source", "type", "subject", "tenant"])
def test_a_missing_attribute_is_named(name: str) -> None:
    """In both modes, absent and blank."""
    for record in (binary(**{name: None}), binary(**{name: " "}), structured(**{name: None})):
        with pytest.raises(Refused) as refused:
            cloudevents.decode(record, "erp")
        assert refused.value.path == name


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"start_value": 100.5}, "data.start_value"),
        ({"start_value": "1e999999"}, "data.start_value"),
        ({"start_value": "NaN"}, "data.start_value"),
        ({"period_end": "soon"}, "data.period_end"),
        ({"kind": None}, "data.kind"),
        ({"currency": 7}, "data.currency"),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, object], path: str) -> None:
    """Money through a float is refused as much as words for dates."""
    with pytest.raises(Refused) as refused:
        cloudevents.decode(binary({**BUDGET, **changes}), "erp")
    assert (refused.value.reason, refused.value.path) == ("invalid", path)
    assert "Value error" not in refused.value.detail


def test_a_moment_that_utc_has_no_year_for_is_named() -> None:
    """astimezone raises OverflowError there, which pydantic doesn't make a field error of."""
    receipt = {"receipt": "R1", "booking": "manual", "order": {"id": "1", "number": "1", "supplier": "S"}, "lines": []}
    late = binary(receipt | {"booked_at": "9999-12-31T23:59:59-14:00"}, type="GoodsReceived.v1")
    with pytest.raises(Refused) as refused:
        cloudevents.decode(late, "erp")
    assert (refused.value.reason, refused.value.path) == ("invalid", "data.booked_at")


@pytest.mark.parametrize(
    ("record", "path"),
    [
        (binary({**BUDGET, "name": "a\x00"}), "data.name"),
        (structured(id="\x00"), "id"),
        (structured(subject="\ud800"), "subject"),
        (binary(actor="a\x00b"), "ce_actor"),
    ],
)
def test_a_character_that_no_database_takes_is_named(record: Record, path: str) -> None:
    """Else the database refuses it, and knows no field."""
    with pytest.raises(Refused) as refused:
        cloudevents.decode(record, "erp")
    assert (refused.value.reason, refused.value.path) == ("invalid", path)
    assert cloudevents.decode(binary({**BUDGET, "mood": "\x00"}), "erp"), "a field that nobody reads"


@pytest.mark.parametrize("key", [b"k" * 2_001, b"\xff" * 700, b"a\x00b"])
def test_a_key_that_all_that_follows_would_have_to_carry_is_refused(key: bytes) -> None:
    """Decisions and messages have their cause's key: 300 KB of it a thousand times stopped the lanes of everybody."""
    record = replace(binary(), key=key)
    with pytest.raises(Refused) as refused:
        cloudevents.decode(record, "erp")
    assert (refused.value.reason, refused.value.path) == ("invalid", "key")
    mended = cloudevents.mended(record, record.value or b"")
    assert cloudevents.decode(mended, "erp").key == "B1", "it can be mended"
    assert cloudevents.mended(replace(record, key=b"good"), b"{}").key == b"good"


@pytest.mark.parametrize("value", [b"", b"\xff", b'{"a": 1, "a": 2}'])
def test_headers_tell_whose_value_is_no_json(value: bytes) -> None:
    """explain finds the parked record by its id, and its correction closes it."""
    assert cloudevents.peek(replace(binary(), value=value)) == ("erp/1", "1")


def test_unknown_fields_are_ignored() -> None:
    """A newer producer may say more."""
    assert cloudevents.decode(binary({**BUDGET, "mood": "good"}), "erp").data == cloudevents.decode(binary(), "erp").data


def test_the_hash_is_of_what_is_said_not_of_when() -> None:
    """Key order, time and trace are no part of it; a value is."""
    again = dict(reversed(BUDGET.items()))
    assert cloudevents.decode(binary(again, time="2026-01-01T00:00:00Z"), "erp").hash == cloudevents.decode(binary(), "erp").hash
    assert cloudevents.decode(binary({**BUDGET, "currency": "USD"}), "erp").hash != cloudevents.decode(binary(), "erp").hash


@pytest.mark.parametrize(
    ("changes", "path"), [({"tenant": "other"}, "tenant"), ({"source": "crm/1"}, "source"), ({"type": "PersonChanged.v1"}, "type")]
)
def test_an_emitter_may_say_what_it_is_registered_for_and_no_more(changes: dict[str, str], path: str) -> None:
    """What `ce_source` says of itself is believed only as far as the topic's owner may go."""
    erp = Emitter(name="erp", tenants=("demo",), sources=("erp/*",), types=("BudgetExpired.v1",))
    read = Reader(of_emitter(erp), {"erp": erp})
    assert isinstance(read(binary()), Event)
    person = {"person": "p", "name": "P"} if changes.get("type") else BUDGET
    with pytest.raises(Refused) as refused:
        read(binary(person, **changes))
    assert (refused.value.reason, refused.value.path) == ("forbidden", path)


def test_an_emitter_of_one_tenant_need_not_name_it() -> None:
    """The register knows it."""
    erp = Emitter(name="erp", tenants=("demo",), types=("BudgetExpired.v1",))
    assert Reader(of_emitter(erp), {"erp": erp})(binary(tenant=None)).tenant == "demo"
