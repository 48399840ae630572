"""Which templates are in force, the house's and the customer's, and what a message reads like in them."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import structlog

from mailer_service.checking.check import as_text
from mailer_service.checking.finding import Finding
from mailer_service.confined import NoWorkerError
from mailer_service.customer.files import Files, digest, languages, named
from mailer_service.customer.folder import Folder, FolderFaultError, Signature
from mailer_service.customer.typesetter import TemplateFaultError, Typesetter
from mailer_service.layered import LAYOUT
from mailer_service.render import MissingTemplateError, Rendered, Renderer
from mailer_service.rows import Row

log = structlog.get_logger()
NEVER: Signature = (("never read", 0, 0, 0),)


class Templates:
    """The house's templates, rendered here, and those of the customer's folder, rendered by workers: one for mails, one for people."""

    def __init__(self, house: Renderer, custom: Path | None = None, *, cpu: float = 2.0, memory: int = 256 << 20) -> None:
        self.house = house
        self.folder = Folder(custom) if custom else None
        self.problems: dict[str, str] = {}
        self._sending, self._desk = Typesetter(cpu=cpu, memory=memory), Typesetter(cpu=cpu, memory=memory)
        self._in_force: dict[str, Files] = {}
        self._tried: dict[str, str] = {}
        self._changed: set[str] = set()
        self._unreadable = ""
        self._seen = self._applied = NEVER
        self._one = asyncio.Lock()

    @property
    def message_types(self) -> list[str]:
        """The types that can be rendered."""
        return sorted({*self.house.message_types, *self._in_force} - {LAYOUT})

    @property
    def layout(self) -> Files:
        """The customer's own files of the layout."""
        return self._in_force.get(LAYOUT, {})

    def customers(self, message_type: str) -> Files | None:
        """The customer's files in force for this type, if it has any."""
        return self._in_force.get(message_type)

    def version(self, message_type: str) -> tuple[Files | None, Files]:
        """What of the customer's is in force for this type, to be compared."""
        return self._in_force.get(message_type), self.layout

    def confined(self, message_type: str) -> bool:
        """Whether this type's mails are rendered by the worker: its templates or the layout are the customer's."""
        return message_type in self._in_force or bool(self.layout)

    async def mail(self, message: Row) -> Rendered:
        """Subject, text and HTML. Raises MissingTemplateError, TemplateFaultError, or what the house's template found wrong."""
        message_type = message["message_type"]
        if not self.confined(message_type):
            return self._of_house(message_type).mail(message)
        return await self._sending.mail(self._own(message_type), message)

    async def try_out(self, message: Row, files: Files | None = None) -> Rendered:
        """The same for a person who waits, in other files than those in force, if some are given."""
        message_type = message["message_type"]
        if files is None and not self.confined(message_type):
            return self._of_house(message_type).mail(message)
        own = self._own(message_type) if files is None else named(message_type, files) | named(LAYOUT, self.layout)
        return await self._desk.mail(own, message)

    async def briefs(self, rows: Sequence[Row]) -> "Briefs":
        """What these messages read like in an inbox; the worker is asked for the types that are the customer's."""
        found: dict[str, tuple[str, str] | TemplateFaultError] = {}
        for message_type in {row["message_type"] for row in rows if self.confined(row["message_type"])}:
            mine = [row for row in rows if row["message_type"] == message_type]
            shown = await self._desk.briefs(self._own(message_type), mine)
            found |= {row["id"]: one for row, one in zip(mine, shown, strict=True)}
        return Briefs(self.house, found)

    async def check(self, message_type: str, files: Files, event: str | None) -> list[Finding]:
        """What is wrong with these files, as they would be in force."""
        layout = files if message_type == LAYOUT else self.layout
        return await self._desk.check(message_type, files, layout, event)

    def _of_house(self, message_type: str) -> Renderer:
        problem = self.problems.get(message_type)
        if problem and message_type not in self.house.message_types:
            raise MissingTemplateError(problem)
        return self.house

    def _own(self, message_type: str) -> dict[str, str]:
        return named(message_type, self._in_force.get(message_type, {})) | named(LAYOUT, self.layout)

    async def save(self, message_type: str, files: Files) -> None:
        """Write the files to the customer's folder and put them in force. Raises OSError."""
        assert self.folder  # noqa: S101 - the caller has asked
        await asyncio.to_thread(self.folder.write, message_type, files)
        await self.refresh(now=True)

    async def drop(self, message_type: str) -> bool:
        """Take the type's files away again. False if there were none; raises OSError."""
        assert self.folder  # noqa: S101 - the same
        gone = await asyncio.to_thread(self.folder.remove, message_type)
        await self.refresh(now=True)
        return gone

    async def refresh(self, *, now: bool = False) -> set[str]:
        """Read the folder again if it has changed and has come to rest (or at once); → the types whose templates have changed.

        Raises OSError or NoWorkerError at once; else what is in force stays, and a later look tries again.
        """
        if self.folder is None:
            return set()
        async with self._one:
            try:
                signature = await asyncio.to_thread(self.folder.signature)
                settled, self._seen = signature == self._seen or now, signature
                if not settled or signature == self._applied:
                    return set()
                changed = await self._apply(await asyncio.to_thread(self.folder.read))
            except (OSError, NoWorkerError) as error:
                if now:
                    raise
                self._cannot_read(error)
                return set()
            self._applied, self._unreadable = signature, ""
        return changed

    def _cannot_read(self, error: Exception) -> None:
        """Told once."""
        if self._unreadable != str(error):
            log.error("the folder of a customer's templates can't be read; what is in force stays", alert=True, error=str(error))
        self._unreadable = str(error)

    def take_changed(self) -> set[str]:
        """The types whose templates have changed since this was last asked, whoever made them be read again."""
        changed, self._changed = self._changed, set()
        return changed

    async def _apply(self, found: Mapping[str, Files | FolderFaultError]) -> set[str]:
        """Put what is good in force; where something is wrong, what was in force stays. The layout first: the others stand on it."""
        before = dict(self._in_force)
        try:
            for message_type in sorted(found, key=lambda name: (name != LAYOUT, name)):
                await self._take(message_type, found[message_type])
            for gone in self._tried.keys() - found.keys():
                self._in_force.pop(gone, None)
                self.problems.pop(gone, None)
                del self._tried[gone]
        finally:  # also of one that broke off half-way: what is in force by then is not seen as new again
            changed = {name for name in before.keys() | self._in_force if before.get(name) != self._in_force.get(name)}
            if LAYOUT in changed:
                changed |= {*self.message_types}
            self._changed |= changed
        return changed

    async def _take(self, message_type: str, files: Files | FolderFaultError) -> None:
        version = str(files) if isinstance(files, FolderFaultError) else digest(files)
        if self._tried.get(message_type) == version:
            return
        problem = str(files) if isinstance(files, FolderFaultError) else as_text(await self.check(message_type, files, None))
        self._tried[message_type] = version
        if problem or isinstance(files, FolderFaultError):
            self.problems[message_type] = problem
            log.warning("a customer's template can't be used; what was in force stays", message_type=message_type, problem=problem)
            return
        self.problems.pop(message_type, None)
        self._in_force[message_type] = files
        log.info("a customer's template is in force", message_type=message_type, languages=languages(files))

    async def close(self) -> None:
        """Kill the workers."""
        await self._sending.close()
        await self._desk.close()


class Briefs:
    """The subject and text of some messages: the customer's are there already, the house's are rendered when they are asked for."""

    def __init__(self, house: Renderer, found: Mapping[str, tuple[str, str] | TemplateFaultError]) -> None:
        self._house = house
        self._found = found

    def brief(self, message: Row) -> tuple[str, str]:
        """Raises TemplateFaultError, or what the house's template found wrong."""
        found = self._found.get(message["id"])
        if isinstance(found, TemplateFaultError):
            raise found
        return found or self._house.brief(message)
