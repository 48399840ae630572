"""The communication logs as a PDF, made in a process of its own that can be killed: xhtml2pdf's own limits are no hard stops."""

from mailer_service.confined import Confined, ConfinedError
from mailer_service.render import Renderer
from postroom.contracts.commlog import FrozenLogs

# xhtml2pdf keeps what it has seen: the worker is renewed often.
JOBS_PER_WORKER = 50
MAX_HTML = 8 * 1024 * 1024


class PdfFailedError(Exception):
    """There is no PDF, and why."""


class Pdfs:
    """Makes PDFs, one at a time; `seconds` and `memory` (bytes) bound each."""

    def __init__(self, renderer: Renderer, *, seconds: float, memory: int) -> None:
        self._renderer = renderer
        self._worker = Confined("mailer_service.pdf_worker", memory=memory, seconds=seconds, jobs=JOBS_PER_WORKER)

    async def logs(self, frozen: FrozenLogs, *, language: str = "en") -> bytes:
        """Order number, parties, and each log's type, author, time and text. Raises PdfFailedError."""
        html = self._renderer.page("_plain_pdf/logs.html", {"facts": frozen.model_dump(mode="json")}, language=language, zone=frozen.zone)
        return await self.make(html)

    async def make(self, html: str) -> bytes:
        """The PDF of a page. Raises PdfFailedError, also when it took too long or too much; the worker is killed then."""
        source = html.encode()
        if len(source) > MAX_HTML:
            raise PdfFailedError(f"the page has {len(source)} bytes; {MAX_HTML} is the most")
        try:
            return await self._worker.ask(source)
        except ConfinedError as error:
            raise PdfFailedError(str(error)) from error

    async def close(self) -> None:
        """Kill the worker, if there is one."""
        await self._worker.close()
