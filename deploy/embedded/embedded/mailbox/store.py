"""The mails of a folder: one file that only grows, one fsync for all that arrived meanwhile, an index in memory."""

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from embedded.files import sync_folder
from embedded.mailbox import record
from embedded.mailbox.record import Envelope, Stored

Entered = Callable[[int], None]


class Store:
    """Keeps mails through kill -9: `add` returns when the mail is on the disk."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "mails"
        self.mails: dict[str, Stored] = {}
        self.read: set[str] = set()
        self._waiting: list[tuple[bytes, Entered, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "mails")
        self._end = self._load()
        self._file = self.path.open("r+b", buffering=0)
        sync_folder(folder)

    def _load(self) -> int:
        """Read what is there; a record that a crash cut off is moved beside the file."""
        self.path.touch()
        end = 0
        with self.path.open("rb") as file:
            for head, offset in record.read(file):
                self._enter(head, offset)
                end = file.tell()
            file.seek(end)
            if torn := file.read(1):
                with self.path.with_suffix(".torn").open("ab") as rest:
                    rest.write(torn)
                    shutil.copyfileobj(file, rest)
        os.truncate(self.path, end)
        return end

    def _enter(self, head: dict[str, Any], offset: int) -> None:
        if head["kind"] == "mail":
            envelope = Envelope(head["id"], head["received"], head["sender"], tuple(head["recipients"]))
            self.mails[envelope.id] = Stored(envelope, offset, head["size"])
        elif head["kind"] == "read":
            self.read.update(head["ids"])
        else:
            self._forget(head["ids"])

    def _forget(self, ids: Iterable[str]) -> None:
        for gone in ids:
            self.mails.pop(gone, None)
            self.read.discard(gone)

    async def add(self, sender: str, recipients: list[str], raw: bytes) -> None:
        """Keep a mail; raises OSError when the disk refuses it, and then nothing of it stays."""
        envelope = Envelope(_new_id(), time.time(), sender, tuple(recipients))
        line, body = record.mail(envelope, raw)

        def entered(offset: int) -> None:
            self.mails[envelope.id] = Stored(envelope, offset + len(line), len(raw))

        await self._append(line + body, entered)

    async def mark_read(self, ids: list[str]) -> None:
        """Remember that these were looked at."""
        await self._append(record.mark("read", ids), lambda _: self.read.update(ids))

    async def delete(self, ids: list[str]) -> None:
        """Forget these mails; all of them when none is named."""
        gone = ids or list(self.mails)
        await self._append(record.mark("gone", gone), lambda _: self._forget(gone))

    def raw(self, mail: Stored) -> bytes:
        """Give the mail's bytes as they came."""
        return os.pread(self._file.fileno(), mail.size, mail.offset)

    async def _append(self, content: bytes, entered: Entered) -> None:
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((content, entered, done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_waiting())
        await done

    async def _write_waiting(self) -> None:
        """Write in turns: what arrives while one fsync runs goes into the next."""
        while self._waiting:
            turn, self._waiting = self._waiting, []
            contents = [content for content, _, _ in turn]
            try:
                await asyncio.get_running_loop().run_in_executor(self._thread, self._write, b"".join(contents))
            except OSError as failure:
                for _, _, done in turn:
                    if not done.cancelled():
                        done.set_exception(failure)
                continue
            for content, entered, done in turn:
                entered(self._end)
                self._end += len(content)
                if not done.cancelled():
                    done.set_result(None)

    def _write(self, content: bytes) -> None:
        try:
            view = memoryview(content)
            while view:
                view = view[os.pwrite(self._file.fileno(), view, self._end + len(content) - len(view)) :]
            os.fdatasync(self._file.fileno())
        except OSError:
            os.ftruncate(self._file.fileno(), self._end)
            raise

    def close(self) -> None:
        """Let go of the file; everything that `add` returned for is on the disk already."""
        self._thread.shutdown()
        self._file.close()


def _new_id() -> str:
    """Give an id as Mailpit's: 22 letters and digits."""
    return f"{int.from_bytes(os.urandom(14)):x}".rjust(28, "0")[:22]
