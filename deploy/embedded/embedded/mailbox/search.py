"""Mailpit's search: words and "phrases", to: from: cc: bcc: subject: message-id: addressed: has:attachment is:read, each with a minus."""

import shlex
from collections.abc import Callable

from embedded.mailbox.letter import Letter

_ADDRESSES = {
    "to:": ("To",),
    "from:": ("From",),
    "cc:": ("Cc",),
    "reply-to:": ("Reply-To",),
    "addressed:": ("To", "From", "Cc", "Reply-To"),
}
Test = Callable[[Letter, bool], bool]
_FLAGS: dict[str, Test] = {
    "is:read": lambda _, read: read,
    "is:unread": lambda _, read: not read,
    "has:attachment": lambda letter, _: bool(letter.attachments),
    "has:attachments": lambda letter, _: bool(letter.attachments),
}
_TEXTS: dict[str, Callable[[Letter], str]] = {
    "bcc:": lambda letter: _flat(letter.bcc),
    "subject:": lambda letter: letter.header("Subject"),
    "message-id:": lambda letter: letter.message_id,
}


class Query:
    """A search that was taken apart; every term must fit."""

    def __init__(self, text: str) -> None:
        self._terms = [_term(word) for word in _words(text)]

    def fits(self, letter: Letter, *, read: bool) -> bool:
        """Whether the mail is one of those looked for."""
        return all(wanted == test(letter, read) for test, wanted in self._terms)


def _words(text: str) -> list[str]:
    reader = shlex.shlex(text.lower(), posix=True, punctuation_chars=False)
    reader.whitespace_split, reader.commenters, reader.quotes, reader.escape = True, "", '"', ""
    try:
        return list(reader)
    except ValueError:  # a quote that is not closed
        return text.lower().replace('"', "").split()


def _term(word: str) -> tuple[Test, bool]:
    """Give the test of a word, and what it must answer."""
    wanted = not (len(word) > 1 and word[0] in "-!")
    return _test(word if wanted else word[1:]), wanted


def _test(word: str) -> Test:
    if word in _FLAGS:
        return _FLAGS[word]
    field, colon, value = word.partition(":")
    key = field + colon
    if not value or key not in {*_TEXTS, *_ADDRESSES}:
        return lambda letter, _: word in _everything(letter)
    if key in _ADDRESSES:
        return lambda letter, _: value in _addresses(letter, key)
    return lambda letter, _: value.strip("<>") in _TEXTS[key](letter).lower()


def _addresses(letter: Letter, key: str) -> str:
    """Give the text that an address is sought in; `to:` finds each recipient of the SMTP transaction."""
    shown = " ".join(_flat(letter.addresses(name)) for name in _ADDRESSES[key])
    return f"{shown} {' '.join(letter.envelope.recipients).lower()}" if key in ("to:", "addressed:") else shown


def _flat(addresses: list[tuple[str, str]]) -> str:
    return " ".join(f"{name} {address}" for name, address in addresses).lower()


def _everything(letter: Letter) -> str:
    names = " ".join(part.filename for part in letter.parts)
    return f"{letter.header('Subject')} {_addresses(letter, 'addressed:')} {_flat(letter.bcc)} {names} {letter.text or letter.html}".lower()
