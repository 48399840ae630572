"""The second seed as functions, one a message type: whom an event tells what. Each quotes what it follows.

Where the seed is silent, product.md's table of part A settles it; that is said where it is so.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from tests.oracle.directory import People
from tests.oracle.letters import Claim, Event, Oracle, Tells, Void, Wish


def oracle_of(people: People, day: date) -> Oracle:
    """An oracle that has told nothing yet, on this day."""
    return Oracle(people, day, _TELLS, _VOIDS)


def _whole(message_type: str, person: str, claim: Claim, items: Iterable[str] = ()) -> Wish:
    """A message that is told or not as a whole."""
    shown = list(items) or [str(claim[0])]
    return Wish(message_type, person, shown, dict.fromkeys(shown, claim))


# 1 · "Due templates · Buyer, Requester · Sent when a template or quantity request is due"
def due_template(oracle: Oracle, event: Event) -> Iterator[Wish]:
    """Buyers and requesters who are assigned to it; active, within validity, not withdrawn (product.md)."""
    data = event["data"]
    on = data["occurrence"]
    if not data.get("active", True) or data.get("withdrawn", False):
        return
    if (data.get("valid_from") or on) > on or (data.get("valid_until") or on) < on:
        return
    names = list(dict.fromkeys(one["person"] for one in data["assigned"] if one["role"] in {"buyer", "requester"}))
    yield from _each("due-template", oracle, event, names, lambda who: (data["template"], on, who))


# 2 · "Carbon-copy registrations · Administrator, Company administrator · Sent when a user logs on to the system for the first time
#      using the logon data of a carbon copy user"
def carbon_copy(oracle: Oracle, event: Event) -> Iterator[Wish]:
    """Both; where one of them is missing, the other is told in any case."""
    data = event["data"]
    if not data.get("first", True):
        return
    company = oracle.company(event)
    both = {*oracle.people.holding("administrator", ""), *(oracle.people.holding("company-administrator", company) if company else [])}
    if not both:
        oracle.unroutable.append("carbon-copy-registration")
    for who in sorted(both):
        yield _whole("carbon-copy-registration", who, (data["user"], who))


# 3 · "Expiry of cost codes and credit cards · Person responsible for the cost code or credit card, alternatively, the administrator or
#      system administrator · Sent to the person responsible when cost codes or credit cards expire"
def control_structure(oracle: Oracle, event: Event) -> Iterator[Wish]:
    data = event["data"]
    if not data["valid_until"] < data["as_of"]:
        return
    people = oracle.first_of("control-structure-expired", event, oracle.person(event, data.get("person_responsible")))
    for who in people:
        # No R: "a new responsible person is not told of an old expiry" (product.md).
        yield _whole("control-structure-expired", who, (data["kind"], data["structure"], data["valid_until"]))


# 4 · "(Automatic) Receipt of goods · Person who ordered the goods · Sent when receipt of goods is booked automatically"
def goods_receipt(oracle: Oracle, event: Event) -> Iterator[Wish]:
    data = event["data"]
    if data["booking"] != "automatic":
        return
    note = data.get("note") or data["receipt"]
    yield from _own_lines("goods-receipt", oracle, event, data["lines"], "ordered_by", "line", lambda _, who: (note, who), by_item=False)


# 5 · "Expiry of budgets · Relevant budget manager. For user budgets, the user in question, for cost code or credit card budgets, the
#      relevant manager, alternatively the administrator or system administrator · Sent when budgets expire"
def budget(oracle: Oracle, event: Event) -> Iterator[Wish]:
    data = event["data"]
    if data["reason"] not in {"date", "exhausted"}:
        return
    name = data.get("owner") if data["kind"] == "user" else data.get("manager")
    for who in oracle.first_of("budget-expired", event, oracle.person(event, name)):
        yield _whole("budget-expired", who, (data["budget"], data["period_start"], data["reason"]))


# 6 · "Wrong delivery · User specified in the basic contract as the purchaser contact · Sent when the quantity delivered recorded in the
#      delivery note differs from the quantity ordered"
def wrong_delivery(oracle: Oracle, event: Event) -> Iterator[Wish]:
    """Against the quantity still open; "another unit is [wrong]"; "a contract flag mutes announced partial deliveries" (product.md)."""
    data = event["data"]
    muted = data.get("partial_announced", False) and data.get("mute_announced_partials", False)
    wrong, differences = [], []
    for line in data["lines"]:
        open_ = Decimal(line["ordered"]) - Decimal(line.get("previously_delivered", "0"))
        delivered = Decimal(line["delivered"])
        other_unit = line["unit"] != line["delivered_unit"]
        if (other_unit or delivered != open_) and not (muted and not other_unit and delivered < open_):
            wrong.append(line["line"])
            differences.append((line["line"], line["unit"], line["delivered_unit"], delivered.normalize(), open_.normalize()))
    if not wrong:
        return
    for who in oracle.first_of("wrong-delivery", event, oracle.person(event, data.get("purchaser_contact"))):
        yield _whole("wrong-delivery", who, (data["note"], who, tuple(differences)), wrong)


# 7 · "Demand message has arrived · (blank) · Sent when a requester submits a reply to a quantity request"
def quantity_reply(oracle: Oracle, event: Event) -> Iterator[Wish]:
    """The seed leaves the recipient blank: the purchaser who released the request; within validity (product.md)."""
    data = event["data"]
    on = data["replied_on"]
    if (data.get("valid_from") or on) > on or (data.get("valid_until") or on) < on:
        return
    for who in oracle.first_of("quantity-request-reply", event, oracle.person(event, data.get("purchaser"))):
        yield _whole("quantity-request-reply", who, (data["reply"], data.get("revision", 1), who))


# 8 · "Failure on invoice check · Controller · Sent when an error occurs during invoice processing"
def invoice(oracle: Oracle, event: Event) -> Iterator[Wish]:
    data = event["data"]
    if not data["code"]:
        return
    company = oracle.company(event)
    controllers = [oracle.people.holding("controller", company) if company else [], oracle.people.holding("controller", "")]
    for who in oracle.first_of("invoice-check-failed", event, *controllers):
        yield _whole("invoice-check-failed", who, (data["invoice"], data.get("version", 1), data["code"], who))


def _below_minimum(data: dict[str, Any]) -> bool:
    """ "if the minimum order value specified in the basic contract is not reached"; a total of 0 is no order (product.md)."""
    return Decimal(0) < Decimal(data["total"]) < Decimal(data["minimum"])


# 9 · "Min. order price not reached (buyer) · Requester · … The message contains the items requested by the requester. Only one message is
#      sent for each item, even if the minimum order value is still not reached when the next order is generated."
def minimum_requester(oracle: Oracle, event: Event) -> Iterator[Wish]:
    data = event["data"]
    if _below_minimum(data):
        yield from _own_lines("minimum-order-value-requester", oracle, event, data["items"], "requester", "item", lambda item, _: (item,))


# 10 · "Min. order price not reached (orders) · User specified in the basic contract as the purchaser contact · Sent when the minimum order
#       value specified in the basic contract is not reached when a purchase order is generated"
def minimum_purchaser(oracle: Oracle, event: Event) -> Iterator[Wish]:
    data = event["data"]
    if _below_minimum(data):
        for who in oracle.first_of("minimum-order-value-purchaser", event, oracle.person(event, data.get("purchaser_contact"))):
            yield _whole("minimum-order-value-purchaser", who, (data["run"], data["order"]["id"], who), [data["run"]])


def _still_overdue(data: dict[str, Any], option: str) -> list[dict[str, Any]]:
    """ "when the delivery date has passed and the requester has not yet created a delivery note", if the option "has been activated"."""
    if data["reminders"].get(option) is None:
        return []
    due = [line for line in data["lines"] if line["due_on"] <= data["as_of"]]
    return [line for line in due if not line.get("noted", False) and not line.get("cancelled", False)]


# 11 · "Delivery note reminder (Requester) · Requester · If the option Delivery note first reminder has been activated in the basic
#       contract, this message is sent when the delivery date has passed and the requester has not yet created a delivery note"
def reminder_requester(oracle: Oracle, event: Event) -> Iterator[Wish]:
    data = event["data"]
    if data["level"] != 1:
        return
    lines = {line["line"]: line for line in _still_overdue(data, "first")}
    order = data["order"]["id"]

    def claim(line: str, who: str) -> Claim:
        return (order, line, 1, lines[line]["delivery_date"], who)

    yield from _own_lines("delivery-note-reminder-requester", oracle, event, list(lines.values()), "ordered_by", "line", claim)


# 12 · "Remind insertion of delivery notes (purchaser) · User specified in the basic contract as the purchaser contact · If the options
#       Delivery note second reminder and Delivery note third reminder have been activated in the basic contract, this message is sent when
#       the delivery date has passed and the requester has not yet created a delivery note"
def reminder_purchaser(oracle: Oracle, event: Event) -> Iterator[Wish]:
    """Each option on its own; "of levels 2 and 3 only the higher one due" (product.md): told of 3, nobody hears of 2 any more."""
    data = event["data"]
    if data["level"] not in {2, 3}:
        return
    lines = _still_overdue(data, {2: "second", 3: "third"}[data["level"]])
    if not lines:
        return
    order = data["order"]["id"]
    for who in oracle.first_of("delivery-note-reminder-purchaser", event, oracle.person(event, data.get("purchaser_contact"))):
        claims = {line["line"]: (order, line["line"], data["level"], line["delivery_date"], who) for line in lines}
        lower = tuple((order, line["line"], 2, line["delivery_date"], who) for line in lines) if data["level"] > 2 else ()
        yield Wish("delivery-note-reminder-purchaser", who, list(claims), claims, by_item=True, closes=lower)


# 13 · "Position changes/invalidity · Catalog manager · Sent when changes are made to products, for example, when the price validity
#       expires"
def catalog(oracle: Oracle, event: Event) -> Iterator[Wish]:
    """Kinds of change that are enabled; "one's own change is skipped" (product.md)."""
    data = event["data"]
    wanted = data.get("notify_on") or []
    changes = [one for one in data["changes"] if not wanted or one["kind"] in wanted]
    if not changes:
        return
    actor = oracle.people.named(event["actor"], event.get("emitter", "")) if event.get("actor") else None
    managers: list[str] = []
    for name in dict.fromkeys(data.get("managers") or [""]):
        role = oracle.people.holding("catalog-manager", oracle.company(event)) if oracle.company(event) else []
        managers += oracle.first_of("catalog-changed", event, oracle.person(event, name), role)
    for who in dict.fromkeys(managers):
        if actor is not None and who == actor.id:
            continue
        if data.get("cause", "changed") == "expired":
            claims = {one["item"]: (data["catalog"], one["item"], one["valid_until"], who) for one in changes}
            yield Wish("catalog-changed", who, list(claims), claims, by_item=True)
        else:
            yield _whole("catalog-changed", who, (data["catalog"], data["version"], who), [one["item"] for one in changes])


def _each(message_type: str, oracle: Oracle, event: Event, names: list[str], claim: Callable[[str], Claim]) -> Iterator[Wish]:
    """Each of these people, or whoever stands in for one who can't be told; nobody twice."""
    reached: dict[str, None] = {}
    for name in names:
        for who in oracle.first_of(message_type, event, oracle.person(event, name)):
            reached[who] = None
    for who in reached:
        yield _whole(message_type, who, claim(who))


def _own_lines(
    message_type: str,
    oracle: Oracle,
    event: Event,
    lines: list[dict[str, Any]],
    owner: str,
    id_: str,
    claim: Callable[[str, str], Claim],
    *,
    by_item: bool = True,
) -> Iterator[Wish]:
    """Each line to its owner, one message a person, "own lines only"; a line whose owner can't be told goes down the chain."""
    of: dict[str, list[str]] = {}
    for name in dict.fromkeys(line[owner] for line in lines):
        for who in oracle.first_of(message_type, event, oracle.person(event, name)):
            of.setdefault(who, []).extend(line[id_] for line in lines if line[owner] == name)
    for who, own in of.items():
        yield Wish(message_type, who, own, {line: claim(line, who) for line in own}, by_item=by_item)


_TELLS: dict[str, dict[str, Tells]] = {
    "TemplateDue.v1": {"due-template": due_template},
    "CarbonCopyUserRegistered.v1": {"carbon-copy-registration": carbon_copy},
    "ControlStructureExpired.v1": {"control-structure-expired": control_structure},
    "GoodsReceived.v1": {"goods-receipt": goods_receipt},
    "BudgetExpired.v1": {"budget-expired": budget},
    "DeliveryNoteRecorded.v1": {"wrong-delivery": wrong_delivery},
    "QuantityRequestReplied.v1": {"quantity-request-reply": quantity_reply},
    "InvoiceCheckFailed.v1": {"invoice-check-failed": invoice},
    "MinimumOrderValueNotReached.v1": {
        "minimum-order-value-requester": minimum_requester,
        "minimum-order-value-purchaser": minimum_purchaser,
    },
    "DeliveryNoteOverdue.v1": {
        "delivery-note-reminder-requester": reminder_requester,
        "delivery-note-reminder-purchaser": reminder_purchaser,
    },
    "CatalogItemsChanged.v1": {"catalog-changed": catalog},
}

_REMINDERS = ("delivery-note-reminder-requester", "delivery-note-reminder-purchaser")


def _noted(event: Event) -> Iterator[Void]:
    """ "the requester has not yet created a delivery note": once he has, it is void; a supplier's despatch advice is no such note."""
    if event["data"].get("origin") == "requester":
        yield from _lines_void(event)


def _lines_void(event: Event) -> Iterator[Void]:
    """Cancelled, or due on another day: what was said of the old delivery date is void."""
    for line in event["data"]["lines"]:
        for message_type in _REMINDERS:
            yield Void(message_type, f"{event['data']['order']['id']}/{line['line']}")


def _template_withdrawn(event: Event) -> Iterator[Void]:
    yield Void("due-template", event["data"]["template"])


_VOIDS: dict[str, Callable[[Event], Iterator[Void]]] = {
    "DeliveryNoteRecorded.v1": _noted,
    "OrderChanged.v1": _lines_void,
    "TemplateWithdrawn.v1": _template_withdrawn,
}
