"""A strict reader of mails (RFC 5322, 2045, 2046, 2047), without a line of the mailer's or of Python's own parser."""

import base64
import binascii
import re
from dataclasses import dataclass, field

MAX_LINE = 998
_FIELD = re.compile(rb"([!-9;-~]{1,76}):( .*)?", re.DOTALL)
_WORD = re.compile(r"=\?utf-8\?b\?([A-Za-z0-9+/]+={0,2})\?=")
_ADDRESS = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,255}"
_NAME = r'(?:"(?:[^"\\]|\\.)*"|=\?utf-8\?b\?[A-Za-z0-9+/=]+\?=(?: =\?utf-8\?b\?[A-Za-z0-9+/=]+\?=)*)'
_MAILBOX = re.compile(rf"(?:{_NAME} <({_ADDRESS})>|({_ADDRESS}))")
_BOUNDARY = re.compile(r'multipart/(alternative|mixed); boundary="([A-Za-z0-9_=]{1,70})"')
_ENCODINGS = {"7bit", "quoted-printable", "base64"}


class Improper(Exception):  # noqa: N818 - what the mail is
    """The mail is not what a mail must be; says why."""


@dataclass
class Part:
    """Header fields by name in lower case, values unfolded; its own parts, or its bytes as they stand there."""

    fields: dict[str, str]
    body: bytes
    parts: list["Part"] = field(default_factory=list)

    @property
    def leaves(self) -> list["Part"]:
        return [leaf for part in self.parts for leaf in part.leaves] if self.parts else [self]


def read(octets: bytes) -> Part:
    """The whole mail. Raises Improper."""
    if not octets.isascii():
        raise Improper("bytes beyond ASCII without a sign of it")
    if set(octets) & ({*range(32), 127} - {9, 10, 13}):
        raise Improper("a control character")
    bare = octets.replace(b"\r\n", b"")
    if b"\r" in bare or b"\n" in bare:
        raise Improper("a bare CR or LF")
    if not octets.endswith(b"\r\n"):
        raise Improper("no line end at the end")
    if (longest := max(map(len, octets.split(b"\r\n")))) > MAX_LINE:
        raise Improper(f"a line of {longest} bytes")
    return _part(octets)


def _part(octets: bytes) -> Part:
    if octets.startswith(b"\r\n"):
        raise Improper("a part without a header")
    head, end, body = octets.partition(b"\r\n\r\n")
    if not end:
        raise Improper("a header without an end")
    part = Part(_fields(head), body)
    kind = _BOUNDARY.fullmatch(part.fields.get("content-type", ""))
    if kind:
        part.parts = [_part(piece) for piece in _pieces(body, kind[2].encode())]
    elif part.fields.get("content-type", "").lower().startswith(("multipart/", "message/")):
        raise Improper(f"of a type that is opened like a mail: {part.fields['content-type']}")
    elif part.fields.get("content-transfer-encoding") not in _ENCODINGS:
        raise Improper(f"encoded as {part.fields.get('content-transfer-encoding')}")
    return part


def _fields(head: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    lines: list[bytes] = []
    for line in head.split(b"\r\n"):
        if line[:1] in {b" ", b"\t"}:
            if not lines or not line.strip():
                raise Improper("folded without a field, or with nothing on the line")
            lines[-1] += line
        else:
            lines.append(line)
    for line in lines:
        match = _FIELD.fullmatch(line)
        if not match:
            raise Improper(f"no header field: {line[:60]!r}")
        name = match[1].decode().lower()
        if name in found:
            raise Improper(f"{name} twice")
        found[name] = (match[2] or b"").decode().strip()
    return found


def _pieces(body: bytes, boundary: bytes) -> list[bytes]:
    """What lies between the boundaries; nothing before the first, nothing behind the last."""
    lines = re.split(rb"(?:^|\r\n)--" + re.escape(boundary) + rb"(--)?(?:\r\n|$)", body)
    # split gives: text, mark, text, mark …; the mark is set at the end alone.
    texts, marks = lines[0::2], lines[1::2]
    if texts[0] or texts[-1].strip() or marks[-1:] != [b"--"] or any(marks[:-1]):
        raise Improper("text beside the parts, or an end too early")
    return [text + b"\r\n" for text in texts[1:-1]]


def decoded(value: str) -> str:
    """An unstructured value, RFC 2047 words read. Raises Improper where they hide what may not stand in a header."""
    joined = re.sub(r"\?=\s+=\?", "?==?", value)

    def word(match: re.Match[str]) -> str:
        try:
            return base64.b64decode(match[1], validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise Improper(f"an encoded word that can't be read: {match[0]}") from error

    text = _WORD.sub(word, joined)
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]", text) or "=?" in text:
        raise Improper(f"encoded words with more in them than text: {text[:80]!r}")
    return text


def addresses(value: str) -> list[str]:
    """Of a header such as To: mailboxes with commas between them, no groups, no comments. Raises Improper."""
    found, position = [], 0
    while True:
        match = _MAILBOX.match(value, position)
        if not match:
            raise Improper(f"no mailbox at {value[position : position + 60]!r}")
        found.append(match[1] or match[2])
        position = match.end()
        if position == len(value):
            return found
        if value[position : position + 2] != ", ":
            raise Improper(f"more than a mailbox at {value[position : position + 60]!r}")
        position += 2
