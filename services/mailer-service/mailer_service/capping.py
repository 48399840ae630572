"""The caps take effect: a sender counts what it takes, and what a cap holds is let go when its next period begins."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from mailer_service import outcomes
from mailer_service.domain.caps import Admission, Candidate, Caps, Key, Used, admit, sieve, wanted
from mailer_service.rows import Row
from mailer_service.store import caps as store
from mailer_service.store import envelopes, tallies
from postroom import outbox
from postroom.db import DATABASE_AWAY, Connection, Pool

log = structlog.get_logger()
SWEEP_SECONDS, TIDY_SECONDS = 1.0, 30.0
KEYS_AT_ONCE, ENVELOPES_AT_ONCE, ROWS_AT_ONCE = 50, 1_000, 20_000


async def setting_out(connection: Connection, caps: Caps, rows: Sequence[Row]) -> tuple[list[Row], datetime]:
    """Those of a sender's locked envelopes that may set out, and when the period began; others are held, and told of."""
    admission = await _counted(connection, caps, [row for row in rows if not row["admitted"]])
    over = [row for row in rows if row["id"] in admission.over]
    if over:
        details = await _hold(connection, caps, admission, over)
        await store.settle(connection, admission.refunds, details.keys())
        origins = await envelopes.origins(connection, [row["message"] for row in over])
        told = [(row, admission.over[row["id"]]) for row in over]
        await outbox.add(connection, [outcomes.held(origins[row["message"]], row, f"{key.reason}: {details[key]}") for row, key in told])
    return [row for row in rows if row["id"] not in admission.over], admission.began


async def _counted(connection: Connection, caps: Caps, rows: Sequence[Row], released: Key | None = None) -> Admission:
    """Count these as setting out; what doesn't is still to be refunded."""
    candidates = [Candidate(*(row[name] for name in Candidate.__dataclass_fields__)) for row in rows]
    asked = wanted(caps, candidates)
    counters = await _counters(connection, caps, asked) if asked else {}
    return admit(caps, candidates, counters, released)


async def _counters(connection: Connection, caps: Caps, asked: Counter[Key]) -> dict[Key, Used]:
    """Tenants' rows first, whose locks keep everybody else out; then those recipients and orders that may be beyond their cap."""
    locked = await store.count(connection, {key.of_tenant: asked[key.of_tenant] for key in asked}, caps.period)
    counters = {key: tenant.used for key, tenant in locked.items()}
    single = {key: number for key, number in asked.items() if key.scope != "tenant"}
    if not single:
        return counters
    exact = await store.waiting(connection, single) if any(tenant.anybody for tenant in locked.values()) else set()
    sieves: dict[Key, bytes] = {}
    for of, tenant in locked.items():
        sifted = sieve(caps, tenant.sieve, {key: number for key, number in single.items() if key.of_tenant == of})
        sieves[of] = sifted.sums.tobytes()
        exact |= sifted.hot
        for scope, place in sifted.crossed:
            await store.count_exactly(connection, of, scope, place, tenant.used.began, caps.period)
    await store.keep_sieves(connection, sieves)
    counted = await store.count(connection, {key: single[key] for key in exact}, caps.period) if exact else {}
    room = {key: Used(number, waiting=False, began=counters[key.of_tenant].began, exact=False) for key, number in single.items()}
    return counters | room | {key: one.used for key, one in counted.items()}


async def _hold(connection: Connection, caps: Caps, admission: Admission, rows: Sequence[Row]) -> dict[Key, str]:
    """Hold these; → the caps that do, each with its detail."""
    keys = {row["id"]: admission.over[row["id"]] for row in rows}
    details = {key: caps.detail(key, admission.began) for key in set(keys.values())}
    await envelopes.hold_by_cap(connection, [(id_, key.reason, key.key, details[key]) for id_, key in keys.items()])
    return details


@dataclass(frozen=True, slots=True)
class Releaser:
    """Lets go of what caps hold, as much as the new period has room for and in the order in which it came; run it beside the senders."""

    pool: Pool
    caps: Caps

    async def run(self) -> None:
        """Look every second; Postgres's clock says when a period is over."""
        tidied = time.monotonic()
        while True:
            try:
                released = await self.release()
                if time.monotonic() - tidied > TIDY_SECONDS:
                    tidied = time.monotonic()
                    await self.tidy()
            except DATABASE_AWAY as error:
                log.warning("what caps hold could not be looked after", error=repr(error))
                released = 0
            if not released:
                await asyncio.sleep(SWEEP_SECONDS)

    async def tidy(self) -> None:
        """Counters of periods that are long over go, and tallies are put together."""
        async with self.pool.acquire() as connection:
            await store.forget(connection, self.caps.period, ROWS_AT_ONCE)
            await tallies.put_together(connection, ROWS_AT_ONCE)

    async def release(self) -> int:
        """Some, of each cap that has room again; each cap in a transaction of its own. Returns how many."""
        async with self.pool.acquire() as connection:
            keys = await store.released(connection, self.caps, KEYS_AT_ONCE)
            return sum([await self._release(connection, key) for key in keys])

    async def _release(self, connection: Connection, key: Key) -> int:
        async with connection.transaction():
            limit = min(self.caps.of(key.scope, key.tenant), ENVELOPES_AT_ONCE)
            rows = await envelopes.held_by_cap(connection, key.reason, key.tenant, key.key, limit)
            admission = await _counted(connection, self.caps, rows, released=key)
            # Locked before it is asked whether somebody still waits here: who holds another one here does so under this lock.
            await store.count(connection, {key: 0}, self.caps.period)
            await envelopes.release_admitted(connection, admission.admitted, admission.began)
            elsewhere = [row for row in rows if admission.over.get(row["id"], key) != key]
            others = await _hold(connection, self.caps, admission, elsewhere) if elsewhere else {}
            await store.settle(connection, admission.refunds, {key, *others})
            if admission.admitted:
                await envelopes.wake_senders(connection)
        return len(admission.admitted)
