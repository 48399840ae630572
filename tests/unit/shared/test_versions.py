"""Old and new majors of an event side by side: the last two are read alike, what is too new or too old says so."""

import json
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest

from notification_rules.store import documents
from po_service.store import raised
from postroom.contracts import cloudevents, control, versions
from postroom.contracts.emitters import Emitter
from postroom.contracts.errors import Refused
from postroom.contracts.event import Event
from postroom.contracts.facts import FACTS
from postroom.contracts.fields import Text
from postroom.contracts.reading import Reader
from postroom.contracts.record import Record
from postroom.contracts.topics import of_emitter

OLD = {
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


class Second(control.BudgetExpired):
    """The next major: `title` instead of `name`."""

    TYPE: ClassVar[str] = "BudgetExpired.v2"
    title: Text
    name: Text = ""


class Third(Second):
    """And the one after it."""

    TYPE: ClassVar[str] = "BudgetExpired.v3"


def lift(data: dict[str, Any]) -> dict[str, Any]:
    return {"title": data["name"], **{name: value for name, value in data.items() if name != "name"}}


@pytest.fixture
def upgraded(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation that works with the second major."""
    monkeypatch.delitem(FACTS, "BudgetExpired.v1")
    monkeypatch.setitem(FACTS, "BudgetExpired.v2", Second)
    monkeypatch.setitem(versions.LIFTS, "BudgetExpired.v1", lift)


def record(major: int, data: Any = None, **more: Any) -> Record:
    attributes = {"specversion": "1.0", "id": "1", "source": "erp", "type": f"BudgetExpired.v{major}", "subject": "B1", "tenant": "demo"}
    document = {**attributes, "data": {**(OLD if data is None else data), **more}}
    return Record("in.erp", 0, 0, None, (), json.dumps(document).encode(), datetime(2026, 1, 2, tzinfo=UTC))


def read(one: Record) -> Event:
    emitter = Emitter(name="erp", tenants=("demo",), types=("BudgetExpired.v1",))
    return Reader(of_emitter(emitter), {"erp": emitter})(one)


def test_the_major_before_the_last_is_read_as_the_last(upgraded: None) -> None:
    event = read(record(1))
    assert (event.type, type(event.data)) == ("BudgetExpired.v2", Second)
    assert isinstance(event.data, Second)
    assert event.data.title == "Travel 2026"


def test_who_is_registered_for_a_major_may_write_the_next(upgraded: None) -> None:
    assert read(record(2, lift(OLD), later="a field that comes in the version after")).type == "BudgetExpired.v2"


def test_the_same_record_is_the_same_whichever_version_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else what an old process has taken in would be a conflict for the new one that reads it again."""
    before = read(record(1)).hash
    monkeypatch.delitem(FACTS, "BudgetExpired.v1")
    monkeypatch.setitem(FACTS, "BudgetExpired.v2", Second)
    monkeypatch.setitem(versions.LIFTS, "BudgetExpired.v1", lift)
    assert read(record(1)).hash == before


def test_a_later_major_is_refused_and_says_that_an_upgrade_helps() -> None:
    with pytest.raises(Refused, match=r"knows BudgetExpired.v1: upgrade this service, then postroom parked replay") as refused:
        read(record(2))
    assert refused.value.reason == "unknown_type"


def test_the_major_before_the_last_two_is_no_longer_read(upgraded: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(FACTS, "BudgetExpired.v2")
    monkeypatch.setitem(FACTS, "BudgetExpired.v3", Third)
    monkeypatch.delitem(versions.LIFTS, "BudgetExpired.v1")
    monkeypatch.setitem(versions.LIFTS, "BudgetExpired.v2", dict)
    assert cloudevents.decode(record(2, lift(OLD)), "erp").type == "BudgetExpired.v3"
    with pytest.raises(Refused, match=r"no longer read: the last two majors are, up to BudgetExpired.v3"):
        cloudevents.decode(record(1), "erp")


@pytest.mark.parametrize("gone", ["name", "budget"])
def test_old_data_that_can_not_be_lifted_are_refused(upgraded: None, gone: str) -> None:
    with pytest.raises(Refused) as refused:
        read(record(1, {name: value for name, value in OLD.items() if name != gone}))
    assert refused.value.reason == "invalid"


def test_an_event_that_waits_undecided_is_lifted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = documents.as_json(read(record(1)))
    monkeypatch.delitem(FACTS, "BudgetExpired.v1")
    monkeypatch.setitem(FACTS, "BudgetExpired.v2", Second)
    monkeypatch.setitem(versions.LIFTS, "BudgetExpired.v1", lift)
    event = documents.as_event(stored)
    assert (event.type, type(event.data)) == ("BudgetExpired.v2", Second)


async def test_what_was_raised_in_one_major_is_not_raised_again_in_the_next() -> None:
    """It is remembered under one name: else every budget that has expired would be told of again."""

    class Connection:
        asked: ClassVar[list[str]] = []

        async def fetch(self, _: str, fact: str, *__: object) -> list[Any]:
            self.asked.append(fact)
            return []

    for type_ in ("BudgetExpired.v1", "BudgetExpired.v2"):
        await raised.raise_once(Connection(), type_, [])  # type: ignore[arg-type]
        await raised.raised(Connection(), type_, [])  # type: ignore[arg-type]
    assert set(Connection.asked) == {"BudgetExpired.v1"}
