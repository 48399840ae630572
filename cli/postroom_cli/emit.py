"""`postroom emit`: events from a file or a pipe to the emitter's own topic, as any other system would write them."""

import asyncio
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from postroom.contracts import cloudevents, strict_json
from postroom.contracts.errors import Refused
from postroom.contracts.record import Record
from postroom.contracts.topics import EVENT_BYTES
from postroom_cli import output
from postroom_cli.errors import REFUSED
from postroom_cli.lines import lines_of
from postroom_cli.options import AsJson, settings

# Which tenant an emitter may leave out only the register knows; the consumer says so.
_ANY_TENANT = "-"


@dataclass(frozen=True)
class Doubt:
    """A line that won't be processed as it stands; `sent` tells whether it is parked there or was kept back here."""

    line: int
    reason: str
    detail: str
    path: str
    sent: bool


@dataclass
class Report:
    """What was written to which topic."""

    topic: str
    sent: int = 0
    doubts: list[Doubt] = field(default_factory=list)


def emit(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE|-", help="Structured CloudEvents, one JSON object a line (or one in all).")],
    emitter: Annotated[str, typer.Option(envvar="POSTROOM_EMITTER", help="Whose topic: in.<emitter>, as registered.")] = "erp",
    *,
    force: Annotated[bool, typer.Option("--force", help="Write also what is no JSON, to see it parked.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write CloudEvents to Kafka. The same event (source, id) again has no second effect.

    What Postroom can't process is written all the same, told here, and parked there; exit code 1.
    """
    report = asyncio.run(_emit(settings(context).kafka_address(), file, f"in.{emitter}", force=force))
    if as_json:
        output.as_json(asdict(report))
    else:
        _tell(report)
    if report.doubts:
        raise typer.Exit(REFUSED)


async def _emit(kafka: str, file: Path, topic: str, *, force: bool) -> Report:
    from postroom_cli.kafka import Outgoing, write  # noqa: PLC0415 - the client takes its time to load, and only this command needs it

    report = Report(topic)
    async with write(kafka, topic) as send:
        number = 0
        async for line in lines_of(file):
            number += 1
            if not line.strip():
                continue
            doubt, key = judge(line, number, force=force)
            if doubt:
                report.doubts.append(doubt)
            if doubt is None or doubt.sent:
                await send(Outgoing(key, line.strip()))
                report.sent += 1
    return report


def judge(line: bytes, number: int, *, force: bool) -> tuple[Doubt | None, bytes | None]:
    """What the consumer will find wrong with this line, if anything, and the record's key: the event's subject."""
    record = Record("", 0, 0, None, (), line, datetime.now(UTC))
    if len(line) > EVENT_BYTES:
        return Doubt(number, "too_large", f"{len(line)} bytes; an event takes {EVENT_BYTES}", "", sent=False), None
    try:
        event = cloudevents.decode(record, "", _ANY_TENANT)
    except Refused as refusal:
        is_json = refusal.reason != "unreadable"
        return Doubt(number, refusal.reason, refusal.detail, refusal.path, sent=is_json or force), _subject(line)
    return None, event.subject.encode()


def _subject(line: bytes) -> bytes | None:
    """The subject of an event that can't be processed, for its correction keeps the same key."""
    try:
        document = strict_json.loads(line)
    except Refused:
        return None
    subject = document.get("subject") if isinstance(document, dict) else None
    return subject.encode() if isinstance(subject, str) and subject else None


def _tell(report: Report) -> None:
    for doubt in report.doubts:
        fate = "written; it will be parked" if doubt.sent else "not written"
        where = f" (at {doubt.path})" if doubt.path else ""
        output.console(stderr=True).print(output.text(f"line {doubt.line}: {fate}: {doubt.reason}: {doubt.detail}{where}", "yellow"))
    output.console().print(output.text(f"{report.sent} event(s) written to {report.topic}"))
