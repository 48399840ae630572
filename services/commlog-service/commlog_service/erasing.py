"""An erasure: the content goes, its hash stays, and an entry of its own says who did it and why."""

from typing import Any

from commlog_service import recording
from commlog_service.domain import history
from commlog_service.store import erasure as store
from commlog_service.store import history as history_store
from postroom import clock, failpoints
from postroom.auth import Principal
from postroom.db import Connection
from postroom.problems import Problem


async def erase(connection: Connection, principal: Principal, order: str, ref: str, reason: str) -> dict[str, Any]:
    """Blank a log or a send of an order, in the operator's transaction. Raises Problem 404, or 409 while its mail is under way."""
    place = (principal.tenant, order)
    head = (await history_store.lock(connection, [place])).get(place)
    found = await store.entries(connection, place, ref) if head else []
    if head is None or not found:
        raise Problem(404, "nothing_to_erase", "This order has no log or send of that id whose content is still there.", "ref")
    if under_way := await store.under_way(connection, ref):
        detail = f"{under_way} mail(s) of it are still under way: erase it when they have reached an end. Nothing was erased."
        raise Problem(409, "under_way", detail, "ref")
    numbers = [row["entry"] for row in found]
    await _blank(connection, place, ref, numbers)
    failpoints.reach("erasure.blanked")
    erased = {"entries": numbers, "reason": reason}
    entry = history.of_erasure(head, ref, principal.person, clock.now(), erased)
    await recording.append(connection, {place: [entry]})
    return {"order": order, "ref": ref, "entry": entry.entry, "erased": numbers}


async def _blank(connection: Connection, place: history.OrderPlace, ref: str, entries: list[int]) -> None:
    """As the role that may do nothing else."""
    await store.become_eraser(connection)
    await store.blank_contents(connection, place, entries)
    await store.blank_log(connection, place, ref)
    await store.blank_review(connection, place, ref)
    await store.blank_send(connection, place, ref)
    await store.blank_recipients(connection, place[0], ref)
    await store.blank_answers(connection, place[0], ref)
    await store.serve_again(connection)
