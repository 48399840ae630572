"""What the routes are given by the composition root, and who asks."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, Header, Path, Query, Request

from commlog_service.domain.orders import Order
from commlog_service.remote import MailerService, PoService
from commlog_service.store import orders as store
from postroom import db
from postroom.auth import Caller, Principal
from postroom.blobs import Blobs
from postroom.db import Pool
from postroom.problems import Problem

UNAVAILABLE = 503


@dataclass(frozen=True, slots=True)
class Wiring:
    """The database under row-level security (`api`) and for batches (`worker`), the two other services, and the blobs."""

    worker: Pool
    api: Pool
    po: PoService
    mailer: MailerService
    blobs: Blobs


@dataclass(frozen=True, slots=True)
class Asker:
    """A signed-in person with the token that is passed on."""

    principal: Principal
    token: str
    wiring: Wiring

    async def order(self, order_id: str) -> Order:
        """The order as po-service shows it to this person; while po-service is away, as it was seen last.

        Raises Problem 404 for an order that isn't theirs, 503 for one not seen before while po-service is away.
        """
        try:
            order = await self.wiring.po.order(self.token, quote(order_id, safe=""))
        except Problem as problem:
            if problem.status != UNAVAILABLE or (known := await self.known(order_id)) is None:
                raise
            return known
        foreign = order.tenant != self.principal.tenant or (self.principal.side == "supplier" and order.supplier != self.principal.company)
        if foreign:
            raise Problem(404, "not_found", "There is no such order.", "order")
        async with db.as_principal(self.wiring.api, self.principal) as connection:
            # Most calls find what they know: then nothing is written, and no row that a writer waits for is locked.
            if await store.find(connection, order.tenant, order.id) != order:
                await store.remember(connection, order)
        return order

    async def known(self, order_id: str) -> Order | None:
        """The order as it was seen last, if this person may see it."""
        async with db.as_principal(self.wiring.api, self.principal) as connection:
            return await store.find(connection, self.principal.tenant, order_id)


def wiring(request: Request) -> Wiring:
    """Set by app.py when the service has started."""
    found: Wiring = request.app.state.wiring
    return found


def _asker(request: Request, principal: Caller) -> Asker:
    return Asker(principal, request.headers["authorization"].partition(" ")[2].strip(), wiring(request))


def _writer(asker: Annotated[Asker, Depends(_asker)]) -> Asker:
    if asker.principal.side == "operator":
        raise Problem(403, "forbidden", "Logs and correspondences are written by the supplier or the client, not by operators.")
    return asker


# Postgres stores no NUL: an id with one names nothing.
NO_NUL = r"^[^\x00]+$"
PathId = Annotated[str, Path(max_length=200, pattern=NO_NUL)]
PageSize = Annotated[int, Query(ge=1, le=1000)]
Before = Annotated[int | None, Query(ge=1, le=2**53 - 1, description="an `entry`: only what came before it")]
Asking = Annotated[Asker, Depends(_asker)]
Writing = Annotated[Asker, Depends(_writer)]
IdempotencyKey = Annotated[
    str, Header(alias="Idempotency-Key", min_length=1, max_length=200, description="One per click; a retry repeats it.")
]
