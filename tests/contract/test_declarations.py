"""What holds for every declared topic, event type and emitter."""

from collections import Counter
from pathlib import Path

import pytest

from embedded.paths import ROOT
from postroom.contracts import emitters, examples, topics, versions
from postroom.contracts.facts import FACTS
from postroom.contracts.topics import Topic

REGISTER = emitters.load(ROOT / "deploy" / "emitters.yaml")
DECLARED = topics.declared(REGISTER.values())
SERVICES = {"po-service", "commlog-service", "notification-rules", "mailer-service"}
THIRTY_DAYS = 30 * 24 * 3600 * 1000

every_topic = pytest.mark.parametrize("topic", DECLARED, ids=lambda topic: topic.name)


def test_a_topic_is_declared_once() -> None:
    assert [name for name, times in Counter(topic.name for topic in DECLARED).items() if times > 1] == []


def test_every_event_type_has_one_topic_of_ours() -> None:
    published = Counter(fact.TYPE for topic in topics.OWNED for fact in topic.facts)
    assert published == dict.fromkeys(FACTS, 1)


def test_only_the_owner_writes_a_topic_of_ours() -> None:
    assert {topic.name: topic.writers for topic in topics.OWNED} == {topic.name: (topic.owner,) for topic in topics.OWNED}
    assert {topic.owner for topic in topics.OWNED} == SERVICES


@every_topic
def test_its_consumers_are_services_and_its_key_is_named(topic: Topic) -> None:
    assert set(topic.consumers) <= SERVICES
    assert topic.key


@every_topic
def test_what_lies_in_it_stays_for_thirty_days_at_least(topic: Topic) -> None:
    assert topic.compacted or topic.retention_ms == topics.FOR_EVER or topic.retention_ms >= THIRTY_DAYS
    assert topic.settings["cleanup.policy"] == ("compact" if topic.compacted else "delete")


@every_topic
def test_the_broker_takes_its_largest_record_with_headers(topic: Topic) -> None:
    assert int(topic.settings["max.message.bytes"]) > topic.max_bytes


def test_every_consuming_service_has_a_parked_topic_that_takes_any_record_it_may_read() -> None:
    consuming = {service for topic in DECLARED for service in topic.consumers}
    assert consuming == SERVICES
    parked = {topic.name: topic.max_bytes for topic in topics.OWNED if topic.name.startswith("parked.")}
    for service in consuming:
        assert parked[f"parked.{service}"] >= max(topic.max_bytes for topic in DECLARED if service in topic.consumers)


def test_every_emitter_has_a_topic_of_its_own_that_only_it_writes() -> None:
    own = {topic.name: topic.writers for topic in DECLARED if topic.name.startswith(("in.", "ubl."))}
    expected = {f"in.{name}": (name,) for name in REGISTER}
    assert own == expected | {f"ubl.{name}": (name,) for name, emitter in REGISTER.items() if emitter.endpoints}


@pytest.mark.parametrize("type_", sorted(FACTS))
def test_every_event_type_has_examples_and_a_minimal_one_among_them(type_: str) -> None:
    names = [example.name for example in examples.of_type(type_)]
    assert "minimal" in names
    assert len(names) >= 2


def test_both_accepted_majors_have_examples_and_no_other() -> None:
    assert set(examples.types()) == FACTS.keys() | versions.LIFTS.keys()


def test_an_earlier_major_is_lifted_to_one_that_there_is() -> None:
    assert {versions.current(type_) for type_ in versions.LIFTS} <= FACTS.keys()
    assert not versions.LIFTS.keys() & FACTS.keys()
    names = Counter(type_.rpartition(".v")[0] for type_ in FACTS)
    assert set(names.values()) == {1}, "an event has one current major; the one before it belongs into LIFTS"


def test_an_emitter_with_a_type_that_does_not_exist_is_refused_by_name(tmp_path: Path) -> None:
    register = tmp_path / "emitters.yaml"
    register.write_text("erp: {tenants: [demo], types: [GodsReceived.v1]}")
    with pytest.raises(ValueError, match=r"(?s)emitters.yaml: emitter .erp.: .*no such event type: GodsReceived.v1"):
        emitters.load(register)
