"""Basic contracts, by id or by the number that the buying company knows them by."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from po_service.api.shapes import Rooms
from po_service.domain.contracts import Contract, contract_id
from po_service.store import directory, rows
from postroom.auth import Caller, Operator
from postroom.contracts.fields import DecimalText, Id
from postroom.db import Connection
from postroom.http import Problem

Days = Annotated[int, Field(ge=0, le=3_650)]


class ContractIn(BaseModel):
    """What completes a contract; `buyer`, the buying company's id, is needed only where the number is new or not unique."""

    model_config = ConfigDict(extra="forbid")

    number: Id | None = None
    buyer: Id | None = None
    purchaser_contact: Id | None = None
    automatic_receipt: bool = False
    receipt_days: Days | None = None
    complaint_days: Days | None = None
    mute_announced_partials: bool = False
    minimum_order_value: DecimalText | None = None
    currency: Annotated[str, Field(max_length=3)] = ""


def router(rooms: Rooms) -> APIRouter:
    """PUT and GET below /contracts."""
    routes = APIRouter(prefix="/contracts", tags=["contracts"])

    @routes.put("/{contract}")
    async def put_contract(caller: Operator, contract: Id, given: ContractIn) -> dict[str, Any]:
        """Create a contract, or complete one that an order brought along; holds for all notes recorded from now on."""
        async with rooms.seen_by(caller) as connection:
            known = await _one(connection, caller.tenant, contract, given.buyer)
            known = known or await _new(connection, caller.tenant, given.number or contract, given.buyer)
            if given.number not in (None, known.number):
                raise Problem(
                    422, "number_fixed", f"This contract has the number {known.number!r}; another number is another contract.", "number"
                )
            if given.purchaser_contact and await directory.person(connection, caller.tenant, given.purchaser_contact) is None:
                detail = f"There is no person {given.purchaser_contact!r}. PUT /people/{given.purchaser_contact} first."
                raise Problem(422, "person_unknown", detail, "purchaser_contact")
            wanted = replace(known, **given.model_dump(exclude={"buyer", "number"}), provisional=False)
            if given.purchaser_contact is None:
                wanted = replace(wanted, purchaser_contact=known.purchaser_contact)
            await directory.put_contract(connection, wanted)
            return {**rows.plain(wanted), "contract": wanted.id}

    @routes.get("/{contract}")
    async def show_contract(caller: Caller, contract: str, buyer: str | None = None) -> dict[str, Any]:
        """One contract."""
        async with rooms.seen_by(caller) as connection:
            found = await _one(connection, caller.tenant, contract, buyer)
        if found is None:
            raise Problem(404, "contract_unknown", f"There is no contract {contract!r} that you may see.")
        return {**rows.plain(found), "contract": found.id}

    @routes.get("")
    async def list_contracts(caller: Caller) -> dict[str, Any]:
        """The contracts you may see; `provisional` ones want completing."""
        async with rooms.seen_by(caller) as connection:
            return {"contracts": [{**rows.plain(one), "contract": one.id} for one in await directory.all_contracts(connection)]}

    return routes


async def _one(connection: Connection, tenant: str, id_or_number: str, buyer: str | None) -> Contract | None:
    found = await directory.contracts_named(connection, tenant, id_or_number, buyer)
    if len(found) > 1:
        owners = ", ".join(one.buyer for one in found)
        raise Problem(
            409, "contract_ambiguous", f"Several companies have a contract {id_or_number!r}; name one as buyer: {owners}.", "buyer"
        )
    return found[0] if found else None


async def _new(connection: Connection, tenant: str, number: str, buyer: str | None) -> Contract:
    if buyer is None or await directory.company(connection, tenant, buyer) is None:
        raise Problem(
            422, "company_unknown", f"The contract {number!r} is new: name its buying company (id), which must be there.", "buyer"
        )
    return Contract(tenant, contract_id(tenant, buyer, number), number, buyer)
