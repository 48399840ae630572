"""`postroom emit` against a real broker: what is written, what is told, what is kept back."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from postroom.contracts import examples

POSTROOM = str(Path(sys.executable).with_name("postroom"))
TOPIC = "in.wms"
EXAMPLE = next(example for example in examples.of_type("GoodsReceived.v1") if example.name == "automatic")


def _event(**changes: Any) -> dict[str, Any]:
    return {**json.loads(EXAMPLE.value), "id": str(uuid4()), **changes}


def _lines(*events: Any) -> str:
    return "".join(f"{event if isinstance(event, str) else json.dumps(event)}\n" for event in events)


def _emit(kafka: str, file: str, *options: str, given: str = "") -> subprocess.CompletedProcess[str]:
    argv = [POSTROOM, "--kafka", kafka, "emit", file, "--emitter", "wms", *options]
    return subprocess.run(argv, check=False, capture_output=True, text=True, input=given, timeout=60)


class Written:
    """What has come to the topic since the test began."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    async def records(self, expected: int) -> list[ConsumerRecord[bytes, bytes]]:
        found: list[ConsumerRecord[bytes, bytes]] = []
        while len(found) < expected:
            batch = await self._consumer.getmany(timeout_ms=20_000)
            if not batch:
                break
            found += [one for records in batch.values() for one in records]
        # Nothing beyond them.
        late = await self._consumer.getmany(timeout_ms=300)
        return found + [one for records in late.values() for one in records]


@pytest.fixture
async def written(kafka: str) -> AsyncIterator[Written]:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False)
    await consumer.start()
    partitions = [TopicPartition(TOPIC, number) for number in range(3)]
    consumer.assign(partitions)
    await consumer.seek_to_end(*partitions)
    for partition in partitions:
        await consumer.position(partition)
    yield Written(consumer)
    await consumer.stop()


async def test_a_line_is_written_as_it_stands_with_its_subject_as_the_key(kafka: str, written: Written) -> None:
    events = [_event(), _event(subject="another")]
    done = _emit(kafka, "-", given=_lines(*events))
    assert (done.returncode, done.stdout, done.stderr) == (0, "2 event(s) written to in.wms\n", "")
    records = {record.key: record for record in await written.records(2)}
    assert {key: json.loads(record.value) for key, record in records.items()} == {one["subject"].encode(): one for one in events}
    assert records[b"another"].headers == (("content-type", b"application/cloudevents+json"),)


async def test_an_indented_document_is_one_event(kafka: str, written: Written, tmp_path: Path) -> None:
    file = tmp_path / "event.json"
    file.write_bytes(EXAMPLE.value)
    assert _emit(kafka, str(file)).returncode == 0
    assert [record.value for record in await written.records(1)] == [EXAMPLE.value.strip()]


async def test_what_will_be_parked_is_written_and_told_with_line_and_field(kafka: str, written: Written) -> None:
    broken = _event(data={**_event()["data"], "lines": [{"line": "1", "quantity": 10, "unit": "C62", "ordered_by": "otto"}]})
    done = _emit(kafka, "-", "--json", given=_lines(_event(), "", broken, _event(type="Nope.v1")))
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert report["sent"] == 3
    doubts = [(doubt["line"], doubt["reason"], doubt["path"], doubt["sent"]) for doubt in report["doubts"]]
    assert doubts == [(3, "invalid", "data.lines.0.quantity", True), (4, "unknown_type", "type", True)]
    assert len(await written.records(3)) == 3


async def test_what_is_no_json_is_kept_back_unless_forced(kafka: str, written: Written) -> None:
    done = _emit(kafka, "-", given="not json\n")
    assert done.returncode == 1
    assert "line 1: not written: unreadable: not strict JSON" in done.stderr
    assert _emit(kafka, "-", "--force", given="not json\n").returncode == 1
    assert [record.value for record in await written.records(1)] == [b"not json"]


async def test_an_event_too_large_for_the_topic_is_kept_back(kafka: str, written: Written) -> None:
    done = _emit(kafka, "-", "--json", given=_lines(_event(actor="x" * 300_000)))
    assert (done.returncode, json.loads(done.stdout)["doubts"][0]["reason"]) == (1, "too_large")
    assert await written.records(0) == []


async def test_a_pipe_is_written_while_it_is_open(kafka: str, written: Written) -> None:
    argv = [POSTROOM, "--kafka", kafka, "emit", "-", "--emitter", "wms"]
    running = await asyncio.create_subprocess_exec(*argv, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    assert running.stdin
    running.stdin.write(_lines(_event()).encode())
    assert len(await written.records(1)) == 1
    assert running.returncode is None
    running.stdin.close()
    assert await asyncio.wait_for(running.wait(), 20) == 0


async def test_ctrl_c_ends_it_though_the_pipe_is_open(kafka: str, written: Written) -> None:
    argv = [POSTROOM, "--kafka", kafka, "emit", "-", "--emitter", "wms"]
    pipe = asyncio.subprocess.PIPE
    running = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe, stderr=pipe, preexec_fn=_heed_ctrl_c)
    assert running.stdin
    assert running.stderr
    running.stdin.write(_lines(_event()).encode())
    await written.records(1)
    running.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(running.wait(), 20) == 130
    assert b"Traceback" not in await running.stderr.read()


def _heed_ctrl_c() -> None:
    """A shell's background job ignores SIGINT, and so would what it starts: these tests too, when they run in one."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_an_emitter_that_is_not_registered_is_refused_with_those_that_are(kafka: str) -> None:
    done = _emit(kafka, "-", "--emitter", "nope", given=_lines(_event()))
    assert done.returncode == 2
    assert "There is no topic in.nope." in done.stderr
    assert "budgets, erp, peppol, wms" in done.stderr


def test_a_broker_that_is_away_is_one_sentence() -> None:
    done = _emit("127.0.0.1:1", "-", "--json", given=_lines(_event()))
    assert done.returncode == 2
    assert json.loads(done.stderr)["error"]["code"] == "kafka"
