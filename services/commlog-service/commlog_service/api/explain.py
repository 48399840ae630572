"""What an operator is told about a log, a send or an order."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from commlog_service.store import correspondences, logs
from commlog_service.wiring import NO_NUL, Asking
from postroom import db
from postroom.auth import Operator

router = APIRouter(tags=["operations"])
Ref = Annotated[str, Query(min_length=1, max_length=500, pattern=NO_NUL)]


@router.get("/explain")
async def explain(asker: Asking, _: Operator, ref: Ref) -> dict[str, Any]:
    """Logs and sends of the operator's tenant by log id, send id, correspondence, order id or order number."""
    async with db.as_principal(asker.wiring.api, asker.principal) as connection:
        return {"logs": await logs.by_ref(connection, ref), "correspondences": await correspondences.by_ref(connection, ref)}
