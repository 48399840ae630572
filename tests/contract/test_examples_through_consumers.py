"""Every golden example of every topic through every consumer declared for it, on a real database."""

from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from tests.conftest import FreshDatabase
from tests.contract import background, support
from tests.contract.composition import PACKAGES, composed

from embedded.paths import ROOT
from postroom.contracts import emitters, topics
from postroom.contracts.examples import Example
from postroom.contracts.topics import Topic

REGISTER = emitters.load(ROOT / "deploy" / "emitters.yaml")
DECLARED = topics.declared(REGISTER.values())
PAIRS = [(service, topic) for topic in DECLARED for service in topic.consumers if topic.examples]


def _examples(topic: Topic) -> list[Example]:
    """The topic's examples; an external emitter's say a source that it may use."""
    if topic.name.startswith("in."):
        source = REGISTER[topic.owner].sources[0].replace("*", "tests")
        return [replace(example, value=orjson.dumps({**orjson.loads(example.value), "source": source})) for example in topic.examples]
    return list(topic.examples)


@pytest.mark.parametrize(("service", "topic"), PAIRS, ids=[f"{topic.name} → {service}" for service, topic in PAIRS])
async def test_every_example_has_its_effect_once(
    service: str, topic: Topic, fresh_database: FreshDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with composed(service, fresh_database, tmp_path, monkeypatch) as running:
        await background.prepare(service, running.pool, tmp_path / "blobs")
        records = support.records(_examples(topic), topic.name)
        first = await running.intake.process(records, "contract")
        assert await running.parked() == []
        assert (first.processed, first.duplicates) == (len(records), 0)
        again = [replace(record, offset=record.offset + len(records)) for record in records]
        second = await running.intake.process(again, "contract")
        assert (second.processed, second.duplicates, second.parked) == (0, len(records), 0)


@pytest.mark.parametrize("service", PACKAGES)
async def test_a_service_reads_the_topics_that_declare_it(
    service: str, fresh_database: FreshDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with composed(service, fresh_database, tmp_path, monkeypatch) as running:
        assert set(running.topics) == set(topics.consumed_by(service, DECLARED))
        assert running.intake.service == service
