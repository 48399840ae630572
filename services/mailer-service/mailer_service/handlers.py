"""What happens to a batch of events: load, decide each, save; one statement per table."""

from collections.abc import Sequence

from mailer_service import outcomes, withdrawing
from mailer_service.domain import messages, withdrawals
from mailer_service.domain.messages import Message, Told
from mailer_service.store import digests
from mailer_service.store import intake as store
from mailer_service.store import withdrawals as void
from postroom import failpoints, outbox
from postroom.contracts.event import Event
from postroom.db import Connection


async def tell(connection: Connection, events: Sequence[Event]) -> None:
    """Store what these events ask to be told, and take back what they withdraw; the senders are woken by the commit."""
    withdrawn = [one for event in events for one in withdrawals.of(event)]
    await void.meet(connection, withdrawing=bool(withdrawn))
    suppressed = await store.suppressed(connection, [pair for event in events for pair in messages.addresses(event)])
    told = [decision for event in events if (decision := messages.decide(event, suppressed))]
    new = await _save(connection, told) if told else set()
    if withdrawn:
        await void.add(connection, withdrawn)
    # The new ones too: a withdrawal may have come before its message, or before what its message was forwarded as.
    originals = await void.originals(connection, copies) if (copies := new & messages.forwarded(told)) else set()
    await withdrawing.withdraw(connection, new | originals | {one.message for one in withdrawn})


async def _save(connection: Connection, told: Sequence[Told]) -> set[str]:
    new = await store.add_messages(connection, [each.message for each in told])
    failpoints.reach("mailer.stored")
    fresh = [each for each in {each.message.id: each for each in reversed(told)}.values() if each.message.id in new][::-1]
    await store.add_inbox(connection, [each.message for each in fresh if each.in_inbox])
    await store.add_envelopes(connection, [envelope for each in fresh for envelope in each.envelopes])
    failpoints.reach("mailer.queued")
    await _await_digests(connection, [each.message for each in fresh if each.in_digest])
    await outbox.add(
        connection,
        [outcomes.at_once(each.message, envelope) for each in fresh for envelope in each.envelopes if envelope.state != "pending"],
    )
    return new


async def _await_digests(connection: Connection, waiting: Sequence[Message]) -> None:
    groups = [(one.tenant, one.person, one.digest) for one in waiting if one.person and one.digest]
    if groups:
        zones = {group: one.zone for one, group in zip(waiting, groups, strict=True)}
        moments = await digests.join(connection, zones)
        await digests.add_entries(connection, [(one, moments[group]) for one, group in zip(waiting, groups, strict=True)])
