"""Basic contracts, by id or by the number that the buying company knows them by."""

from dataclasses import replace
from typing import Annotated, Any, Literal

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
DAYS = {"first": 0, "second": 5, "third": 10}


class After(BaseModel):
    """A reminder that is activated, so many days after the delivery date; null for its level's own: 0, 5 or 10."""

    model_config = ConfigDict(extra="forbid")

    days: Days | None = None


class RemindersIn(BaseModel):
    """The delivery-note reminders, each activated on its own; null where one isn't. Working days are those of the buying company."""

    model_config = ConfigDict(extra="forbid")

    first: After | None = None
    second: After | None = None
    third: After | None = None
    calendar: Literal["working-days", "calendar-days"] = "working-days"

    def options(self) -> dict[str, Any]:
        """As the contract keeps them."""
        given = {"first": self.first, "second": self.second, "third": self.third}
        days = {f"{name}_reminder": one and (DAYS[name] if one.days is None else one.days) for name, one in given.items()}
        return {**days, "reminder_calendar": self.calendar}


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
    supplier: Id | None = None
    reminders: RemindersIn = RemindersIn()


def router(rooms: Rooms) -> APIRouter:
    """PUT and GET below /contracts."""
    routes = APIRouter(prefix="/contracts", tags=["contracts"])

    @routes.put("/{contract}")
    async def put_contract(caller: Operator, contract: Id, given: ContractIn) -> dict[str, Any]:
        """Create a contract, or complete one that an order brought along; holds for all notes recorded from now on."""
        async with rooms.seen_by(caller) as connection:
            known = await contract_named(connection, caller.tenant, contract, given.buyer)
            known = known or await _new(connection, caller.tenant, given.number or contract, given.buyer)
            if given.number not in (None, known.number):
                raise Problem(
                    422, "number_fixed", f"This contract has the number {known.number!r}; another number is another contract.", "number"
                )
            if given.purchaser_contact and await directory.person(connection, caller.tenant, given.purchaser_contact) is None:
                detail = f"There is no person {given.purchaser_contact!r}. PUT /people/{given.purchaser_contact} first."
                raise Problem(422, "person_unknown", detail, "purchaser_contact")
            if given.supplier:
                await _check_supplier(connection, caller.tenant, given.supplier)
            kept = {name: getattr(known, name) for name in ("purchaser_contact", "supplier") if getattr(given, name) is None}
            stated = given.model_dump(exclude={"buyer", "number", "reminders"})
            wanted = replace(known, **{**stated, **given.reminders.options(), **kept}, provisional=False)
            await directory.put_contract(connection, wanted)
            return shown(wanted)

    @routes.get("/{contract}")
    async def show_contract(caller: Caller, contract: str, buyer: str | None = None) -> dict[str, Any]:
        """One contract."""
        async with rooms.seen_by(caller) as connection:
            found = await contract_named(connection, caller.tenant, contract, buyer)
        if found is None:
            raise Problem(404, "contract_unknown", f"There is no contract {contract!r} that you may see.")
        return shown(found)

    @routes.get("")
    async def list_contracts(caller: Caller) -> dict[str, Any]:
        """The contracts you may see; `provisional` ones want completing."""
        async with rooms.seen_by(caller) as connection:
            return {"contracts": [shown(one) for one in await directory.all_contracts(connection)]}

    return routes


async def contract_named(connection: Connection, tenant: str, id_or_number: str, buyer: str | None = None) -> Contract | None:
    """The contract with this id or number, locked, if the caller may see it; Problem 409 where several companies have one."""
    found = await directory.contracts_named(connection, tenant, id_or_number, buyer)
    if len(found) > 1:
        owners = ", ".join(one.buyer for one in found)
        raise Problem(
            409, "contract_ambiguous", f"Several companies have a contract {id_or_number!r}; name one as buyer: {owners}.", "buyer"
        )
    return found[0] if found else None


def shown(contract: Contract) -> dict[str, Any]:
    """A contract as it is put: its reminders by name."""
    plain = rows.plain(contract)
    days = {name: plain.pop(f"{name}_reminder") for name in DAYS}
    reminders = {name: None if after is None else {"days": after} for name, after in days.items()}
    return {**plain, "contract": contract.id, "reminders": {**reminders, "calendar": plain.pop("reminder_calendar")}}


async def _check_supplier(connection: Connection, tenant: str, id_: str) -> None:
    company = await directory.company(connection, tenant, id_)
    if company is None or company.side != "supplier":
        detail = f"There is no supplying company {id_!r}. PUT /companies/{id_} with side supplier first."
        raise Problem(422, "company_unknown", detail, "supplier")


async def _new(connection: Connection, tenant: str, number: str, buyer: str | None) -> Contract:
    if buyer is None or await directory.company(connection, tenant, buyer) is None:
        raise Problem(
            422, "company_unknown", f"The contract {number!r} is new: name its buying company (id), which must be there.", "buyer"
        )
    return Contract(tenant, contract_id(tenant, buyer, number), number, buyer)
