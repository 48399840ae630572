"""The events that tell others what was decided."""

from notification_rules.domain.deciding import Decision, Message
from notification_rules.domain.plan import scoped
from notification_rules.domain.preferences import AT_ONCE, Delivery
from notification_rules.domain.reasons import for_person
from notification_rules.domain.withdrawing import Void
from postroom.contracts import event as events
from postroom.contracts import ids
from postroom.contracts.decisions import DecisionMade
from postroom.contracts.event import Event
from postroom.contracts.messages import Cause, MessageRequested, MessageWithdrawn, Opens, Recipient
from postroom.contracts.purchasing import OrderRef

SOURCE = "notification-rules"


def order_of(event: Event) -> OrderRef | None:
    """The order an event is about, if it is about one."""
    order = getattr(event.data, "order", None)
    return order if isinstance(order, OrderRef) else None


def order_id(event: Event) -> str | None:
    """The order's id; another system's order is not ours, even if their ids are alike. What opens an order is about that order."""
    order, opens = order_of(event), getattr(event.data, "opens", None)
    if order is None:
        return opens.id if isinstance(opens, Opens) and opens.what == "order" else None
    return scoped(event, order.id)


def order_number(event: Event) -> str:
    """The order's number; an invoice names orders by number only, and only one of one order is found by it."""
    order, numbers = order_of(event), getattr(event.data, "orders", [])
    if order is not None:
        return order.number
    return numbers[0] if len(numbers) == 1 else getattr(event.data, "order_number", "")


def asked(message: Message, going: Delivery, unsubscribe: str = "") -> MessageRequested:
    """Address, name, language and zone are as of the decision: the mailer has no directory. `unsubscribe` is the token."""
    event, told, declared, once = message.event, message.found.told, message.rule.declared, message.rule.claim
    recipient = Recipient(
        person=told.person, name=told.name, email=told.email, language=told.language, zone=told.zone, hop=message.found.hop
    )
    return MessageRequested(
        message=message.message,
        message_type=message.rule.message_type,
        recipient=recipient,
        channels=list(declared.channels),
        mandatory=declared.mandatory,
        reason=for_person(message.found.whys, told.language),
        cause=_cause(event),
        order=order_id(event),
        order_number=order_number(event),
        about=list(message.about),
        facts=message.facts,
        lines=declared.lines.of if declared.lines and once and once.per_line else "",
        opens=Opens(**message.opens) if message.opens else None,
        sender=message.sender,
        no_mail=going.no_mail,
        not_before=going.not_before,
        digest=going.digest,
        unsubscribe=unsubscribe,
    )


def requested(message: Message, going: Delivery = AT_ONCE, unsubscribe: str = "") -> Event:
    """The event that hands it to the mailer."""
    event = message.event
    return events.new(
        asked(message, going, unsubscribe),
        source=SOURCE,
        subject=message.message,
        tenant=event.tenant,
        key=event.key,
        id=ids.stable("MessageRequested", message.message),
        cause=event,
    )


def withdrawn(void: Void) -> Event:
    """What the message said is void: the same key as the message's own, so that it comes after it."""
    by = void.withdrawal
    because = by.because.of(void.told.language)
    fact = MessageWithdrawn(message=void.message, about=list(void.about), reason=because, cause=_cause(by.event))
    return events.new(
        fact,
        source=SOURCE,
        subject=void.message,
        tenant=by.event.tenant,
        key=void.told.key,
        id=ids.stable("MessageWithdrawn", void.message, *by.event.identity),
        cause=by.event,
    )


def made(decision: Decision) -> Event:
    """Published also when nothing is sent."""
    event = decision.event
    fact = DecisionMade(
        decision=decision.decision,
        cause=_cause(event),
        rule=decision.rule.name if decision.rule else "",
        message_type=decision.message_type,
        outcome=decision.outcome,
        reason=decision.reason,
        person=decision.person,
        hop=decision.hop,
        message=decision.message,
        order_number=order_number(event),
    )
    return events.new(fact, source=SOURCE, subject=fact.decision, tenant=event.tenant, key=event.key, id=fact.decision, cause=event)


def _cause(event: Event) -> Cause:
    return Cause(emitter=event.emitter, source=event.source, id=event.id, type=event.type)
