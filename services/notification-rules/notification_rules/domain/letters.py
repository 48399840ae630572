"""The events that tell others what was decided."""

from notification_rules.domain.deciding import Decision, Message
from notification_rules.domain.planning import naming
from postroom.contracts import event as events
from postroom.contracts import ids
from postroom.contracts.decisions import DecisionMade
from postroom.contracts.event import Event
from postroom.contracts.messages import Cause, MessageRequested, Recipient
from postroom.contracts.purchasing import OrderRef

SOURCE = "notification-rules"


def order_of(event: Event) -> OrderRef | None:
    """The order an event is about, if it is about one."""
    order = getattr(event.data, "order", None)
    return order if isinstance(order, OrderRef) else None


def order_id(event: Event) -> str | None:
    """The order's id; another system's order is not ours, even if their ids are alike."""
    order = order_of(event)
    if order is None:
        return None
    return f"{naming(event)}/{order.id}" if naming(event) else order.id


def requested(message: Message) -> Event:
    """Address, name, language and zone are as of the decision: the mailer has no directory."""
    event, told, declared, order = message.event, message.found.told, message.rule.declared, order_of(message.event)
    recipient = Recipient(
        person=told.person, name=told.name, email=told.email, language=told.language, zone=told.zone, hop=message.found.hop
    )
    fact = MessageRequested(
        message=message.message,
        message_type=declared.message_type,
        recipient=recipient,
        channels=list(declared.channels),
        mandatory=declared.mandatory,
        reason=message.found.because,
        cause=_cause(event),
        order=order_id(event),
        order_number=order.number if order else "",
        about=list(message.about),
        facts=message.facts,
    )
    return events.new(
        fact,
        source=SOURCE,
        subject=message.message,
        tenant=event.tenant,
        key=event.key,
        id=ids.stable("MessageRequested", message.message),
        cause=event,
    )


def made(decision: Decision) -> Event:
    """Published also when nothing is sent."""
    event, order = decision.event, order_of(decision.event)
    fact = DecisionMade(
        decision=decision.decision,
        cause=_cause(event),
        rule=decision.rule.name if decision.rule else "",
        message_type=decision.rule.message_type if decision.rule else "",
        outcome=decision.outcome,
        reason=decision.reason,
        person=decision.person,
        hop=decision.hop,
        message=decision.message,
        order_number=order.number if order else "",
    )
    return events.new(fact, source=SOURCE, subject=fact.decision, tenant=event.tenant, key=event.key, id=fact.decision, cause=event)


def _cause(event: Event) -> Cause:
    return Cause(emitter=event.emitter, source=event.source, id=event.id, type=event.type)
