"""From a mail's bytes to what it says. Runs in the confined worker: any bytes whatsoever may come."""

import re
import unicodedata
from dataclasses import replace
from email.message import Message
from email.parser import BytesParser
from hashlib import sha256

from mailer_service.domain import automatic
from mailer_service.domain.received import Found
from mailer_service.inbound import headers, html, parts
from mailer_service.inbound.parts import File

_HEAD_END = re.compile(rb"\r?\n\r?\n")
MAX_HEAD = 256 * 1024
# A text that is longer stands whole in a file beside the reply.
MAX_TEXT = 1_000_000


def read(raw: bytes, return_path: str) -> tuple[Found, list[File], list[str]]:
    """The mail's fields and its whole text, its files, and a word on each thing left out."""
    mail = BytesParser().parsebytes(raw)
    sorted_parts = parts.sort(mail)
    text = clean("\n\n".join(sorted_parts.plain)[:MAX_TEXT])
    if not text.strip():
        pages = sorted_parts.html
        text = clean("\n\n".join(html.text_of(source) for source in pages)[:MAX_TEXT])
        if pages and not text.strip():
            sorted_parts.files += [File("reply.html", "text/html", page.encode("utf-8", "replace")) for page in pages[:1]]
    return _found(mail, raw, return_path, text), sorted_parts.files, sorted_parts.left_out


def read_head(raw: bytes, return_path: str, unclear: str) -> Found:
    """The fields alone, of a mail whose body can't be read."""
    end = _HEAD_END.search(raw, 0, MAX_HEAD)
    mail = BytesParser().parsebytes(raw[: end.start() if end else MAX_HEAD], headersonly=True)
    return replace(_found(mail, raw, return_path, ""), unclear=unclear)


def clean(text: str) -> str:
    """Text as a log may hold it: one kind of line end, no control characters, no halves of a character."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    kept = "".join(one for one in lines if one in "\n\t" or unicodedata.category(one) not in {"Cc", "Cs"})
    return re.sub(r"\n{4,}", "\n\n\n", kept)


def _found(mail: "Message[str, str]", raw: bytes, return_path: str, text: str) -> Found:
    fields = headers.fields(mail)
    address, name, unclear = headers.sender(fields.get("from", []))
    decoded = {key: [headers.decoded(value) for value in values] for key, values in fields.items() if key == "subject"}
    return Found(
        from_address=address,
        from_name=name,
        message_id=headers.message_id(fields.get("message-id", []), sha256(raw).hexdigest()),
        subject=headers.line(next(iter(decoded.get("subject", [])), ""), 500),
        automatic=headers.line(automatic.why({**fields, **decoded}, mail.get_content_type().lower(), address, return_path), 300),
        unclear=unclear,
        text=text,
    )
