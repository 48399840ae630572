"""The official history for operators: exported for an audit, and erased where the law asks for it (docs/history.md)."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from gateway.proxy import pass_on
from gateway.routes import COMMLOG
from gateway.upstream import Upstream
from postroom.auth import Operator

router = APIRouter(prefix="/audit", tags=["operations"])
_NO_NUL = r"^[^\x00]+$"
_PROBLEM: dict[int | str, dict[str, Any]] = {
    "default": {"description": "A problem", "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
}
Text = Annotated[str, Field(min_length=1, max_length=200, pattern=_NO_NUL)]


class Erasure(BaseModel):
    """What is erased (a log's or a send's id) and why; the reason stays in the history for good, so name nobody in it."""

    model_config = ConfigDict(extra="forbid")

    order: Text
    ref: Text
    reason: Annotated[str, Field(min_length=3, max_length=500, pattern=_NO_NUL)]


class Erased(BaseModel):
    """The entry that tells of the erasure, and those whose content went."""

    order: str
    ref: str
    entry: int
    erased: list[int]


@router.get("/history", response_class=StreamingResponse, responses={200: {"content": {"application/x-ndjson": {}}}, **_PROBLEM})
async def history(
    request: Request, _: Operator, order: Annotated[str | None, Query(max_length=200, pattern=_NO_NUL)] = None
) -> StreamingResponse:
    """The official history of all orders, or of one by its id or number, as `postroom audit verify` checks it: lines of JSON."""
    return await _passed(request, b"/operations/history")


@router.post("/erasures", status_code=201, responses={201: {"model": Erased}, **_PROBLEM}, response_model=None)
async def erase(request: Request, _: Operator, body: Erasure) -> StreamingResponse:
    """Erase a log, or a send with its recipients; an entry of the history tells of it for good. It can't be undone."""
    return await _passed(request, b"/operations/history/erasures")


async def _passed(request: Request, path: bytes) -> StreamingResponse:
    upstream: Upstream = request.app.state.upstream
    return await pass_on(request, upstream.pool(COMMLOG), COMMLOG, path)
