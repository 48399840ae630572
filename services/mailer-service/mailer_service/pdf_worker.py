"""The process that runs xhtml2pdf: HTML in, PDF out."""

import io
from collections.abc import Callable
from pathlib import Path

from mailer_service.confined_loop import serve
from mailer_service.pdf import MAX_HTML

ASSETS = Path(__file__).parent / "assets"


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


def _load() -> Callable[[bytes], bytes]:
    return lambda source: make(source.decode())


if __name__ == "__main__":
    serve(_load)
