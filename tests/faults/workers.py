"""The mailers' own processes: one kind makes PDFs, one renders customers' templates, one reads mails that came in."""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import psutil

# As a unit of the house is named → the module that runs there.
WORKERS = {
    "pdf-worker": "mailer_service.pdf_worker",
    "template-worker": "mailer_service.customer.worker",
    "mail-reader": "mailer_service.inbound.worker",
}
KNOWN_SECONDS = 0.5


@dataclass
class Workers:
    """`mailers` gives their processes as they run now. Who is whose child takes longer to find out than a worker is at work: it is kept."""

    mailers: Callable[[], Iterable[psutil.Process]]
    _known: dict[str, tuple[float, list[psutil.Process]]] = field(default_factory=dict)

    def at_work(self, unit: str) -> Iterator[psutil.Process]:
        """Those that compute just now: who waits for a question sleeps."""
        looked, children = self._known.get(unit, (0.0, []))
        if time.monotonic() - looked > KNOWN_SECONDS:
            children = list(self._children(WORKERS[unit]))
            self._known[unit] = (time.monotonic(), children)
        for child in children:
            with contextlib.suppress(psutil.Error):
                if child.status() == psutil.STATUS_RUNNING:
                    yield child

    def _children(self, module: str) -> Iterator[psutil.Process]:
        for mailer in self.mailers():
            with contextlib.suppress(psutil.Error):
                yield from (child for child in mailer.children() if module in child.cmdline())
