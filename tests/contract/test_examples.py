"""A golden example stands for what lies in Kafka: it is read, whole, in every mode, for as long as its version lives."""

from typing import Any

import orjson
import pytest
from pydantic import BaseModel
from tests.contract import support

from postroom.contracts import cloudevents, examples, versions
from postroom.contracts.examples import Example
from postroom.contracts.facts import FACTS

ALL = [example for type_ in examples.types() for example in examples.of_type(type_)]
every_example = pytest.mark.parametrize("example", ALL, ids=lambda example: f"{example.type}/{example.name}")


@every_example
def test_it_is_understood_in_both_modes_alike(example: Example) -> None:
    read = [cloudevents.decode(make(example, "t", 0), "someone") for make in (support.structured, support.binary)]
    assert read[0] == read[1]
    assert type(read[0].data) is FACTS[versions.current(example.type)]


@every_example
def test_what_we_write_of_it_is_read_as_the_same_event(example: Example) -> None:
    event = cloudevents.decode(support.structured(example, "t", 0), "someone")
    assert cloudevents.decode(support.written(event, "t", 0), "someone").data == event.data
    again = cloudevents.decode(support.structured(Example("", "", cloudevents.structured(event)), "t", 0), "someone")
    assert (again.identity, again.subject, again.tenant, again.data) == (event.identity, event.subject, event.tenant, event.data)


@pytest.mark.parametrize("example", [one for one in ALL if one.type in FACTS], ids=lambda example: f"{example.type}/{example.name}")
def test_nothing_in_it_is_lost(example: Example) -> None:
    """A field that was removed, renamed or retyped would be: an event in Kafka would no longer say what it said."""
    data = orjson.loads(example.value)["data"]
    model = FACTS[example.type]
    kept = model.model_validate(data).model_dump(mode="json")
    assert _lost(data, kept) == []
    # Times may be written with another offset, and defaults be added, but what is said stays.
    assert model.model_validate(kept) == model.model_validate(data)


@pytest.mark.parametrize("type_", sorted(FACTS))
def test_its_minimal_example_names_what_is_required_and_nothing_else(type_: str) -> None:
    minimal = next(example for example in examples.of_type(type_) if example.name == "minimal")
    required = {name for name, field in FACTS[type_].model_fields.items() if field.is_required()}
    assert set(orjson.loads(minimal.value)["data"]) == required, "a new field needs a default, or every event already written breaks"


@pytest.mark.parametrize("type_", sorted(FACTS))
def test_together_the_examples_show_every_field(type_: str) -> None:
    shown = {path for example in examples.of_type(type_) for path in _paths(orjson.loads(example.value)["data"])}
    missing = _fields(FACTS[type_]) - shown
    assert not missing, f"add a new example to contracts/examples/{type_}/ that shows {sorted(missing)}"


def _lost(before: Any, after: Any, path: str = "data") -> list[str]:
    """The paths of `before` that `after` doesn't have."""
    if isinstance(before, dict) and isinstance(after, dict):
        gone = [f"{path}.{name}" for name in before.keys() - after.keys()]
        return gone + [lost for name in before.keys() & after.keys() for lost in _lost(before[name], after[name], f"{path}.{name}")]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [lost for one, other in zip(before, after, strict=True) for lost in _lost(one, other, f"{path}[]")]
    return [] if type(before) is type(after) else [path]


def _paths(value: Any, path: str = "") -> set[str]:
    """The names of all fields in the data, such as lines.item."""
    if isinstance(value, list):
        return {found for one in value for found in _paths(one, path)}
    if not isinstance(value, dict):
        return {path}
    return {path, *(found for name, one in value.items() for found in _paths(one, f"{path}.{name}".lstrip(".")))}


def _fields(model: type[BaseModel], path: str = "") -> set[str]:
    """The names of all fields of the model and of its parts."""
    found = set()
    for name, field in model.model_fields.items():
        here = f"{path}.{name}".lstrip(".")
        found.add(here)
        for part in _parts(field.annotation):
            found |= _fields(part, here)
    return found


def _parts(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [part for argument in getattr(annotation, "__args__", ()) for part in _parts(argument)]
