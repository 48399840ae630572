"""What the ledger keeps of a mail: all that it is about, where an answer goes, and what is attached whole."""

from hashlib import sha256
from pathlib import Path

from tests.faults.ledger import Tail, as_lines, entry

from mailer_service.mime import File, Mail, build
from postroom import clock

EVENT, OTHER, SEND, FORWARD = "FX0000000001", "FD0000000002", "FC0000000003", "FF0000000004"


def _mail(text: str, *files: File, subject: str = "s", reply_to: str | None = None) -> bytes:
    to = [("", "a@faults.example")]
    return build(Mail("m1@x", ("Postroom", "p@x.example"), to, subject, clock.now(), text, f"<p>{text}</p>", files, reply_to))


def test_a_mail_is_about_what_it_shows_each_once() -> None:
    assert entry("a", _mail(f"{EVENT} and {OTHER}, {EVENT}")).about == (EVENT, OTHER)


def test_a_forward_and_a_correspondence_are_about_themselves_whatever_they_quote() -> None:
    assert entry("a", _mail(f"{EVENT} {FORWARD}")).about == (FORWARD,)
    assert entry("a", _mail(f"{EVENT}", subject=f"Order {SEND}")).about == (SEND,)


def test_attachments_are_named_by_hash_and_a_whole_pdf_is_one() -> None:
    pdf, cut = (File("communication-logs.pdf", "application/pdf", content) for content in (b"%PDF-1.7 x\n%%EOF\n", b"%PDF-1.7 x"))
    drawing = File("drawing.txt", "text/plain", b"lines")
    assert entry("a", _mail("t", drawing, pdf)).attached == (sha256(b"lines").hexdigest(), "pdf")
    assert entry("a", _mail("t", cut)).attached == (sha256(cut.content).hexdigest(),)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    one = entry("a@faults.example", _mail(f"{EVENT} {OTHER}", reply_to="reply+abc@reply.example"))
    (tmp_path / "ledger.tsv").write_bytes(as_lines([one]))
    (read,) = Tail(tmp_path / "ledger.tsv").ledger.entries
    assert (read.about, read.reply_to, read.sha256) == ((EVENT, OTHER), "reply+abc@reply.example", one.sha256)
