"""The official history for operators: exported whole for an audit, and erased where the law asks for it."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from commlog_service import erasing
from commlog_service.store import export
from commlog_service.wiring import NO_NUL, Asker, Asking
from postroom import db, failpoints
from postroom.auth import Operator
from postroom.db import Connection

router = APIRouter(prefix="/operations", tags=["operations"])
Text = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL)]


class Erasure(BaseModel):
    """What is erased (a log's or a send's id) and why; the reason stays in the history for good, so name nobody in it."""

    model_config = ConfigDict(extra="forbid")

    order: Text
    ref: Text
    reason: Annotated[str, Field(min_length=3, max_length=500, pattern=NO_NUL)]


class Erased(BaseModel):
    """The entry that tells of the erasure, and those whose content went."""

    order: str
    ref: str
    entry: int
    erased: list[int]


@router.get("/history", response_class=StreamingResponse)
async def export_history(
    asker: Asking, _: Operator, order: Annotated[str | None, Query(max_length=200, pattern=NO_NUL)] = None
) -> StreamingResponse:
    """Chains with contents and salts, heads, and what is shown today: a line of JSON that announces how many orders, then one an order."""
    return StreamingResponse(_lines(asker, order), media_type="application/x-ndjson")


@router.post("/history/erasures", status_code=201)
async def erase(asker: Asking, _: Operator, body: Erasure) -> Erased:
    """Blank a log, or a send with its outcomes, in the history and where it is shown. It can't be undone."""
    async with db.as_principal(asker.wiring.api, asker.principal) as connection:
        erased = Erased(**await erasing.erase(connection, asker.principal, body.order, body.ref, body.reason))
    failpoints.reach("erasure.answering")
    return erased


async def _lines(asker: Asker, order: str | None) -> AsyncIterator[bytes]:
    async with db.as_principal(asker.wiring.api, asker.principal, snapshot=True) as connection:
        async for line in lines(connection, asker.principal.tenant, order):
            yield line


async def lines(connection: Connection, tenant: str, order: str | None) -> AsyncIterator[bytes]:
    """The export, inside a transaction that sees one moment: else what is written meanwhile would look like damage."""
    yield _line(await export.beginning(connection, tenant, order))
    async for one in export.orders(connection, tenant, order):
        yield _line(one)


def _line(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
