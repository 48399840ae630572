"""The process that makes PDFs: a frozen set of logs in, its pages out."""

import io
import os
from collections.abc import Callable
from pathlib import Path

from mailer_service.confined_loop import serve

ASSETS = Path(__file__).parent / "assets"
MAX_HTML = 8 * 1024 * 1024


def make(html: str, at: int = 0) -> bytes:
    """The PDF of a page that may read our assets and nothing else, dated `at` (seconds since 1970).

    Raises ValueError if it is too long or xhtml2pdf found errors.
    """
    from xhtml2pdf import pisa  # noqa: PLC0415 - loaded under the memory limit, and only in the worker
    from xhtml2pdf.config.resources import ResourceAccessPolicy  # noqa: PLC0415

    if (size := len(html.encode())) > MAX_HTML:
        raise ValueError(f"its page has {size} bytes; {MAX_HTML} is the most")
    # Without it each PDF would hold the moment at which it was made, and no two would be alike.
    os.environ["SOURCE_DATE_EPOCH"] = str(at)
    policy = ResourceAccessPolicy(
        allow_remote=False, base_dir=ASSETS, max_local_bytes=2 << 20, max_resources=20, max_document_bytes=MAX_HTML, max_depth=60
    )
    result = io.BytesIO()
    # `path` names the document: its folder is what relative addresses start from.
    done = pisa.CreatePDF(html, dest=result, path=str(ASSETS / "page.html"), encoding="utf-8", resource_policy=policy)
    if done.err:
        raise ValueError(f"xhtml2pdf found {done.err} error(s)")
    return result.getvalue()


def load() -> Callable[[bytes], bytes]:
    """What answers: rendering belongs here, too, for a long set would hold up the sender's connections meanwhile."""
    from mailer_service import typeset  # noqa: PLC0415 - under the memory limit, too
    from mailer_service.render import TEMPLATES, Renderer  # noqa: PLC0415
    from postroom.contracts.commlog import FrozenLogs  # noqa: PLC0415

    typeset.install()
    renderer = Renderer(TEMPLATES)
    # The fonts and the stylesheet's parser are read once, and their reading counts against nobody's time.
    make("<p>x</p>")

    def answer(question: bytes) -> bytes:
        frozen = FrozenLogs.model_validate_json(question)
        html = renderer.page("_plain_pdf/logs.html", {"facts": frozen.model_dump(mode="json")}, frozen.language, frozen.zone)
        return make(html, int(max(log.created_at for log in frozen.logs).timestamp()))

    return answer


if __name__ == "__main__":
    serve(load)
