"""rules.yaml is checked at start: an error names the rule, the field and what is there instead."""

from typing import Any

import pytest
import yaml
from tests.unit.rules.rules_support import decided, directory, goods_received, person, told

from notification_rules.domain import rulebook
from notification_rules.domain.expressions import RuleError
from postroom.contracts.errors import Refused

RULE: dict[str, Any] = {
    "name": "receipt",
    "event": "GoodsReceived.v1",
    "message_type": "goods-receipt",
    "lines": {"of": "lines", "each": "line.ordered_by"},
    "recipients": [{"hop": "orderer", "person": "each", "because": "you ordered it"}],
    "claim": {"key": "[receipt, R]", "about": "receipt", "told": "told before"},
}


def _parsed(**changes: Any) -> rulebook.Rulebook:
    rule = {name: value for name, value in {**RULE, **changes}.items() if value is not None}
    return rulebook.parse(yaml.safe_dump({"rules": [rule]}))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"event": "GoodsLost.v1"}, "rule 'receipt': event: 'GoodsLost.v1' is not known; known are BudgetExpired.v1"),
        ({"event": "goods"}, "rule 'receipt': event: String should match pattern"),
        ({"name": "Receipt!"}, "rule 'Receipt!': name: "),
        ({"name": None}, "rule '0': name: is missing"),
        ({"whem": []}, "rule 'receipt': whem: is no field here; did you mean 'when'?"),
        ({"when": [{"is": "booking == ", "otherwise": "x"}]}, "rule 'receipt': when.0.is: 'booking == ' is no CEL expression"),
        (
            {"when": [{"is": "bookin == 'automatic'", "otherwise": "x"}]},
            "when.0.is: \"bookin == 'automatic'\" names 'bookin', which is not there",
        ),
        ({"when": [{"is": "order.nmber == '1'", "otherwise": "x"}]}, "names the field 'nmber', which is not there"),
        ({"when": [{"is": "event.compny == '1'", "otherwise": "x"}]}, "names the field 'compny', which is not there"),
        ({"when": [{"is": "line.unit == 'EA'", "otherwise": "x"}]}, "names 'line', which is not there"),
        ({"when": [{"is": "true"}]}, "rule 'receipt': when.0.otherwise: is missing"),
        ({"lines": {"of": "liness"}}, "lines.of: GoodsReceived.v1 has no 'liness'"),
        ({"lines": {"of": "lines", "each": "line.orderedby"}}, "lines.each: 'line.orderedby' names the field 'orderedby'"),
        (
            {"lines": {"of": "lines", "where": [{"is": "dec(line.quantity) + dec('1') > dec('2')", "otherwise": "x"}]}},
            "lines.where.0.is: \"dec(line.quantity) + dec('1') > dec('2')\": add decimals with dec(a).plus(b)",
        ),
        ({"lines": {"of": "lines", "where": [{"is": "round(line.quantity) > 1", "otherwise": "x"}]}}, "calls round(), which is not there"),
        ({"lines": None}, "recipients.0.person: 'each' names 'each', which is not there"),
        ({"for_each": "[note]"}, "for_each and lines.each both say whom a message is for"),
        ({"recipients": []}, "recipients is missing: a rule tells (message_type, recipients, claim), or withdraws, or both"),
        ({"recipients": [{"chain": "admins"}]}, "recipients.0.chain: there is no chain 'admins'"),
        ({"recipients": [{"hop": "a", "because": "b"}]}, "recipients.0: a hop is either a person, or a role, or a chain"),
        ({"recipients": [{"hop": "a", "because": "b", "person": "each", "role": "x"}]}, "a hop is either a person, or a role, or a chain"),
        ({"recipients": [{"hop": "a", "person": "each"}]}, "recipients.0: a hop needs its name (hop) and the reason"),
        ({"recipients": [{"hop": "a", "because": "b", "person": "each", "company": "note"}]}, "company belongs to a role"),
        ({"recipients": [{"hop": "a", "because": "b", "chain": "c"}]}, "a chain has its own hops"),
        ({"lines": {"of": "order"}}, "lines.of: 'order' is no list of lines; there are lines"),
        ({"lines": {"of": "booking"}}, "lines.of: 'booking' is no list of lines"),
        ({"message_type": "digest"}, "message_type: 'digest' is made by the mailer itself"),
        ({"message_type": False}, "message_type: must be a text, and YAML reads False here: put it in quotes"),
        (
            {"withdraws": [{"message_types": ["goods-reciept"], "about": "[note]", "because": "b"}]},
            "no rule tells 'goods-reciept'; told are",
        ),
        ({"when": [{"is": "lines.all(a, lines.all(b, lines.all(c, a == b)))", "otherwise": "o"}]}, "more than 2 loops in one another"),
        ({"when": [{"is": "1" + " + 1" * 20_000 + " > 0", "otherwise": "o"}]}, "String should have at most 4000 characters"),
        ({"channels": ["sms"]}, "rule 'receipt': channels.0: Input should be 'inbox' or 'email'"),
        ({"claim": {"key": "[R, nothing]", "about": "receipt", "told": "x"}}, "claim.key: '[R, nothing]' names 'nothing'"),
        ({"claim": {"key": "[R]", "about": "R", "told": "x"}}, "claim.about: 'R' names 'R', which is not there"),
        ({"lines": {"of": "lines"}, "claim": {"key": "[1]", "about": "x", "told": "x", "per": "day"}}, "claim.per: Input should be"),
    ],
)
def test_an_error_names_the_rule_and_the_field(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(RuleError) as error:
        _parsed(**changes)
    assert str(error.value).startswith("rules.yaml:")
    assert said in str(error.value)


def test_a_name_that_stands_twice() -> None:
    with pytest.raises(RuleError, match=r"rules\.yaml:\d+: rule 'receipt': name: the name stands twice"):
        rulebook.parse(yaml.safe_dump({"rules": [RULE, RULE]}))


def test_no_yaml() -> None:
    with pytest.raises(RuleError, match=r"rules\.yaml:\d+: is no YAML"):
        rulebook.parse("rules: [")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules: " + "[" * 50_000, "rules.yaml:1: is no YAML: more than 50 lists and maps in one another"),
        ("- " * 50_000 + "x", "more than 50 lists and maps in one another"),
        ("rules: []\nchains: {}\nrules: []", "rules.yaml:3: is no YAML: 'rules' stands twice; the second would count"),
        ("rules:\n  - {name: x, recipient: y}", "rules.yaml:2: rule 'x': recipient: is no field here; did you mean 'recipients'?"),
        ("rules:\n  - {name: x, on: y}", "rules.yaml:2: rule 'x': YAML reads this name as True"),
        ("rules:\n  - {name: 2026-99-99}", "holds a value that YAML can't read: month must be in 1..12; put it in quotes"),
        ("rules: &all [*all]", "rule '0': Input should be a valid dictionary"),
    ],
)
def test_traps_of_yaml_are_told_and_stop_nothing(text: str, said: str) -> None:
    """Among them what would take the process with it, or count silently."""
    with pytest.raises(RuleError) as error:
        rulebook.parse(text)
    assert said in str(error.value)


def test_two_rules_for_one_event_each_decide() -> None:
    other = {**RULE, "name": "receipt-too", "message_type": "other"}
    rules = rulebook.parse(yaml.safe_dump({"rules": [RULE, other]}))
    outcome = decided(goods_received(("1", "anna")), directory(person("anna")), rules=rules)
    assert sorted(one.rule.name for one in outcome.messages.values()) == ["receipt", "receipt-too"]


PER_LINE = {"key": "[line.line]", "about": "line.line", "told": "all items told before", "per": "line"}


def test_a_claim_per_line_leaves_out_what_was_told_and_nothing_left_is_no_message() -> None:
    rules, taken = _parsed(claim=PER_LINE), set[tuple[str, str, str]]()
    people = directory(person("anna"))
    first = decided(goods_received(("1", "anna"), ("2", "anna")), people, taken, rules)
    assert [message.about for message in first.messages.values()] == [("1", "2")]
    second = decided(goods_received(("2", "anna"), ("3", "anna")), people, taken, rules)
    (message,) = second.messages.values()
    assert ([line["line"] for line in message.facts["lines"]], message.about) == (["3"], ("3",))
    third = decided(goods_received(("2", "anna")), people, taken, rules)
    assert (told(third), [one.reason for one in third.decisions]) == ([], ["all items told before"])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"when": [{"is": "note", "otherwise": "x"}]}, "gave 'note-1', neither true nor false"),
        ({"claim": {"key": "[actor_of(note)]", "about": "note", "told": "x"}}, None),
        ({"claim": {"key": "[event.actor, R]", "about": "note", "told": "x"}}, "a claim key is a list without gaps"),
        ({"claim": {"key": "note", "about": "note", "told": "x"}}, "a claim key is a list without gaps"),
        ({"claim": {"key": "[R]", "about": "event.actor", "told": "x"}}, "gave None, which is no id"),
        ({"recipients": [{"hop": "a", "because": "b", "person": "1 + 1"}]}, "gave 2, which is no id"),
        ({"lines": None, "for_each": "lines.map(line, line)"}, "which is no id"),
        ({"lines": {"of": "lines", "where": [{"is": "dec(line.item) > dec('1')", "otherwise": "x"}]}, "recipients": None}, None),
        ({"when": [{"is": "dec(note) > dec('1')", "otherwise": "x"}]}, "dec() takes a decimal in a string such as '12.50', not 'note-1'"),
        ({"when": [{"is": "dec('5') > 3", "otherwise": "x"}]}, "No such overload"),
    ],
)
def test_a_rule_that_fails_on_an_event_parks_it_with_what_cel_said(changes: dict[str, Any], said: str | None) -> None:
    if said is None:
        with pytest.raises(RuleError):
            _parsed(**changes)
        return
    with pytest.raises(Refused) as refused:
        decided(goods_received(("1", "anna")), directory(person("anna")), rules=_parsed(**changes))
    assert (refused.value.reason, said in refused.value.detail) == ("invalid", True), refused.value.detail
    assert "the rule receipt can't be evaluated" in refused.value.detail


@pytest.mark.parametrize(
    ("hop", "said"),
    [("order.contract", None), ("order['contract']", None), ("order.contract.id", "order.contract.id"), ("note.number", "note.number")],
)
def test_a_bare_field_means_what_cel_says_it_means(hop: str, said: str | None) -> None:
    """A field alone is read without CEL; unset it is nobody, and a field of what has none parks the event all the same."""
    first = {"hop": "contract", "because": "b", "person": hop}
    rules = _parsed(recipients=[first, {"hop": "orderer", "because": "b", "person": "each"}])
    if said is None:
        with_contract = decided(goods_received(("1", "anna")), directory(person("contract-1"), person("anna")), rules=rules)
        assert told(with_contract) == [("contract-1", "contract")]
        return
    with pytest.raises(Refused, match="can't be evaluated"):
        decided(goods_received(("1", "anna")), directory(person("anna")), rules=rules)
