"""The parts of a mail: which hold its text, which are files. Bounded, for a mail may be anything."""

import mimetypes
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.errors import MessageError
from email.message import Message
from typing import TypeAlias

from mailer_service.inbound import headers

MAX_PARTS, MAX_DEPTH = 200, 30
MAX_FILES = 40
FILE_BYTES = 10 * 1024 * 1024
# A logo in a signature; a photo that somebody put between their lines is larger.
INLINE_BYTES = 32 * 1024
_MEDIA_TYPE = re.compile(r"(?!multipart/)[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,80}")
# What programs add to sign a mail.
_SIGNATURES = {"application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature"}
_UNNAMED = {"message/rfc822": "mail.eml", "text/calendar": "invitation.ics"}
Part: TypeAlias = "Message[str, str]"


@dataclass(frozen=True, slots=True)
class File:
    """An attachment."""

    filename: str
    media_type: str
    content: bytes


@dataclass(slots=True)
class Parts:
    """What a mail holds: its plain and HTML texts, its files, and a word on each file that was left out."""

    plain: list[str] = field(default_factory=list)
    html: list[str] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def sort(mail: Part) -> Parts:
    """Each part in its place."""
    found = Parts()
    for part in _leaves(mail, found):
        disposition = part.get_content_disposition()
        media_type = part.get_content_type().lower()
        if media_type in {"text/plain", "text/html"} and disposition != "attachment" and not _name(part):
            text = headers.charset_text(_content(part), _charset(part))
            (found.plain if media_type == "text/plain" else found.html).append(text)
        elif media_type not in _SIGNATURES:
            _keep(found, part, media_type, inline=disposition != "attachment" and bool(part.get("content-id")))
    return found


def _leaves(mail: Part, found: Parts) -> Iterator[Part]:
    """The parts that hold something, in their order, with a stack of our own: Python's would end at 1,000 nested ones."""
    waiting, seen = [(mail, 0)], 0
    while waiting:
        part, depth = waiting.pop()
        seen += 1
        if seen > MAX_PARTS or depth > MAX_DEPTH:
            found.left_out.append(f"parts beyond {MAX_PARTS}, or nested deeper than {MAX_DEPTH}")
            return
        payload = part.get_payload() if part.is_multipart() else ""
        if part.get_content_maintype() == "multipart" and isinstance(payload, list):
            waiting += [(inner, depth + 1) for inner in reversed(payload) if isinstance(inner, Message)]
        else:
            yield part


def _keep(found: Parts, part: Part, media_type: str, *, inline: bool) -> None:
    content = _content(part)
    name = _name(part) or _unnamed(media_type)
    if inline and media_type.startswith("image/") and len(content) < INLINE_BYTES:
        return
    if len(content) > FILE_BYTES:
        found.left_out.append(f"{name} ({len(content)} bytes; a file may have {FILE_BYTES})")
    elif len(found.files) >= MAX_FILES:
        found.left_out.append(f"{name} (a reply may have {MAX_FILES} files)")
    elif content:
        found.files.append(File(name, media_type if _MEDIA_TYPE.fullmatch(media_type) else "application/octet-stream", content))


def _content(part: Part) -> bytes:
    if part.is_multipart():  # message/*: mails in a mail
        payload = part.get_payload()
        return b"\n".join(_bytes(inner) for inner in payload if isinstance(inner, Message))
    octets = part.get_payload(decode=True)
    return octets if isinstance(octets, bytes) else b""


def _bytes(mail: Part) -> bytes:
    try:
        return mail.as_bytes()
    except (MessageError, ValueError, LookupError, TypeError):
        return b""


def _charset(part: Part) -> str:
    try:
        return str(part.get_content_charset() or "utf-8")
    except (ValueError, LookupError, TypeError):
        return "utf-8"


def _name(part: Part) -> str:
    try:
        given = part.get_filename() or ""
    except (ValueError, LookupError, TypeError):
        given = ""
    octets = given.encode("utf-8", "surrogateescape") if not given.isascii() else given.encode()
    name = headers.line(headers.decoded(octets.decode("utf-8", "replace")), 500).replace("/", "_").replace("\\", "_").lstrip(".")
    if len(name) <= 150:  # noqa: PLR2004 - what every file system takes, with room for a number
        return name
    stem, dot, end = name.rpartition(".")
    return f"{stem[:130]}.{end}" if dot and len(end) < 16 else name[:150]  # noqa: PLR2004 - an ending is short


def _unnamed(media_type: str) -> str:
    return _UNNAMED.get(media_type) or f"attachment{mimetypes.guess_extension(media_type) or ''}"
