"""What a mail says: its addresses, subject, texts and attachments, read leniently from its bytes."""

import email
import hashlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from functools import cached_property

from embedded.mailbox.record import Envelope

Address = tuple[str, str]  # name, address
_SNIPPET = 250


@dataclass(frozen=True)
class Part:
    """An attachment or an inline picture; `id` is its number among all parts of the mail."""

    id: str
    filename: str
    content_type: str
    content_id: str
    content: bytes

    def sums(self) -> dict[str, str]:
        """Give the checksums that Mailpit shows."""
        return {
            "MD5": hashlib.md5(self.content, usedforsecurity=False).hexdigest(),
            "SHA1": hashlib.sha1(self.content, usedforsecurity=False).hexdigest(),
            "SHA256": hashlib.sha256(self.content).hexdigest(),
        }


class Letter:
    """One mail, taken apart when first asked for each thing."""

    def __init__(self, envelope: Envelope, raw: bytes) -> None:
        self.envelope = envelope
        self.size = len(raw)
        self._raw = raw

    @cached_property
    def _message(self) -> Message:
        # The older policy reads anything; the newer one raises on some broken headers.
        return email.message_from_bytes(self._raw, policy=policy.compat32)

    def header(self, name: str) -> str:
        """Give a header's text, decoded and unfolded; empty when there is none."""
        return _decoded(self._message.get(name, ""))

    @property
    def headers(self) -> list[tuple[str, str]]:
        """All headers in the order of the mail, decoded and unfolded."""
        return [(name, _decoded(value)) for name, value in self._message.items()]

    def addresses(self, name: str) -> list[Address]:
        """Give the addresses of a header."""
        found = getaddresses([" ".join(str(value).split()) for value in self._message.get_all(name, [])])
        return [(_decoded(who), address) for who, address in found if address]

    @property
    def delivered_to(self) -> list[Address]:
        """Whom this copy was for: the recipients of the SMTP transaction, by the names that the headers give them."""
        names = {address.lower(): name for header in ("To", "Cc", "Bcc") for name, address in self.addresses(header)}
        return [(names.get(address.lower(), ""), address) for address in self.envelope.recipients]

    @property
    def bcc(self) -> list[Address]:
        """The recipients of the SMTP transaction that the headers hide, beside a Bcc header's own."""
        shown = {address.lower() for name in ("To", "Cc", "Bcc") for _, address in self.addresses(name)}
        return [*self.addresses("Bcc"), *(("", address) for address in self.envelope.recipients if address.lower() not in shown)]

    @property
    def message_id(self) -> str:
        return self.header("Message-ID").strip().strip("<>")

    @property
    def received(self) -> datetime:
        return datetime.fromtimestamp(self.envelope.received, UTC)

    @property
    def date(self) -> datetime:
        """The Date header, or when the mail came."""
        with suppress(ValueError, TypeError):
            date = parsedate_to_datetime(self.header("Date"))
            return date if date.tzinfo else date.replace(tzinfo=UTC)
        return self.received

    @cached_property
    def _leaves(self) -> list[tuple[str, Message]]:
        """The parts that hold content, each with its number among all parts."""
        return [(str(number), part) for number, part in enumerate(self._message.walk()) if not part.is_multipart()]

    @cached_property
    def text(self) -> str:
        return "\n".join(_text(part) for _, part in self._leaves if _is_body(part, "text/plain"))

    @cached_property
    def html(self) -> str:
        return "\n".join(_text(part) for _, part in self._leaves if _is_body(part, "text/html"))

    @cached_property
    def parts(self) -> list[Part]:
        """Everything that is neither text nor HTML of the mail itself."""
        return [_part(number, part) for number, part in self._leaves if not (_is_body(part, "text/plain") or _is_body(part, "text/html"))]

    @property
    def attachments(self) -> list[Part]:
        return [part for part in self.parts if not part.content_id]

    @property
    def inline(self) -> list[Part]:
        return [part for part in self.parts if part.content_id]

    @property
    def snippet(self) -> str:
        """The beginning of the text."""
        return " ".join(self.text.split())[:_SNIPPET]


def _decoded(value: object) -> str:
    text = " ".join(str(value).split())
    with suppress(ValueError, LookupError):
        return str(make_header(decode_header(text)))
    return text


def _is_body(part: Message, content_type: str) -> bool:
    return part.get_content_type() == content_type and part.get_content_disposition() != "attachment" and not part.get_filename()


def _text(part: Message) -> str:
    content = _content(part)
    with suppress(LookupError):
        return content.decode(part.get_content_charset("utf-8"), "replace")
    return content.decode("utf-8", "replace")


def _content(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _part(number: str, part: Message) -> Part:
    content_id = str(part.get("Content-ID", "")).strip().strip("<>")
    return Part(number, _decoded(part.get_filename("")), part.get_content_type(), content_id, _content(part))
