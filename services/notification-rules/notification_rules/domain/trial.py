"""What an event would lead to, as a person reads it who tries a rule."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from notification_rules.domain import letters
from notification_rules.domain.deciding import Claim, Claiming, ClaimKey, Decision, Message, Outcome
from notification_rules.domain.mailing import explained
from notification_rules.domain.preferences import AT_ONCE, Delivery
from notification_rules.domain.rule import Rule
from notification_rules.domain.tracing import trace
from postroom.contracts.event import Event

Json = dict[str, Any]
About = tuple[str, str]
"""Message type, about."""


@dataclass(frozen=True, slots=True)
class Tried:
    """The phases' results.

    `told` are the claims that are taken, with their messages; `own` the messages of this very event, which has been here before;
    `void` those that a withdrawal would meet.
    """

    event: Event
    claimings: Sequence[Claiming]
    outcome: Outcome
    told: Mapping[ClaimKey, Sequence[str]]
    own: frozenset[str]
    void: Mapping[About, Sequence[str]]
    going: Mapping[str, Delivery]

    def of_rule(self, rule: Rule, error: str) -> Json:
        """One rule's part; `error` is why it can't be evaluated."""
        decisions = explained(self.outcome.decisions, self.outcome.messages, self.going)
        return {
            "rule": rule.name,
            "message_type": rule.message_type,
            "conditions": [asdict(one) for one in trace(self.event, rule)],
            "error": error,
            "decisions": [self._decision(rule, one) for one in decisions if one.rule is rule],
            "messages": [self._message(rule, one) for one in self.outcome.messages.values() if one.rule is rule],
            "withdraws": self._withdrawals(rule),
        }

    def _decision(self, rule: Rule, one: Decision) -> Json:
        claims = self._claims(rule, one.person) if one.outcome == "none" and one.person else []
        shown = {name: getattr(one, name) for name in ("outcome", "reason", "person", "hop", "message")}
        return {**shown, "claims": claims}

    def _message(self, rule: Rule, message: Message) -> Json:
        fact = letters.asked(message, self.going.get(message.message, AT_ONCE))
        shown = fact.model_dump(mode="json", include=_SHOWN)
        return {**shown, "claims": self._claims(rule, message.found.told.person), "mail": self._mail(message)}

    def _mail(self, message: Message) -> str:
        declared, told = message.rule.declared, message.found.told
        if "email" not in declared.channels:
            return "none: this type goes to the inbox only"
        if not told.email:
            return "none: the directory has no address"
        if declared.mandatory:
            return "at once: mandatory"
        return self.going.get(message.message, AT_ONCE).told(told.zone) or "at once"

    def _claims(self, rule: Rule, person: str) -> list[Json]:
        wishes = [wish for one in self.claimings if one.resolved.plan.rule is rule for wish in one.wishes]
        return [self._claim(claim) for wish in wishes if wish.found.told.person == person for claim in wish.claims]

    def _claim(self, claim: Claim) -> Json:
        """`itself`: it was this event that told it."""
        messages = list(self.told.get(claim.key, ()))
        itself = bool(messages) and self.own.issuperset(messages)
        return {"key": claim.key[2], "about": claim.about, "taken": bool(messages), "itself": itself, "messages": messages}

    def _withdrawals(self, rule: Rule) -> list[Json]:
        return [
            {
                "message_types": list(one.message_types),
                "about": [one.about],
                "because": one.because.en,
                "messages": [message for type_ in one.message_types for message in self.void.get((type_, one.about), ())],
            }
            for one in self.outcome.withdrawals
            if one.rule is rule
        ]


_SHOWN = {
    "message",
    "message_type",
    "recipient",
    "channels",
    "mandatory",
    "reason",
    "order_number",
    "about",
    "facts",
    "opens",
    "sender",
    "no_mail",
    "not_before",
    "digest",
}
