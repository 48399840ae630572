"""The ledger: what the SMTP server has accepted, on the disk before it says so."""

import asyncio
import os
import re
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

# Every event of a load carries a mark of its own in a field that its mails show.
MARK = re.compile(r"FX[0-9a-f]{10}")
_MARK = re.compile(MARK.pattern.encode())
_MESSAGE_ID = re.compile(rb"^Message-ID:\s*(<[^>\r\n]+>)", re.IGNORECASE | re.MULTILINE)
_BREAKS = re.compile(rb"=?\r\n ?")


@dataclass(frozen=True, slots=True)
class Entry:
    """One copy of one mail: when (seconds since the epoch), which, to whom, its bytes' hash, the mark of what it speaks of."""

    at: float
    message_id: str
    recipient: str
    sha256: str
    mark: str


def entry(recipient: str, body: bytes) -> Entry:
    """What is written of a mail."""
    message_id, mark = _MESSAGE_ID.search(body), _MARK.search(_BREAKS.sub(b"", body))
    return Entry(
        time.time(),
        message_id[1].decode() if message_id else "",
        recipient,
        sha256(body).hexdigest(),
        mark[0].decode() if mark else "",
    )


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
        lines = (f"{one.at:.6f}\t{one.message_id}\t{one.recipient}\t{one.sha256}\t{one.mark}\n" for one in entries)
        self._file.write("".join(lines).encode())
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


def _entry(line: str) -> Entry:
    at, message_id, recipient, hash_, mark = line.split("\t")
    return Entry(float(at), message_id, recipient, hash_, mark)
