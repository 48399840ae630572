"""What an operator is told about a log, a send or an order."""

from typing import Any

from fastapi import APIRouter, Request

from commlog_service.store import correspondences, logs
from commlog_service.wiring import wiring
from postroom.auth import Operator

router = APIRouter(tags=["operations"])


@router.get("/explain")
async def explain(request: Request, _: Operator, ref: str) -> dict[str, Any]:
    """Logs and sends by log id, send id, correspondence, order id or order number."""
    async with wiring(request).worker.acquire() as connection:
        return {"logs": await logs.by_ref(connection, ref), "correspondences": await correspondences.by_ref(connection, ref)}
