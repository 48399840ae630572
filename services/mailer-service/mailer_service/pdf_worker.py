"""The process that runs xhtml2pdf: HTML in by stdin, PDF out by stdout, each with its length before it."""

import io
import logging
import os
import resource
import sys
from pathlib import Path
from typing import BinaryIO

from mailer_service.pdf import LENGTH, MAX_HTML

ASSETS = Path(__file__).parent / "assets"


def main() -> None:
    """Serve until stdin ends. The PDF's pipe is taken first, so that nothing a library prints gets into it."""
    memory = int(sys.argv[1])
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.disable(logging.WARNING)
    while head := sys.stdin.buffer.read(LENGTH.size):
        _, length = LENGTH.unpack(head)
        _answer(out, sys.stdin.buffer.read(length))


def _answer(out: BinaryIO, source: bytes) -> None:
    try:
        good, result = True, make(source.decode())
    except Exception as error:  # noqa: BLE001 - whatever a page does to the libraries is this page's failure
        good, result = False, f"{type(error).__name__}: {error}".encode()
    out.write(LENGTH.pack(good, len(result)) + result)
    out.flush()


def make(html: str) -> bytes:
    """The PDF of a page that may read our assets and nothing else. Raises ValueError if xhtml2pdf found errors."""
    from xhtml2pdf import pisa  # noqa: PLC0415 - loaded under the memory limit, and only in the worker
    from xhtml2pdf.config.resources import ResourceAccessPolicy  # noqa: PLC0415

    policy = ResourceAccessPolicy(
        allow_remote=False, base_dir=ASSETS, max_local_bytes=2 << 20, max_resources=20, max_document_bytes=MAX_HTML, max_depth=60
    )
    result = io.BytesIO()
    # `path` names the document: its folder is what relative addresses start from.
    done = pisa.CreatePDF(html, dest=result, path=str(ASSETS / "page.html"), encoding="utf-8", resource_policy=policy)
    if done.err:
        raise ValueError(f"xhtml2pdf found {done.err} error(s)")
    return result.getvalue()


if __name__ == "__main__":
    main()
