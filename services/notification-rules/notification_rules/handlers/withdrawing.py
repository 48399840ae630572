"""What a batch withdraws: from what is undecided first, since whoever is deciding on it just now holds its row, then from what was told."""

from collections.abc import Sequence

from notification_rules.domain.deciding import Outcome
from notification_rules.domain.rulebook import Rulebook
from notification_rules.domain.withdrawing import Dropped, Void, Within, named, said, voids
from notification_rules.store import undecided as undecided_store
from notification_rules.store import withdrawals as store
from postroom.contracts.event import Event
from postroom.db import Connection


async def withdraw(connection: Connection, outcome: Outcome, order: Sequence[Event], rulebook: Rulebook) -> list[Void]:
    """Returns the messages of which something is void. `order` are the batch's events."""
    things, within = named(outcome.withdrawals), Within(outcome, order)
    rows = await undecided_store.void(connection, things.keys())
    if done := [row.undecided for row in rows if row.done]:
        await undecided_store.settle(connection, done)
    dropped = within.undecided()
    for row in rows:
        event, rule = row.undecided.event, rulebook.named(row.undecided.event.type, row.undecided.rule)
        by = {id(one): one for about in row.about for one in things[event.tenant, row.message_type, about][:1]}
        dropped += [Dropped(one, event, rule, row.message_type) for one in by.values()]
    pairs, told = within.messages(), within.told()
    for thing, messages in await store.void_claims(connection, things.keys()):
        pairs += [(things[thing][0], message, thing[2]) for message in messages]
    if missing := {message for _, message, _ in pairs} - told.keys():
        told |= await store.told(connection, missing)
    found = voids(pairs, told)
    outcome.decisions += said(outcome.withdrawals, found, dropped)
    return found
