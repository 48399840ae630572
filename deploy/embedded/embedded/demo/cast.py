"""Who is who in the demo: a utility that buys, its people, and the company that supplies it."""

from typing import Any

BUYER, SUPPLIER = "stadtwerke", "nordlicht"
ANNA, BELA, CLARA, DORA, EGON, FRIDA = "anna.berger", "bela.kovacs", "clara.novak", "dora.weiss", "egon.huber", "frida.lund"
GERD, HANA, IDA = "gerd.maier", "hana.dvorak", "ida.roth"

COMPANIES: dict[str, dict[str, Any]] = {
    BUYER: {"name": "Stadtwerke Linz", "side": "client", "zone": "Europe/Vienna", "country": "AT", "endpoints": ["0088:9120000000017"]},
    SUPPLIER: {"name": "Nordlicht Office AS", "side": "supplier", "zone": "Europe/Oslo", "endpoints": ["0192:912660680"]},
}


def _person(name: str, company: str, *roles: dict[str, str], active: bool = True) -> dict[str, Any]:
    address = name.lower().replace(" ", ".").replace("é", "e")
    domain = {BUYER: "stadtwerke.example", SUPPLIER: "nordlicht.example"}[company]
    zone = COMPANIES[company]["zone"]
    return {"name": name, "email": f"{address}@{domain}", "company": company, "zone": zone, "active": active, "roles": list(roles)}


PEOPLE = {
    ANNA: _person("Anna Berger", BUYER, {"role": "requester", "company": BUYER}),
    BELA: _person("Béla Kovacs", BUYER, {"role": "requester", "company": BUYER}),
    CLARA: _person("Clara Novak", BUYER, {"role": "buyer", "company": BUYER}),
    DORA: _person("Dora Weiss", BUYER, {"role": "company-administrator", "company": BUYER}),
    # Has left; a cost code is still in this name.
    EGON: _person("Egon Huber", BUYER, active=False),
    FRIDA: _person("Frida Lund", SUPPLIER),
    # Reads German, as Austria writes it.
    GERD: {**_person("Gerd Maier", BUYER, {"role": "controller", "company": BUYER}), "language": "de-AT"},
    HANA: _person("Hana Dvorak", BUYER, {"role": "catalog-manager", "company": BUYER}),
    IDA: _person("Ida Roth", BUYER, {"role": "administrator"}),
}

BUDGETS: dict[str, dict[str, Any]] = {
    "travel-anna": {"name": "Travel, Anna Berger", "kind": "user", "owner": ANNA},
    "cost-code-4100": {"name": "Cost code 4100, workshop", "kind": "cost-code", "scope": "4100", "manager": EGON},
}
BUDGET = {
    "company": BUYER,
    "period_start": "2026-01-01",
    "period_end": "2026-10-31",
    "start_value": "12000.00",
    "current_value": "318.40",
    "currency": "EUR",
}
REMINDERS: dict[str, Any] = {"first": {}, "second": {}, "third": {}}
CONTRACT = {
    "buyer": BUYER,
    "purchaser_contact": CLARA,
    "automatic_receipt": True,
    "complaint_days": 14,
    "currency": "EUR",
    "reminders": REMINDERS,
}


def address(person: str) -> str:
    """The person's mail address."""
    return str(PEOPLE[person]["email"])
