"""A mail's header fields as text, whatever bytes they are made of."""

import re
import unicodedata
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses

# What a field may be long here; a longer one is cut before anything looks at it.
MAX_VALUE, MAX_FIELDS = 4_000, 500
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,900}>")
# Direction marks: a file that is shown as gpj.exe must not be called exe.jpg.
_DIRECTION = {*"\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"}


def fields(mail: "Message[str, str]") -> dict[str, list[str]]:
    """The fields by name in lower case, undecoded; of very many the first ones."""
    found: dict[str, list[str]] = {}
    for number, (name, value) in enumerate(mail.raw_items()):
        if number == MAX_FIELDS:
            break
        octets = str(value)[:MAX_VALUE].encode("utf-8", "surrogateescape")
        found.setdefault(name.lower(), []).append(octets.decode("utf-8", "replace"))
    return found


def line(text: str, longest: int) -> str:
    """One clean line of text of at most so many characters."""
    plain = "".join(" " if unicodedata.category(one) in {"Cc", "Cs", "Zl", "Zp"} or one in _DIRECTION else one for one in text)
    return " ".join(plain.split())[:longest].strip()


def decoded(value: str) -> str:
    """RFC 2047's encoded words as text; what can't be decoded stays as it is."""
    try:
        pieces = decode_header(value[:MAX_VALUE])
    except (HeaderParseError, ValueError):
        return value
    return "".join(one if isinstance(one, str) else charset_text(one, charset or "raw_unicode_escape") for one, charset in pieces)


def charset_text(octets: bytes, charset: str) -> str:
    """The octets as text; an unknown charset is taken for UTF-8, and for Latin-1 where it can't be that."""
    for name in (charset, "utf-8"):
        try:
            return octets.decode(name)
        except (LookupError, ValueError):  # a UnicodeError is a ValueError; so is a NUL in the charset's name
            continue
    known = charset.lower() in {"utf-8", "us-ascii", "utf8", "ascii", ""}
    return octets.decode("utf-8", "replace") if known else octets.decode("latin-1")


def sender(values: list[str]) -> tuple[str, str, str]:
    """(address, name, what is unclear about them) of the From fields. Addresses are read before words are decoded: a name holds none."""
    pairs = [(line(address, 320), name) for name, address in getaddresses(values[:20]) if "@" in address]
    distinct = {address.casefold() for address, _ in pairs}
    if not pairs:
        return "", "", "it names no sender"
    unclear = f"it names {len(distinct)} senders" if len(distinct) > 1 else ""
    address, name = pairs[0]
    return address, line(decoded(name), 200), unclear


def message_id(values: list[str], digest: str) -> str:
    """The Message-ID; where there is none, the mail's own hash."""
    found = next((match[0] for value in values if (match := _MESSAGE_ID.search(value))), "")
    return line(found, 950) or f"<{digest}@sha256>"
