"""Renders with templates that nobody vouches for: in a worker that is bound, and never again with a version that broke it."""

from collections.abc import Sequence
from typing import Any

import orjson

from mailer_service.checking.finding import Finding
from mailer_service.confined import Confined, ConfinedError
from mailer_service.customer.files import Files, digest
from mailer_service.render import Rendered
from mailer_service.rows import Row

WORKER = "mailer_service.customer.worker"
WALL_SECONDS = 30.0


class TemplateFaultError(Exception):
    """A template failed over a message, and how."""


class Typesetter:
    """One worker; `cpu` seconds and `memory` bytes bound each question to it."""

    def __init__(self, *, cpu: float, memory: int) -> None:
        self._worker = Confined(WORKER, memory=memory, seconds=WALL_SECONDS, cpu=cpu)
        self._broken: dict[str, str] = {}

    async def mail(self, own: Files, message: Row) -> Rendered:
        """The mail. Raises TemplateFaultError."""
        [answer] = await self._ask("mail", own, [message])
        return Rendered(**_good(answer))

    async def briefs(self, own: Files, messages: Sequence[Row]) -> list[tuple[str, str] | TemplateFaultError]:
        """Subject and text of each message, or its fault."""
        try:
            answers = await self._ask("brief", own, messages)
        except TemplateFaultError as fault:
            return [fault] * len(messages)
        return [tuple(answer["is"]) if "is" in answer else TemplateFaultError(answer["fault"]) for answer in answers]

    async def check(self, message_type: str, files: Files, layout: Files, event: str | None) -> list[Finding]:
        """What is wrong with these files; that the check had to be stopped is a finding, too."""
        asked = {"do": "check", "message_type": message_type, "files": files, "layout": layout, "event": event}
        try:
            return [Finding(**one) for one in orjson.loads(await self._worker.ask(orjson.dumps(asked)))]
        except ConfinedError as error:
            return [Finding("", 0, f"These templates can't be run: {error}.")]

    async def _ask(self, do: str, own: Files, messages: Sequence[Row]) -> list[dict[str, Any]]:
        version = digest(own)
        if version in self._broken:
            raise TemplateFaultError(self._broken[version])
        rows = [{name: value for name, value in dict(message).items() if name != "bytes"} for message in messages]
        question = orjson.dumps({"do": do, "own": own, "digest": version, "messages": rows}, default=str)
        try:
            answers: list[dict[str, Any]] = orjson.loads(await self._twice(question))
        except ConfinedError as error:
            # It would cost as much at each mail; a changed template is another version, and a restart tries this one again.
            self._broken[version] = f"the template was stopped: {error}"
            raise TemplateFaultError(self._broken[version]) from error
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
