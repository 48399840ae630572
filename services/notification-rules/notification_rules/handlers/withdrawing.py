"""What a batch withdraws: from what is undecided first, since whoever is deciding on it just now holds its row, then from what was told."""

from collections.abc import Sequence

from notification_rules.domain.deciding import Outcome
from notification_rules.domain.rulebook import Rulebook
from notification_rules.domain.withdrawing import Dropped, Pair, Things, Told, Void, Within, named, said, void_claims, void_of, voids
from notification_rules.store import undecided as undecided_store
from notification_rules.store import withdrawals as store
from postroom.contracts.event import Event
from postroom.db import Connection


async def withdraw(connection: Connection, outcome: Outcome, order: Sequence[Event], rulebook: Rulebook) -> list[Void]:
    """Returns the messages of which something is void. `order` are the batch's events."""
    things, within = named(outcome.withdrawals), Within(outcome, order)
    dropped = [*within.undecided(), *await _from_undecided(connection, things, rulebook)]
    pairs, told = await _from_told(connection, things)
    found = voids([*within.messages(), *pairs], told | within.told())
    outcome.decisions += said(outcome.withdrawals, found, dropped)
    return found


async def _from_undecided(connection: Connection, things: Things, rulebook: Rulebook) -> list[Dropped]:
    found = [(one, void) for one in await undecided_store.telling_of(connection, things) if (void := void_of(one, things))]
    if part := [(one.undecided, void) for one, void in found if len(void) < len(one.about)]:
        await undecided_store.void(connection, part)
    if whole := [one.undecided for one, void in found if len(void) == len(one.about)]:
        await undecided_store.settle(connection, whole)
    return [
        Dropped(by, one.undecided.event, rulebook.named(one.undecided.event.type, one.undecided.rule), one.message_type)
        for one, void in found
        for by in {id(by): by for by in void.values()}.values()
    ]


async def _from_told(connection: Connection, things: Things) -> tuple[list[Pair], dict[str, Told]]:
    claimed = await store.claimed(connection, things)
    told = await store.told(connection, {message for one in claimed for message in one.messages}) if claimed else {}
    void = void_claims(things, claimed, told)
    if void:
        await store.void_claims(connection, [one.key for _, one in void])
    return [(by, message, one.about) for by, one in void for message in one.messages], told
