"""Where a story begins: the order, and the documents that came about it."""

from collections.abc import Iterable
from typing import Any

from rich.tree import Tree

from postroom_cli.facts import at, line, state

Json = dict[str, Any]


def purchasing(root: Tree, orders: Iterable[Json], documents: Iterable[Json]) -> None:
    """Each order with its documents; those that have no order, such as one that waits for it, by themselves."""
    branches = {order["id"]: _order(root, order) for order in orders}
    for document in documents:
        _document(branches.get(document.get("order"), root), document)


def _order(root: Tree, order: Json) -> Tree:
    parties = f"{order['supplier']['name']} → {order['buyer']['name']}"
    branch = root.add(line("order", "bold blue", order["number"], parties, order["status"], f"of {order['issue_date']}", ident=order["id"]))
    branch.add(line("", "", *_conditions(order)))
    return branch


def _conditions(order: Json) -> list[str]:
    """What decides whether anybody is told: the contract's contact, and whether goods were announced and received."""
    contact = order.get("purchaser_contact")
    provisional = " (provisional)" if order.get("contract_provisional") else ""
    contract = f"contract {order['contract']}{provisional}" if order.get("contract") else "no contract"
    notes, receipts = order.get("delivery_notes", 0), order.get("goods_receipts", 0)
    told = f"purchaser contact {contact['name'] or contact['person']}" if contact else "no purchaser contact"
    return [
        contract,
        told,
        f"{notes or 'no'} delivery note{'' if notes == 1 else 's'}",
        f"{receipts or 'no'} goods receipt{'' if receipts == 1 else 's'}",
    ]


def _document(branch: Tree, document: Json) -> None:
    came = f"from {document['emitter']}"
    what = f"{document['kind']} {document['number']}"
    branch.add(state(document["outcome"], what, document.get("reason"), came, at(document, "received_at")))
