"""Fourth phase: how each message's mail goes, by the wishes of whoever gets it; the inbox is always filled."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from notification_rules.domain import letters
from notification_rules.domain.deciding import Decision, Message
from notification_rules.domain.people import PersonKey
from notification_rules.domain.preferences import AT_ONCE, Delivery, Preferences, delivery
from notification_rules.domain.unsubscribing import Subscription, token
from postroom.contracts.event import Event


def has_a_say(message: Message) -> bool:
    """The recipient decides on the mail of optional types, if there could be one."""
    declared = message.rule.declared
    return not declared.mandatory and "email" in declared.channels and bool(message.found.told.email)


def recipients(messages: Iterable[Message]) -> set[PersonKey]:
    """Whose preferences to load."""
    return {_reader(message) for message in messages if has_a_say(message)}


def deliveries(messages: Iterable[Message], known: Mapping[PersonKey, Preferences], now: datetime) -> dict[str, Delivery]:
    """Message id → how its mail goes, where that is not at once."""
    found = {
        message.message: delivery(known[key], message.rule.message_type, message.found.told, now)
        for message in messages
        if has_a_say(message) and (key := _reader(message)) in known
    }
    return {message: one for message, one in found.items() if one != AT_ONCE}


def explained(decisions: Iterable[Decision], messages: Mapping[str, Message], going: Mapping[str, Delivery]) -> list[Decision]:
    """The decisions, each reason with what became of the mail."""
    notes = {message: one.told(messages[message].found.told.zone) for message, one in going.items()}
    return [
        replace(one, reason=f"{one.reason}; {notes[one.message]}") if one.outcome == "message" and one.message in notes else one
        for one in decisions
    ]


def requested(message: Message, going: Delivery, key: bytes) -> Event:
    """The message for the mailer, with a token that ends such mail, where there is any to end."""
    ends = token(Subscription(*_reader(message), message.rule.message_type), key) if has_a_say(message) and not going.no_mail else ""
    return letters.requested(message, going, ends)


def _reader(message: Message) -> PersonKey:
    """Whose preferences count: a deputy's own for what the deputy gets."""
    return (message.event.tenant, message.found.told.person)
