"""Who is there during a fault run: the same people for the house's directory and for the oracle."""

from typing import Any

from tests.oracle.directory import People

COMPANY, SUPPLIER, CONTRACT = "faultworks", "faultsupply", "FW-1"
BUYER_ENDPOINT, SELLER_ENDPOINT = "0088:4000000000011", "0088:4000000000028"
REQUESTERS = tuple(f"fw.req{n:02d}" for n in range(20))
CONTACTS = tuple(f"fw.con{n:02d}" for n in range(20))
# Who has chosen the daily digest, and whose quiet hours it is throughout a run.
DIGEST = tuple(f"fw.dig{n}" for n in range(6))
QUIET = tuple(f"fw.qui{n}" for n in range(4))
# The supplier's people, one on each of the orders that people talk about.
SUPPLIERS = tuple(f"fw.sup{n}" for n in range(3))
TALKS = 8
# Whom the server of a run may call unknown.
UNREACHABLE = tuple(f"fw.bad{n}" for n in range(4))
WITH_ROLES = {"fw.ctl": ("controller", COMPANY), "fw.cad": ("company-administrator", COMPANY), "fw.cat": ("catalog-manager", COMPANY)}
KEEPER = "fw.con00"


def everybody() -> tuple[str, ...]:
    """All of them."""
    return (*REQUESTERS, *CONTACTS, *DIGEST, *QUIET, *SUPPLIERS, *UNREACHABLE, *WITH_ROLES)


def people() -> People:
    """As the oracle knows them."""
    known = People()
    for one in everybody():
        known.add(one, *([WITH_ROLES[one]] if one in WITH_ROLES else []))
    return known


def address(person: str) -> str:
    return f"{person}@faults.example"


def companies() -> dict[str, dict[str, Any]]:
    """For PUT /companies/{id}."""
    return {
        COMPANY: {"name": "Fault Works", "side": "client", "zone": "Europe/Vienna", "country": "AT", "endpoints": [BUYER_ENDPOINT]},
        SUPPLIER: {"name": "Fault Supply", "side": "supplier", "zone": "Europe/Vienna", "country": "AT", "endpoints": [SELLER_ENDPOINT]},
    }


def person(id_: str) -> dict[str, Any]:
    """For PUT /people/{id}."""
    roles = [{"role": role, "company": company} for role, company in [WITH_ROLES[id_]]] if id_ in WITH_ROLES else []
    company = SUPPLIER if id_ in SUPPLIERS else COMPANY
    return {"name": id_, "email": address(id_), "company": company, "zone": "Europe/Vienna", "roles": roles}


def contract() -> dict[str, Any]:
    """For PUT /contracts/{id}."""
    return {"number": CONTRACT, "buyer": COMPANY, "supplier": SUPPLIER, "purchaser_contact": KEEPER, "currency": "EUR"}
