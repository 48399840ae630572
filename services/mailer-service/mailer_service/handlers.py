"""What happens to a batch of events: load, decide each, save; one statement per table."""

from collections.abc import Sequence

from mailer_service import outcomes
from mailer_service.domain import messages
from mailer_service.domain.messages import Told
from mailer_service.store import intake as store
from postroom import outbox
from postroom.contracts.event import Event
from postroom.db import Connection


async def tell(connection: Connection, events: Sequence[Event]) -> None:
    """Store what these events ask to be told; the senders are woken by the commit."""
    suppressed = await store.suppressed(connection, [pair for event in events for pair in messages.addresses(event)])
    told = [decision for event in events if (decision := messages.decide(event, suppressed))]
    if told:
        await _save(connection, told)


async def _save(connection: Connection, told: Sequence[Told]) -> None:
    new = await store.add_messages(connection, [each.message for each in told])
    fresh = [each for each in {each.message.id: each for each in reversed(told)}.values() if each.message.id in new][::-1]
    await store.add_inbox(connection, [each.message for each in fresh if each.in_inbox])
    await store.add_envelopes(connection, [envelope for each in fresh for envelope in each.envelopes])
    await outbox.add(
        connection, [outcomes.at_once(each.message, envelope) for each in fresh for envelope in each.envelopes if envelope.detail]
    )
