"""Everything that is parked is replayed twice: as it came, mended, corrected by kcat, and killed in the middle."""

import asyncio
import json
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults import cast
from tests.faults.bad.pen import Pen, kcat_write
from tests.faults.bad.records import Bad, Records
from tests.faults.bad.replaying import Told, replay, replay_all, replay_by_program
from tests.faults.evidence import DATABASES, collect_databases
from tests.faults.expected import Accepted, Owed, expected
from tests.faults.invariants import check_mails
from tests.faults.load import TOPIC, Written
from tests.faults.stage import Scale, Stage
from tests.faults.stories.bad_records import drained, furnish, read_topics

# Of each topic; and of what can be mended or corrected, of which each is an event whose mails the oracle knows.
NUMBER, MENDABLE, BY_KCAT, BY_PROGRAM = 300, 600, 300, 20
KILLED_AT = ("replay.closed", "replay.effected", "replay.committed")
RULES = "notification-rules"
_OPEN = "SELECT id, source, event_id FROM parked WHERE closed_at IS NULL ORDER BY id"
# What an effect would have changed.
_TRACES = ("intake", "outbox", "parked WHERE closed_at IS NOT NULL")
_OWN_TRACES = {
    "mailer-service": ("messages", "envelopes", "attempts"),
    RULES: ("decisions", "claims"),
    "commlog-service": ("history", "reviews"),
}


@dataclass
class Broken:
    """Events whose records were spoilt, by event id: how they should have been; `files` has them as `--value` takes them."""

    folder: Path
    whole: dict[str, Written] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)

    def add(self, one: Written, place: int) -> Bad:
        """The record to write instead: cut off, of an unknown type, or with a value of another kind."""
        spoilt = (_cut, _of_no_type, _of_another_kind)[place % 3](one)
        id_ = _attribute(one, "id")
        self.whole[id_] = one
        self.files[id_] = self.folder / f"{id_}.json"
        # Data alone, whose attributes stay, or a whole event.
        self.files[id_].write_bytes(one.value if spoilt.headers == one.headers and place % 2 else structured(one))
        return spoilt


def _cut(one: Written) -> Bad:
    return Bad(one.topic, one.key, one.headers, one.value[:-7], "cut off")


def _of_no_type(one: Written) -> Bad:
    headers = tuple((name, b"NoSuchThing.v1" if name == "ce_type" else value) for name, value in one.headers)
    return Bad(one.topic, one.key, headers, one.value, "of no type")


def _of_another_kind(one: Written) -> Bad:
    data = json.loads(one.value)
    return Bad(one.topic, one.key, one.headers, json.dumps({**data, next(iter(data)): [1]}).encode(), "of another kind")


def _attribute(one: Written, name: str) -> str:
    return dict(one.headers)[f"ce_{name}"].decode()


def structured(one: Written) -> bytes:
    """The event as one JSON document."""
    attributes = {name[3:]: value.decode() for name, value in one.headers if name.startswith("ce_")}
    return json.dumps({**attributes, "data": json.loads(one.value)}).encode()


async def parked_replayed(stage: Stage, scale: Scale) -> None:
    """Bad records of all topics and spoilt events of one; then the replays."""
    await furnish(stage)
    broken = Broken(stage.house.run / "mended")
    broken.folder.mkdir(exist_ok=True)
    events = [stage.load.event() for _ in range(scale.of(MENDABLE) + scale.of(BY_KCAT) + len(KILLED_AT))]
    read = read_topics()
    async with Pen(stage.house.endpoints["kafka"], stage.random) as pen:
        await asyncio.gather(*(pen.write([*Records(topic, stage.house.seed, "rp").draw(scale.of(NUMBER))]) for topic in read))
        await pen.write([broken.add(one, place) for place, one in enumerate(events)])
        await drained(stage, pen, read)
    await stage.rest()
    by_kcat, to_kill = events[: scale.of(BY_KCAT)], events[-len(KILLED_AT) :]
    await _killed(stage, broken, to_kill)
    await _corrected(stage, by_kcat)
    first = await _all_replayed(stage, broken)
    stage.measure("parked rows that were replayed", len(first), at_least=scale.of(MENDABLE))
    refused_oddly = [text for code, text in first.values() if code not in (0, 1) or "Traceback" in text]
    stage.measure("replays that ended otherwise than done or refused", len(refused_oddly), at_most=0)
    await stage.rest()
    before = await _traces(stage)
    second = await _all_replayed(stage, broken, first)
    await stage.rest()
    after = await _traces(stage)
    changed = {name: (before[name], after[name]) for name in after if after[name] != before[name]}
    stage.measure(f"figures that the second replay has changed {changed}", len(changed), at_most=0)
    stage.measure("rows of which the second replay says that it did something", sum(code == 0 for code, _ in second.values()), at_most=0)
    await _all_at_once(stage, after)
    await _judge(stage, events, Counter(_closed_by(by_kcat, to_kill)))


def _closed_by(by_kcat: Sequence[Written], to_kill: Sequence[Written]) -> dict[str, int]:
    return {"corrected": len(by_kcat), "killed": len(to_kill)}


async def _open_rows(stage: Stage, service: str) -> list[Any]:
    return await stage.watch.fetch(service, _OPEN)


async def _ref(stage: Stage, one: Written) -> str:
    """The parked row of this event."""
    found = [row["id"] for row in await _open_rows(stage, RULES) if row["event_id"] == _attribute(one, "id")]
    assert len(found) == 1, f"{_attribute(one, 'id')} is parked {len(found)} times"
    return f"{RULES}/{found[0]}"


async def _killed(stage: Stage, broken: Broken, events: Sequence[Written]) -> None:
    """The service is killed in the middle of a replay: it is done or it is not, and a second try finishes it."""
    halves = 0
    for failpoint, one in zip(KILLED_AT, events, strict=True):
        ref, id_ = await _ref(stage, one), _attribute(one, "id")
        armed = stage.house.arm(RULES, failpoint)
        await asyncio.to_thread(replay, stage.house.run, {ref: broken.files[id_]})
        if armed.exists():
            raise TimeoutError(f"nobody came by {failpoint}")
        await asyncio.sleep(2)  # until its end is noticed
        await stage.house.until_up()
        await stage.watch.forget()
        known = await stage.watch.fetch(RULES, "SELECT FROM intake WHERE id = $1", id_)
        still_open = any(row["event_id"] == id_ for row in await _open_rows(stage, RULES))
        halves += bool(known) == still_open or still_open != (failpoint != "replay.committed")
        code = (await asyncio.to_thread(replay, stage.house.run, {ref: broken.files[id_]}))[ref][0]
        halves += (code == 0) != still_open
    stage.measure("replays killed in the middle that were neither done nor not done", halves, at_most=0)


async def _corrected(stage: Stage, events: Sequence[Written]) -> None:
    """The corrected record, written with the tool that people have."""
    there = shutil.which("kcat") is not None
    stage.measure("kcat is there (Debian: apt-get install kcat)", int(there), at_least=1)
    for one in events if there else ():
        whole = Bad(one.topic, one.key, (), structured(one), "corrected")
        await asyncio.to_thread(kcat_write, stage.house.endpoints["kafka"], whole)
    await stage.rest()


async def _all_replayed(stage: Stage, broken: Broken, also: Sequence[str] | dict[str, Told] = ()) -> dict[str, Told]:
    """Every row that is open now, and these."""
    rows: dict[str, Path | None] = dict.fromkeys(also)
    for service in DATABASES:
        for row in await _open_rows(stage, service):
            mended = broken.files.get(row["event_id"] or "") if service == RULES else None
            rows[f"{service}/{row['id']}"] = mended
    by_program = [ref for ref, mended in rows.items() if mended is None][:BY_PROGRAM]
    told = {ref: await asyncio.to_thread(replay_by_program, stage.house.run, ref) for ref in by_program}
    rest = {ref: mended for ref, mended in rows.items() if ref not in told}
    return {**told, **await asyncio.to_thread(replay, stage.house.run, rest)}


async def _all_at_once(stage: Stage, before: dict[str, int]) -> None:
    """What can't be processed still can't, and says so of each; the rest was done."""
    still = {f"{service}/{row['id']}" for service in DATABASES for row in await _open_rows(stage, service)}
    started = time.monotonic()
    code, told = await asyncio.to_thread(replay_all, stage.house.run)
    stage.say(f"all {len(still)} open rows tried by one command in {time.monotonic() - started:.1f} s")
    stage.measure("ends of it other than 1, for what is still refused", int(code != 1), at_most=0)
    stage.measure(
        "open rows that it does not name as refused", len(still.symmetric_difference(one["id"] for one in told["refused"])), at_most=0
    )
    after = await _traces(stage)
    stage.measure("figures that it has changed", sum(after[name] != before[name] for name in after), at_most=0)


async def _traces(stage: Stage) -> dict[str, int]:
    """How many rows there are of what an effect leaves behind."""
    found = {}
    for service in DATABASES:
        for table in (*_TRACES, *_OWN_TRACES.get(service, ())):
            found[f"{service} {table}"] = await stage.watch.value(service, f"SELECT count(*) FROM {table}")  # noqa: S608 - our own names
    return found


async def _judge(stage: Stage, events: Sequence[Written], kinds: Counter[str]) -> None:
    """The oracle's mails of the events that were spoilt, each once; their rows closed, by what closed them."""
    whole = [Accepted(TOPIC, 0, place, one.key, one.headers, one.value) for place, one in enumerate(events)]
    owed, marks = expected(whole).owed, {one.mark for one in events}
    # The examples bring people of their own, such as administrators of the same company, whom the oracle doesn't know.
    ours = {cast.address(one) for one in cast.everybody()}
    told = [one for one in stage.house.ledger.entries if one.mark in marks and one.recipient in ours]
    copies = Counter[Owed]((entry.recipient, entry.mark) for entry in told)
    stage.measure(f"mails of spoilt events that are lost, of {len(owed)}", len(owed.keys() - copies.keys()), at_most=0)
    said = {one.mark: one.value for one in events}
    for entry in [one for one in told if (one.recipient, one.mark) not in owed or copies[one.recipient, one.mark] > 1][:20]:
        stage.say(f"beyond the oracle, or twice: {entry.message_id} to {entry.recipient}: {said[entry.mark]!r}")
    stage.measure("mails of spoilt events beyond the oracle", len(copies.keys() - owed.keys()), at_most=0)
    stage.measure("mails of spoilt events that came twice", sum(number > 1 for number in copies.values()), at_most=0)
    ids = [_attribute(one, "id") for one in events]
    rows = await stage.watch.fetch(RULES, "SELECT closed_by, count(*) FROM parked WHERE event_id = ANY($1::text[]) GROUP BY 1", ids)
    closed = {row["closed_by"]: row["count"] for row in rows}
    stage.say(f"closed: {closed}")
    stage.measure("rows of spoilt events that are still open", closed.get(None, 0), at_most=0)
    stage.measure("rows closed by a corrected record", closed.get("corrected", 0), at_least=kinds["corrected"])
    violations = check_mails(await collect_databases(stage.house.endpoints, stage.house.ledger))
    for violation in sorted(violations)[:20]:
        stage.say(str(violation))
    stage.measure("violations of the invariants 2 to 6", len(violations), at_most=0)
