"""What an operator is told about a log, a send or an order."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from commlog_service.store import correspondences, logs
from commlog_service.wiring import NO_NUL, Asking
from postroom import db
from postroom.auth import Operator

TOLD = 200
router = APIRouter(tags=["operations"])
Ref = Annotated[str, Query(min_length=1, max_length=500, pattern=NO_NUL)]


@router.get("/explain")
async def explain(asker: Asking, _: Operator, ref: Ref) -> dict[str, Any]:
    """Logs and sends of the operator's tenant by log id, send id, correspondence, order id or order number.

    Of very many the newest are told, and that there are `more`.
    """
    async with db.as_principal(asker.wiring.api, asker.principal) as connection:
        found = await logs.by_ref(connection, ref, TOLD + 1)
        sends = await correspondences.by_ref(connection, ref, TOLD + 1)
    return {"logs": found[-TOLD:], "correspondences": sends[-TOLD:], "more": max(len(found), len(sends)) > TOLD}
