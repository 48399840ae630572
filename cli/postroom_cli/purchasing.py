"""Where a story begins: the order, catalog or invoice, and the documents that came about it."""

from typing import Any

from rich.tree import Tree

from postroom_cli.facts import at, line, state

Json = dict[str, Any]


def purchasing(root: Tree, answer: Json) -> None:
    """Each order, catalog and invoice with its documents; those that have none of them, such as one that waits, by themselves."""
    branches = {order["id"]: _order(root, order) for order in answer.get("orders", ())}
    branches |= {catalog["id"]: _catalog(root, catalog) for catalog in answer.get("catalogs", ())}
    branches |= {invoice["id"]: _invoice(root, invoice) for invoice in answer.get("invoices", ())}
    for document in answer.get("documents", ()):
        whose = document.get("order") or document.get("catalog") or document.get("invoice")
        _document(branches.get(whose, root), document)


def _catalog(root: Tree, catalog: Json) -> Tree:
    """What decides who is told: its managers, and the kinds of change that they want to hear of."""
    supplier = f"of {catalog['supplier_name']}" if catalog.get("supplier_name") else ""
    facts = (catalog["name"], supplier, f"version {catalog['version']}", f"{catalog['items']} items")
    branch = root.add(line("catalog", "bold blue", *facts, ident=catalog["id"]))
    managers = f"managers {', '.join(catalog['managers'])}" if catalog.get("managers") else "no managers: the role catalog-manager"
    branch.add(line("", "", managers, f"told of {', '.join(catalog['notify_on'])} only" if catalog.get("notify_on") else ""))
    return branch


def _invoice(root: Tree, invoice: Json) -> Tree:
    supplier = f"of {invoice['supplier_name']}" if invoice.get("supplier_name") else ""
    provisional = "known by a response only" if invoice.get("provisional") else f"version {invoice['version']}"
    orders = f"for {', '.join(invoice['orders'])}" if invoice.get("orders") else ""
    branch = root.add(line("invoice", "bold blue", invoice["number"], supplier, orders, provisional, ident=invoice["id"]))
    if invoice.get("checks"):
        count = f"{invoice['checks']} failed check{'' if invoice['checks'] == 1 else 's'}"
        branch.add(line("", "", count, f"newest {invoice['code']}", invoice.get("text"), at(invoice, "checked_at")))
    return branch


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
