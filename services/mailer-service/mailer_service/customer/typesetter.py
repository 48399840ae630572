"""Renders with templates that nobody vouches for: in a worker that is bound, and never again with a version that broke it."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson

from mailer_service.checking.finding import Finding
from mailer_service.confined import Confined, ConfinedError
from mailer_service.customer.files import Files, digest
from mailer_service.render import Rendered
from mailer_service.rows import Row

WORKER = "mailer_service.customer.worker"
WALL_SECONDS = 30.0
# Of one question. The house's own templates take a hundredth of the bound for so many, and its memory holds so much many times over.
PIECE_MESSAGES, PIECE_BYTES = 50, 1 << 20


class TemplateFaultError(Exception):
    """A template failed over a message, and how."""


class Typesetter:
    """One worker; `cpu` seconds and `memory` bytes bound each question to it."""

    def __init__(self, *, cpu: float, memory: int) -> None:
        self._worker = Confined(WORKER, memory=memory, seconds=WALL_SECONDS, cpu=cpu)
        self._broken: dict[str, str] = {}
        self._one_by_one: set[str] = set()
        self._one = asyncio.Lock()

    async def mail(self, own: Files, message: Row) -> Rendered:
        """The mail. Raises TemplateFaultError, NoWorkerError."""
        [answer] = await self._ask("mail", own, [_json(message)])
        return Rendered(**_good(answer))

    async def briefs(self, own: Files, messages: Sequence[Row]) -> list[tuple[str, str] | TemplateFaultError]:
        """Subject and text of each message, or its fault. Raises NoWorkerError."""
        shown: list[tuple[str, str] | TemplateFaultError] = []
        for piece in _pieces(messages):
            try:
                shown += map(_brief, await self._ask("brief", own, piece))
            except TemplateFaultError:
                shown += [await self._one_brief(own, message) for message in piece]
        return shown

    async def _one_brief(self, own: Files, message: bytes) -> tuple[str, str] | TemplateFaultError:
        try:
            [answer] = await self._ask("brief", own, [message])
        except TemplateFaultError as fault:
            return fault
        return _brief(answer)

    async def check(self, message_type: str, files: Files, layout: Files, event: str | None) -> list[Finding]:
        """What is wrong with these files; that the check had to be stopped is a finding, too."""
        asked = {"do": "check", "message_type": message_type, "files": files, "layout": layout, "event": event}
        try:
            return [Finding(**one) for one in orjson.loads(await self._worker.ask(orjson.dumps(asked)))]
        except ConfinedError as error:
            return [Finding("", 0, f"These templates can't be run: {error}.")]

    async def _ask(self, do: str, own: Files, messages: Sequence[bytes]) -> list[dict[str, Any]]:
        """An answer for each message. Raises TemplateFaultError: the version is broken, or can do one message at a time only."""
        version, ask = digest(own), self._worker.ask if len(messages) > 1 else self._twice
        question = {"do": do, "own": own, "digest": version, "messages": [orjson.Fragment(message) for message in messages]}
        # Held from the look at what is known to the answer: of many who ask at once, those behind the first don't try what broke it.
        async with self._one:
            if version in self._broken:
                raise TemplateFaultError(self._broken[version])
            if len(messages) > 1 and version in self._one_by_one:
                raise TemplateFaultError("the template is asked for one message at a time")
            try:
                answers: list[dict[str, Any]] = orjson.loads(await ask(orjson.dumps(question)))
            except ConfinedError as error:
                fault = f"the template was stopped: {error}"
                if len(messages) > 1:
                    self._one_by_one.add(version)  # each message by itself may be well within the bounds
                else:
                    # It would cost as much at each mail; a changed template is another version, and a restart tries this one again.
                    self._broken[version] = fault
                raise TemplateFaultError(fault) from error
        return answers

    async def _twice(self, question: bytes) -> bytes:
        """Asked again where the worker was killed: it may not have been the template's fault."""
        try:
            return await self._worker.ask(question)
        except ConfinedError as error:
            if not error.killed:
                raise
            return await self._worker.ask(question)

    async def close(self) -> None:
        """Kill the worker, if there is one."""
        await self._worker.close()


def _good(answer: dict[str, Any]) -> dict[str, str]:
    if "fault" in answer:
        raise TemplateFaultError(answer["fault"])
    good: dict[str, str] = answer["is"]
    return good


def _brief(answer: dict[str, Any]) -> tuple[str, str] | TemplateFaultError:
    return tuple(answer["is"]) if "is" in answer else TemplateFaultError(answer["fault"])


def _json(message: Row) -> bytes:
    return orjson.dumps({name: value for name, value in dict(message).items() if name != "bytes"}, default=str)


def _pieces(messages: Iterable[Row]) -> Iterator[list[bytes]]:
    """What is asked at once; a message that is larger by itself is asked about alone."""
    piece, size = list[bytes](), 0
    for message in map(_json, messages):
        if piece and (len(piece) == PIECE_MESSAGES or size + len(message) > PIECE_BYTES):
            yield piece
            piece, size = [], 0
        piece.append(message)
        size += len(message)
    if piece:
        yield piece
