"""The communication logs as a PDF, made in processes of their own that can be killed: xhtml2pdf's own limits are no hard stops."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

from mailer_service.confined import Confined, ConfinedError
from postroom.contracts.commlog import FrozenLogs

# xhtml2pdf keeps what it has seen: the worker is renewed often.
JOBS_PER_WORKER = 50
WORKERS = 3
WAY_OUT = "Send fewer logs at once, or without the PDF."


class PdfFailedError(Exception):
    """There is no PDF, and why."""


class Pdfs:
    """Makes PDFs, each bound by `seconds` and `memory` (bytes).

    One that takes all its time holds up no other: there are three workers, of which mails take two at most, so that a person who waits
    for a preview finds one.
    """

    def __init__(self, *, seconds: float, memory: int) -> None:
        self._workers = [
            Confined("mailer_service.pdf_worker", memory=memory, seconds=seconds, jobs=JOBS_PER_WORKER) for _ in range(WORKERS)
        ]
        # The one used last is used next: a process starts only when all that run are busy.
        self._idle: asyncio.LifoQueue[Confined] = asyncio.LifoQueue()
        for worker in self._workers:
            self._idle.put_nowait(worker)
        self._mails = asyncio.Semaphore(WORKERS - 1)

    async def logs(self, frozen: FrozenLogs, *, for_mail: bool = False) -> bytes:
        """Order number, parties, and each log's type, author, time and text, in the set's own language and zone.

        The same set gives the same bytes: nothing in it is of this moment. Raises PdfFailedError, also when it took too long or too much;
        its worker is killed then.
        """
        async with self._mails if for_mail else nullcontext(), self._worker() as worker:
            try:
                return await worker.ask(frozen.model_dump_json().encode())
            except ConfinedError as error:
                raise PdfFailedError(f"no PDF of these {len(frozen.logs)} logs: {error}. {WAY_OUT}") from error

    @asynccontextmanager
    async def _worker(self) -> AsyncIterator[Confined]:
        worker = await self._idle.get()
        try:
            yield worker
        finally:
            self._idle.put_nowait(worker)

    async def close(self) -> None:
        """Kill the workers that there are."""
        for worker in self._workers:
            await worker.close()
