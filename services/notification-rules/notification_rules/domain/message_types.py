"""The message types that the rules have, as people choose among them."""

from dataclasses import dataclass

from notification_rules.domain.rulebook import Rulebook


@dataclass(frozen=True, slots=True)
class MessageType:
    """`label` by language; `by_mail` says whether it ever goes by mail."""

    name: str
    label: dict[str, str]
    mandatory: bool
    by_mail: bool


def message_types(rulebook: Rulebook) -> dict[str, MessageType]:
    """By name. A type of several rules has the label of the first, and goes by mail if one of them does."""
    found: dict[str, MessageType] = {}
    for rule in rulebook:
        name = rule.declared.message_type
        if name is None:
            continue
        by_mail, known = "email" in rule.declared.channels, found.get(name)
        label = rule.declared.label
        labels = {language: label.of(language) for language in ("en", "de")} if label else None
        found[name] = MessageType(
            name=name,
            label=labels or (known.label if known else dict.fromkeys(("en", "de"), name.replace("-", " ").capitalize())),
            mandatory=rule.declared.mandatory,
            by_mail=by_mail or bool(known and known.by_mail),
        )
    return found
