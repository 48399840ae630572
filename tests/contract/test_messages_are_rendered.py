"""What the rules really ask for, the mailer really renders and sends: their contract is more than the event's shape."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.conftest import FreshDatabase, MailboxAddress
from tests.contract import support
from tests.contract.composition import Composed, composed
from tests.unit.mailer.told import TOLD

from postroom import headers
from postroom.contracts import event, topics
from postroom.contracts.directory import CompanyChanged, PersonChanged, Role
from postroom.contracts.event import Event
from postroom.contracts.record import Record

PEOPLE = {"otto.orderer": (), "olga.orderer": (), "pia.purchaser": (), "mia.manager": (Role(role="company-administrator", company="acme"),)}
# What the examples lead to: each rule speaks.
EXPECTED = {*TOLD}
VOIDABLE = {"due-template", "delivery-note-reminder-requester", "delivery-note-reminder-purchaser"}

_ENVELOPES = "SELECT message_type, state, detail FROM envelopes"


def _directory() -> list[Event]:
    company = event.new(CompanyChanged(company="acme", name="ACME"), source="po-service", subject="demo/acme", tenant="demo")
    facts = [
        PersonChanged(person=id_, name=id_, email=f"{id_}@acme.example", company="acme", roles=list(roles)) for id_, roles in PEOPLE.items()
    ]
    return [company, *(event.new(fact, source="po-service", subject=f"demo/{fact.person}", tenant="demo") for fact in facts)]


def _examples() -> list[Record]:
    carried = [topic for topic in topics.OWNED if topic.name in {"purchasing", "commlog", "inbox"}]
    return [record for topic in carried for record in support.records(topic.examples, topic.name)]


async def _asked_for(rules: Composed) -> list[Record]:
    """What lies in the rules' outbox for the mailer."""
    rows = await rules.pool.fetch("SELECT key, headers, value FROM outbox WHERE topic = 'messages' ORDER BY id")
    return [
        Record("messages", 0, offset, row["key"], tuple(headers.from_json(row["headers"])), row["value"], datetime.now(UTC))
        for offset, row in enumerate(rows)
    ]


async def _settled(mailer: Composed) -> Sequence[tuple[str, str, str]]:
    """(message type, state, detail) of each envelope, when none is under way any more."""
    async with asyncio.timeout(60):
        while True:
            rows = await mailer.pool.fetch(_ENVELOPES)
            if not {row["state"] for row in rows} & {"pending", "leased", "sending"}:
                return [(row["message_type"], row["state"], row["detail"]) for row in rows]
            await asyncio.sleep(0.2)


async def test_every_message_that_the_examples_lead_to_is_sent(
    fresh_database: FreshDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mailbox: MailboxAddress
) -> None:
    async with composed("notification-rules", fresh_database, tmp_path, monkeypatch) as rules:
        known = [support.written(one, "directory", offset) for offset, one in enumerate(_directory())]
        await rules.intake.process(known, "contract")
        await rules.intake.process(_examples(), "contract")
        assert await rules.parked() == []
        asked = await _asked_for(rules)
    async with composed("mailer-service", fresh_database, tmp_path, monkeypatch, smtp=mailbox.smtp) as mailer:
        await mailer.intake.process(asked, "contract")
        assert await mailer.parked() == []
        assert {row["message_type"] for row in await mailer.pool.fetch("SELECT DISTINCT message_type FROM messages")} == EXPECTED
        settled = await _settled(mailer)
        by_mail = EXPECTED - {"new-communication-log"}
        assert {message_type for message_type, _, _ in settled} == by_mail
        # Some of the examples make others void.
        assert {state for _, state, _ in settled} == {"sent", "cancelled"}
        assert by_mail - {message_type for message_type, state, _ in settled if state == "sent"} <= VOIDABLE
