"""The ledger: what the SMTP server has accepted, on the disk before it says so."""

import asyncio
import os
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email import message_from_bytes
from hashlib import sha256
from pathlib import Path

# Everything that a run is told of carries a mark of its own in a field that its mails show. The letter says what it is: X an event,
# D one for a digest, Q for who has quiet hours, V one that becomes void; C a correspondence, L a log, R a reply by mail, F a forward,
# B a budget, P an order.
MARK = re.compile(r"F[XDQVCLRFBP][0-9a-f]{10}")
# A mail that shows one of these is about it, whatever it quotes.
_OWN = ("FF", "FC")
_MARK = re.compile(MARK.pattern.encode())
_MESSAGE_ID = re.compile(rb"^Message-ID:\s*(<[^>\r\n]+>)", re.IGNORECASE | re.MULTILINE)
_REPLY_TO = re.compile(rb"^Reply-To:\s*([^\s<>]+)", re.IGNORECASE | re.MULTILINE)
_BREAKS = re.compile(rb"=?\r\n ?")
_MIXED = b"Content-Type: multipart/mixed"


@dataclass(frozen=True, slots=True)
class Entry:
    """One copy of one mail: when (seconds since the epoch), which, to whom, its bytes' hash, the mark of what it speaks of.

    `marks` are all that it is about (a digest, of several things); `attached` names each file by its sha256, and the PDF of the logs as
    `pdf` if it is a whole one.
    """

    at: float
    message_id: str
    recipient: str
    sha256: str
    mark: str
    marks: tuple[str, ...] = ()
    reply_to: str = ""
    attached: tuple[str, ...] = ()

    @property
    def about(self) -> tuple[str, ...]:
        """The marks of what this mail tells its reader."""
        return self.marks or (self.mark,)


def entry(recipient: str, body: bytes) -> Entry:
    """What is written of a mail."""
    head, _, _ = body.partition(b"\r\n\r\n")
    message_id, reply_to = _MESSAGE_ID.search(head), _REPLY_TO.search(head)
    mixed = _MIXED in head
    text = body.partition(b"\r\nContent-Disposition: attachment")[0] if mixed else body
    marks = tuple(dict.fromkeys(found.decode() for found in _MARK.findall(_BREAKS.sub(b"", text))))
    own = tuple(mark for mark in marks if mark.startswith(_OWN))[:1] or marks
    return Entry(
        time.time(),
        message_id[1].decode() if message_id else "",
        recipient,
        sha256(body).hexdigest(),
        own[0] if own else "",
        own,
        reply_to[1].decode() if reply_to else "",
        tuple(_attached(body)) if mixed else (),
    )


def _attached(body: bytes) -> Iterator[str]:
    for part in message_from_bytes(body).walk():
        if not part.get_filename():
            continue
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        whole = content.startswith(b"%PDF-") and b"%%EOF" in content[-32:]
        yield "pdf" if whole and part.get_content_type() == "application/pdf" else sha256(content).hexdigest()


class Writer:
    """Appends entries; several that come at once share one fsync, and none is answered before it."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("ab", buffering=0)
        self._waiting: list[tuple[Entry, asyncio.Future[None]]] = []
        self._work = asyncio.Event()

    async def keep(self, one: Entry) -> None:
        """Returns when it is on the disk."""
        kept = asyncio.get_running_loop().create_future()
        self._waiting.append((one, kept))
        self._work.set()
        await kept

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._work.wait()
            self._work.clear()
            batch, self._waiting = self._waiting, []
            await asyncio.to_thread(self._write, [one for one, _ in batch])
            for _, kept in batch:
                if not kept.done():
                    kept.set_result(None)

    def _write(self, entries: Iterable[Entry]) -> None:
        self._file.write(as_lines(entries))
        os.fsync(self._file.fileno())


@dataclass
class Ledger:
    """All that was accepted."""

    entries: list[Entry]

    @property
    def copies(self) -> Counter[tuple[str, str]]:
        """(Message-ID, recipient) → how often."""
        return Counter((one.message_id, one.recipient) for one in self.entries)


class Tail:
    """The ledger as it grows."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read = 0
        self._ledger = Ledger([])

    @property
    def ledger(self) -> Ledger:
        """All that stands there now; a line that is being written is left out."""
        if self._file.exists():
            with self._file.open("rb") as file:
                file.seek(self._read)
                new = file.read().rpartition(b"\n")[0]
            if new:
                self._read += len(new) + 1
                self._ledger.entries += [_entry(line) for line in new.decode().split("\n")]
        return self._ledger


def as_lines(entries: Iterable[Entry]) -> bytes:
    """As they stand in the file."""
    return "".join(map(_line, entries)).encode()


def _line(one: Entry) -> str:
    told = (f"{one.at:.6f}", one.message_id, one.recipient, one.sha256, one.mark, ",".join(one.marks), one.reply_to, ",".join(one.attached))
    return "\t".join(told) + "\n"


def _entry(line: str) -> Entry:
    at, message_id, recipient, hash_, mark, marks, reply_to, attached = line.split("\t")
    return Entry(float(at), message_id, recipient, hash_, mark, _words(marks), reply_to, _words(attached))


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()
