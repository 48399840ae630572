"""Log types and logs."""

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from commlog_service import handlers
from commlog_service.domain.logs import Log, TenantSettings, checked_types
from commlog_service.store import orders as store
from commlog_service.store import replies
from commlog_service.wiring import Asking, Before, IdempotencyKey, PageSize, PathId, Writing
from postroom import db, failpoints, idempotency
from postroom.auth import Operator

router = APIRouter(tags=["communication logs"])


class NewLog(BaseModel):
    """A log to save; `intent` says whether the sending step follows. Saving never sends."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(default="", examples=["Delivery"])
    message: str = Field(default="", examples=["The rest follows on Friday."])
    intent: Literal["save", "save_and_send"] = "save"


class LogTypes(BaseModel):
    """A tenant's choice."""

    model_config = ConfigDict(extra="forbid")

    types: list[str] = Field(max_length=50)
    visible_unsent: bool = True


class Logs(BaseModel):
    """A page of an order's logs, the oldest first: both sides see the same. `total`: how many the order has in all.

    What a page needs beside them: the `types` that a new one may have, and how many replies by mail are `held` for this side's review.
    """

    logs: list[Log]
    total: int
    types: list[str]
    held: int


@router.get("/log-types")
async def list_log_types(asker: Asking) -> LogTypes:
    """The types that a log of this tenant may have."""
    async with db.as_principal(asker.wiring.api, asker.principal) as connection:
        chosen = await store.tenant_settings(connection, asker.principal.tenant)
    return LogTypes(types=chosen.log_types, visible_unsent=chosen.visible_unsent)


@router.put("/log-types")
async def choose_log_types(asker: Asking, _: Operator, body: LogTypes) -> LogTypes:
    """Set the tenant's types; logs that exist keep theirs. Operators only."""
    chosen = TenantSettings(log_types=checked_types(body.types), visible_unsent=body.visible_unsent)
    async with db.as_principal(asker.wiring.api, asker.principal) as connection:
        await store.choose(connection, asker.principal.tenant, chosen)
    return LogTypes(types=chosen.log_types, visible_unsent=chosen.visible_unsent)


@router.get("/orders/{order}/logs")
async def list_logs(asker: Asking, order: PathId, limit: PageSize = 500, before: Before = None) -> Logs:
    """The newest communication logs of an order; those before them with `before`, the `entry` of the oldest one shown."""
    seen = await asker.order(order)
    async with db.as_principal(asker.wiring.api, asker.principal) as connection:
        logs, total = await handlers.page_of_logs(connection, asker.principal, seen, limit, before)
        chosen = await store.tenant_settings(connection, seen.tenant)
        held = await replies.count_held(connection, seen.tenant, seen.id)
    return Logs(logs=logs, total=total, types=chosen.log_types, held=held)


@router.post("/orders/{order}/logs", status_code=201, response_model=Log)
async def write_log(asker: Writing, order: PathId, body: NewLog, key: IdempotencyKey) -> Any:
    """Save a log on the order. Nothing is mailed; the other side finds it in its inbox. A retry with the same key is the same log."""
    seen = await asker.order(order)
    async with db.as_principal(asker.wiring.api, asker.principal) as connection:
        request = ["log", order, body.type, body.message]
        if answered := await idempotency.begin(connection, asker.principal, key, request):
            return answered
        log = (await handlers.write_log(connection, asker.principal, seen, key, (body.type, body.message))).model_dump(mode="json")
        await idempotency.finish(connection, asker.principal, key, log)
    failpoints.reach("log.answering")
    return log
