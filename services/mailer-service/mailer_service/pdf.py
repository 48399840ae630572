"""The communication logs as a PDF, made in a process of its own that can be killed: xhtml2pdf's own limits are no hard stops."""

import asyncio
import struct
import sys
from asyncio.subprocess import PIPE, Process

import structlog

from mailer_service.render import Renderer
from postroom.contracts.commlog import FrozenLogs

log = structlog.get_logger()
LENGTH = struct.Struct(">?I")
# Whatever a long-lived interpreter of HTML piles up goes with it.
JOBS_PER_WORKER = 50
MAX_HTML = 8 * 1024 * 1024


class PdfFailedError(Exception):
    """There is no PDF, and why."""


class Pdfs:
    """Makes PDFs, one at a time; `seconds` and `memory` (bytes) bound each."""

    def __init__(self, renderer: Renderer, *, seconds: float, memory: int) -> None:
        self._renderer = renderer
        self._seconds = seconds
        self._memory = memory
        self._worker: Process | None = None
        self._jobs = 0
        self._one = asyncio.Lock()

    async def logs(self, frozen: FrozenLogs, *, language: str = "en") -> bytes:
        """Order number, parties, and each log's type, author, time and text. Raises PdfFailedError."""
        html = self._renderer.page("_plain_pdf/logs.html", {"facts": frozen.model_dump(mode="json")}, language=language, zone=frozen.zone)
        return await self.make(html)

    async def make(self, html: str) -> bytes:
        """The PDF of a page. Raises PdfFailedError, also when it took too long or too much; the worker is killed then."""
        source = html.encode()
        if len(source) > MAX_HTML:
            raise PdfFailedError(f"the page has {len(source)} bytes; {MAX_HTML} is the most")
        async with self._one:
            try:
                async with asyncio.timeout(self._seconds):
                    good, result = await self._ask(await self._running(), source)
            except TimeoutError as error:
                await self.close()
                raise PdfFailedError(f"not ready after {self._seconds:g} s") from error
            except (asyncio.IncompleteReadError, OSError) as error:
                await self.close()
                raise PdfFailedError("the PDF worker died over it (out of memory?)") from error
            except asyncio.CancelledError:
                await self.close()
                raise
        if not good:
            raise PdfFailedError(result.decode("utf-8", "replace")[:500])
        return result

    async def _running(self) -> Process:
        if self._jobs >= JOBS_PER_WORKER:
            await self.close()
        if self._worker is None or self._worker.returncode is not None:
            self._worker = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "mailer_service.pdf_worker", str(self._memory), stdin=PIPE, stdout=PIPE
            )
            self._jobs = 0
        self._jobs += 1
        return self._worker

    @staticmethod
    async def _ask(worker: Process, source: bytes) -> tuple[bool, bytes]:
        assert worker.stdin  # noqa: S101 - PIPE was asked for
        assert worker.stdout  # noqa: S101
        worker.stdin.write(LENGTH.pack(True, len(source)) + source)  # noqa: FBT003 - a struct's field
        await worker.stdin.drain()
        good, length = LENGTH.unpack(await worker.stdout.readexactly(LENGTH.size))
        return good, await worker.stdout.readexactly(length)

    async def close(self) -> None:
        """Kill the worker, if there is one."""
        worker, self._worker = self._worker, None
        if worker and worker.returncode is None:
            worker.kill()
            await worker.wait()
