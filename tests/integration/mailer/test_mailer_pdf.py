"""PDFs come from processes that can be killed, read nothing but their fonts, and come back; the same logs give the same bytes."""

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader

from mailer_service import pdf_worker
from mailer_service.pdf import PdfFailedError, Pdfs
from mailer_service.settings import Settings
from postroom.contracts.commlog import Author, FrozenLog, FrozenLogs
from postroom.contracts.purchasing import OrderRef

CEILING = Settings().pdf_memory
SUPPLIER = Author(person="h", name="Jörg Huber", company="Bürobedarf Huber GmbH", side="supplier")
CLIENT = Author(person="l", name="Żaneta Łukasiewicz", company="Δήμος Αθηναίων", side="client")
AT = "2026-11-20T08:00:00Z"


def logs(*messages: str, author: Author = SUPPLIER, **changes: str) -> FrozenLogs:
    """A set with these messages."""
    kept = [FrozenLog(log=f"l{n}", log_type="Delivery", message=text, author=author, created_at=AT) for n, text in enumerate(messages)]
    order = OrderRef(id="order-1", number="4711", supplier="Bürobedarf Huber GmbH")
    return FrozenLogs(order=order, buyer="City of Vienna", logs=kept, **{"subject": "Subject", "zone": "Europe/Vienna", **changes})


def endless() -> FrozenLogs:
    """What no worker gets done in a few seconds."""
    return logs(*["a\n\n" * 6_000] * 40)


def text_of(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(BytesIO(pdf)).pages]


@pytest.fixture
async def pdfs() -> AsyncIterator[Pdfs]:
    pdfs = Pdfs(seconds=40, memory=CEILING)
    yield pdfs
    await pdfs.close()


def test_the_ceiling_is_fifteen_seconds_and_half_a_gigabyte() -> None:
    assert (Settings().pdf_seconds, Settings().pdf_memory) == (15, 512 * 1024 * 1024)


async def test_what_takes_too_long_is_killed_and_holds_up_no_other() -> None:
    """Two mails' PDFs hang and a third waits; who asks for a preview gets it meanwhile, and the killed workers come back."""
    pdfs = Pdfs(seconds=4, memory=CEILING)
    try:
        await asyncio.gather(*(pdfs.logs(logs("warm")) for _ in range(3)))
        mails = [asyncio.create_task(pdfs.logs(endless(), for_mail=True)) for _ in range(3)]
        await asyncio.sleep(0)
        assert (await pdfs.logs(logs("a preview"))).startswith(b"%PDF-")
        assert not any(mail.done() for mail in mails), "the preview was made while they ran"
        with pytest.raises(PdfFailedError, match=r"no PDF of these 40 logs: not ready after 4 s\. Send fewer logs"):
            await mails[0]
        mails[2].cancel()
        await asyncio.gather(*mails, return_exceptions=True)
        assert [worker._worker is None for worker in pdfs._workers].count(True) == 2
        assert (await pdfs.logs(logs("well again"), for_mail=True)).startswith(b"%PDF-")
    finally:
        await pdfs.close()


async def test_what_needs_too_much_memory_says_so_and_the_next_one_works() -> None:
    pdfs = Pdfs(seconds=40, memory=150 << 20)
    try:
        with pytest.raises(PdfFailedError, match="150 MB"):
            await pdfs.logs(logs(*["中" * 20_000] * 300))
        assert (await pdfs.logs(logs("well again"))).startswith(b"%PDF-")
    finally:
        await pdfs.close()


async def test_the_same_logs_give_the_same_bytes_whoever_makes_them_and_when(pdfs: Pdfs) -> None:
    frozen = logs("Žluťoučký", "Привет, 中文", "x " * 3_000)
    first = await pdfs.logs(frozen)
    await pdfs.logs(logs("something else with other letters: Ωμέγα"))
    second = await pdfs.logs(frozen)
    for worker in pdfs._workers:
        await worker.close()
    third = await pdfs.logs(frozen)
    assert first == second == third
    assert PdfReader(BytesIO(first)).metadata.creation_date.isoformat() == "2026-11-20T08:00:00+00:00"  # type: ignore[union-attr]
    assert await pdfs.logs(frozen.model_copy(update={"zone": "Asia/Tokyo"})) != first


async def test_names_and_texts_of_every_alphabet_are_written_and_none_stops_it(pdfs: Pdfs) -> None:
    words = "Zażółć gęślą, Ξεσκεπάζω, Съешь ещё, שלום, مرحبا, 中文, 😀"
    made = await pdfs.logs(logs(words, author=CLIENT))
    (page,) = text_of(made)
    for known in ("Zażółć gęślą", "Ξεσκεπάζω", "Съешь ещё", "Żaneta Łukasiewicz, Δήμος Αθηναίων (client)", "20 Nov 2026, 09:00 CET"):
        assert known in page
    german = " ".join(text_of(await pdfs.logs(logs(words, author=CLIENT, language="de", zone="Asia/Tokyo"))))
    for known in ("Bestellung 4711", "Auftraggeber", "Seite 1 von 1", "20. Nov. 2026, 17:00"):
        assert known in german


async def test_a_log_runs_across_pages_whole_and_each_page_is_numbered(pdfs: Pdfs) -> None:
    numbered = " ".join(f"w{n}" for n in range(3_200))
    pages = text_of(await pdfs.logs(logs("first", numbered[:20_000], "\n".join(f"line {n}" for n in range(300)))))
    assert len(pages) > 5
    assert [f"Order 4711 · page {n} of {len(pages)}" in page for n, page in enumerate(pages, 1)] == [True] * len(pages)
    whole = " ".join(" ".join(pages).split())
    assert [n for n in range(3_000) if f"w{n} " not in whole and f"w{n}Order" not in whole] == []
    assert [n for n in range(300) if f"line {n} " not in f"{whole} " and f"line {n}Order" not in whole] == []
    assert "first" in pages[0]
    assert "w0 " in pages[0], "a long text begins below its heading, and not on a page of its own"


async def test_text_is_text(pdfs: Pdfs, tmp_path: Path) -> None:
    secret = tmp_path / "secret.html"
    secret.write_text("TOPSECRET")
    typed = f'<b>bold</b> <img src="file://{secret}"> <pdf:include src="{secret}"> {{{{ 7*7 }}}} &amp; <pdf:nextpage>'
    author = SUPPLIER.model_copy(update={"name": "<i>Jörg</i>"})
    (page,) = text_of(await pdfs.logs(logs(typed, author=author, subject="<h1>Subject</h1>")))
    page = " ".join(page.split())  # where its lines end depends on how long the path is
    for written in ("<b>bold</b>", "{{ 7*7 }}", "&amp;", "<pdf:nextpage>", "<i>Jörg</i>", "<h1>Subject</h1>"):
        assert written in page
    assert "TOPSECRET" not in page


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(Exception, match=r"deep|depth|nest"):
        pdf_worker.make("<div>" * 200 + "x" + "</div>" * 200)


def test_a_page_reads_no_file_but_our_assets(tmp_path: Path) -> None:
    secret = tmp_path / "secret.html"
    secret.write_text("TOPSECRET")
    sources = [str(secret), f"file://{secret}", "../settings.py", "http://127.0.0.1:9/x"]
    page = "".join(f'<link rel="stylesheet" href="{one}"><img src="{one}"><pdf:include src="{one}">' for one in sources)
    made = pdf_worker.make(f"<p>visible</p>{page}")
    assert b"TOPSECRET" not in made
    assert "TOPSECRET" not in "".join(text_of(made))
