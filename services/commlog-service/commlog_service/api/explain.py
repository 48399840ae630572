"""What an operator is told about a log, a send or an order."""

from typing import Any

from fastapi import APIRouter

from commlog_service.store import correspondences, logs
from commlog_service.wiring import Asking
from postroom import db
from postroom.auth import Operator

router = APIRouter(tags=["operations"])


@router.get("/explain")
async def explain(asker: Asking, _: Operator, ref: str) -> dict[str, Any]:
    """Logs and sends of the operator's tenant by log id, send id, correspondence, order id or order number."""
    async with db.as_principal(asker.wiring.api, asker.principal) as connection:
        return {"logs": await logs.by_ref(connection, ref), "correspondences": await correspondences.by_ref(connection, ref)}
