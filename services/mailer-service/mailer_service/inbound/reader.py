"""Asks the worker what a mail says; whatever the mail does to it, there is an answer."""

import dataclasses
from hashlib import sha256

import structlog

from mailer_service.confined import Confined, ConfinedError
from mailer_service.domain.received import Found
from mailer_service.inbound import headers, quotes, worker
from mailer_service.inbound.parts import File

MAX_TEXT = 20_000  # of a log
# Of the standard library: some thirty times a mail of short lines.
_MEMORY = 1536 << 20
# A usual reply takes some milliseconds of each.
_READ_SECONDS, _CUT_SECONDS = 20.0, 1.0
_NO_TEXT = "(This reply has no text.)"
_UNREADABLE = "(The body of this mail can't be read. The mail itself is kept.)"
_CUT = "\n\n[The text goes on in {}.]"
_WHOLE = "whole-text.txt"
log = structlog.get_logger()


class MailReader:
    """Reads mails in processes of its own, bound in memory and computing time: one that parses, one that looks for quoted text."""

    def __init__(self) -> None:
        self._parser = Confined("mailer_service.inbound.worker", memory=_MEMORY, seconds=60, cpu=_READ_SECONDS)
        # Of its own, so that a text which it is killed over keeps no other mail waiting.
        self._cutter = Confined("mailer_service.inbound.worker", memory=_MEMORY, seconds=30, cpu=_CUT_SECONDS)

    async def read(self, raw: bytes, return_path: str) -> tuple[Found, list[File]]:
        """What the mail says, its text cut to what its writer wrote, and its files."""
        try:
            found, files, left_out = worker.answered(await self._parser.ask(worker.read_question(worker.READ, raw, return_path)))
        except ConfinedError as error:
            log.warning("a mail can't be read and is held for review", error=str(error), size=len(raw))
            return dataclasses.replace(await self._head(raw, return_path), text=_UNREADABLE), []
        text = await self._own_words(found.text) or _NO_TEXT
        notes = "".join(f"\n\n[Not kept with this reply: {one}. The mail itself is kept.]" for one in left_out[:5])
        if len(text) + len(notes) > MAX_TEXT:
            files = [File(_WHOLE, "text/plain", text.encode()), *files]
            notes = _CUT.format(_WHOLE) + notes
            text = text[: MAX_TEXT - len(notes)]
        return dataclasses.replace(found, text=text + notes), files

    async def _head(self, raw: bytes, return_path: str) -> Found:
        try:
            return worker.answered(await self._parser.ask(worker.read_question(worker.HEAD, raw, return_path)))[0]
        except ConfinedError:
            return Found("", "", headers.message_id([], sha256(raw).hexdigest()), "", "", "it can't be read", "")

    async def _own_words(self, text: str) -> str:
        if len(text) > quotes.MAX_CUT:
            return text.strip()
        try:
            return (await self._cutter.ask(worker.CUT + text.encode())).decode()
        except ConfinedError as error:
            log.warning("quoted text can't be told from the reply: all of it is kept", error=str(error))
            return text.strip()

    async def close(self) -> None:
        """Kill the workers, if there are any."""
        await self._parser.close()
        await self._cutter.close()
