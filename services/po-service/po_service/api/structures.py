"""Cost codes and credit cards."""

import re
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from po_service.api.shapes import Rooms, company_of
from po_service.domain.structures import ControlStructure, holds_card_number
from po_service.store import rows, structures
from postroom.auth import Caller, Operator
from postroom.contracts.fields import Id
from postroom.http import Problem

Kind = Literal["cost-code", "credit-card"]
_LAST_FOUR = re.compile(r"[0-9]{4}")


class ControlStructureIn(BaseModel):
    """A cost code or credit card, whole. `code` is the cost code, or the card's last four digits and no more of them."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    company: Id
    code: Id
    name: Annotated[str, Field(max_length=200)] = ""
    valid_until: date
    person_responsible: Id | None = None
    lead_days: Annotated[int, Field(ge=0, le=3_650)] = 0


def router(rooms: Rooms) -> APIRouter:
    """PUT and GET below /control-structures."""
    routes = APIRouter(prefix="/control-structures", tags=["control structures"])

    @routes.put("/{structure}")
    async def put_structure(caller: Operator, structure: Id, given: ControlStructureIn) -> dict[str, Any]:
        """Create a cost code or credit card, or replace what is known of it; another `valid_until` may expire anew."""
        _no_card_number(structure, given)
        async with rooms.seen_by(caller) as connection:
            company = await company_of(connection, caller.tenant, given.company)
            wanted = rows.of(ControlStructure, given.model_dump(), tenant=caller.tenant, id=structure, zone=company.zone)
            await structures.put(connection, wanted)
        return _shown(wanted)

    @routes.get("/{structure}")
    async def show_structure(caller: Caller, structure: str) -> dict[str, Any]:
        """One cost code or credit card."""
        async with rooms.seen_by(caller) as connection:
            found = await structures.get(connection, caller.tenant, structure)
        if found is None:
            raise Problem(404, "control_structure_unknown", f"There is no control structure {structure!r} that you may see.")
        return _shown(found)

    @routes.get("")
    async def list_structures(
        caller: Caller,
        kind: Kind | None = None,
        company: str | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    ) -> dict[str, Any]:
        """The cost codes and credit cards you may see, the first to expire first."""
        async with rooms.seen_by(caller) as connection:
            return {"control_structures": [_shown(one) for one in await structures.some(connection, kind, company, limit, offset)]}

    return routes


def _shown(structure: ControlStructure) -> dict[str, Any]:
    return {name: value for name, value in {**rows.plain(structure), "control_structure": structure.id}.items() if name != "zone"}


def _no_card_number(structure: str, given: ControlStructureIn) -> None:
    """A card's full number is nowhere kept, neither as its code nor by mistake as its name or id. No answer repeats it."""
    if given.kind != "credit-card":
        return
    for field, text in (("code", given.code), ("name", given.name), ("id", structure)):
        if holds_card_number(text):
            detail = f"The {field} holds a full card number. It was not kept: give the card's last four digits as its code, and no more."
            raise Problem(422, "card_number_refused", detail, field)
    if not _LAST_FOUR.fullmatch(given.code):
        raise Problem(422, "last_four_digits", "A credit card's code is the last four digits of its number, such as 4242.", "code")
