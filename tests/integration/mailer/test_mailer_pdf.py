"""PDFs come from a process that can be killed, reads nothing but its fonts, and comes back."""

from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader

from mailer_service.pdf import PdfFailedError, Pdfs
from mailer_service.render import TEMPLATES, Renderer


@pytest.fixture
async def pdfs() -> AsyncIterator[Pdfs]:
    pdfs = Pdfs(Renderer(TEMPLATES), seconds=40, memory=1 << 30)
    yield pdfs
    await pdfs.close()


async def test_a_page_that_takes_too_long_is_killed_and_the_next_one_works(pdfs: Pdfs) -> None:
    assert (await pdfs.make("<p>warm</p>")).startswith(b"%PDF-")
    pdfs._worker._seconds = 1.0
    with pytest.raises(PdfFailedError, match="not ready after 1 s"):
        await pdfs.make("<table>" + "<tr><td>x</td></tr>" * 40_000 + "</table>")
    assert pdfs._worker._worker is None
    pdfs._worker._seconds = 40
    assert (await pdfs.make("<p>well again</p>")).startswith(b"%PDF-")


async def test_deep_nesting_is_refused(pdfs: Pdfs) -> None:
    with pytest.raises(PdfFailedError):
        await pdfs.make("<div>" * 4_000 + "x" + "</div>" * 4_000)


async def test_a_page_reads_no_file_but_our_assets(pdfs: Pdfs, tmp_path: Path) -> None:
    secret = tmp_path / "secret.html"
    secret.write_text("TOPSECRET")
    sources = [str(secret), f"file://{secret}", "../settings.py", "http://127.0.0.1:9/x"]
    page = "".join(f'<link rel="stylesheet" href="{one}"><img src="{one}"><pdf:include src="{one}">' for one in sources)
    try:
        made = await pdfs.make(f"<p>visible</p>{page}")
    except PdfFailedError:
        return
    assert b"TOPSECRET" not in made
    assert "TOPSECRET" not in "".join(page.extract_text() for page in PdfReader(BytesIO(made)).pages)
