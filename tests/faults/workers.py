"""The mailers' own processes: one kind makes PDFs, one renders customers' templates, one reads mails that came in."""

import contextlib
from collections.abc import Iterable, Iterator

import psutil

# As a unit of the house is named → the module that runs there.
WORKERS = {
    "pdf-worker": "mailer_service.pdf_worker",
    "template-worker": "mailer_service.customer.worker",
    "mail-reader": "mailer_service.inbound.worker",
}


def at_work(unit: str, mailers: Iterable[psutil.Process]) -> Iterator[psutil.Process]:
    """Those that compute just now: who waits for a question sleeps."""
    for mailer in mailers:
        with contextlib.suppress(psutil.Error):
            for child in mailer.children():
                if WORKERS[unit] in child.cmdline() and child.status() == psutil.STATUS_RUNNING:
                    yield child
