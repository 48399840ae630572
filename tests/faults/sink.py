"""The SMTP server of a fault run, a process of its own: `python -m tests.faults.sink PORT FOLDER`.

It answers 250 to a mail when the ledger in FOLDER has it on the disk, and else as the rules in FOLDER/behaviour.json say.
"""

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop
from tests.faults import behaviour, ledger
from tests.faults.behaviour import Behaviour

GREETING, EXTENSIONS = "220 sink ESMTP", "250-sink\r\n250-PIPELINING\r\n250-SIZE 31457280\r\n250 8BITMIME"
LOOK_SECONDS = 0.05
MAX_MAIL = 32 << 20


class HungUp(Exception):  # noqa: N818 - as a server may
    """This session is over."""


class Sink:
    """Any number of sessions; the rules are read again when their file changes."""

    def __init__(self, folder: Path) -> None:
        self._rules = folder / "behaviour.json"
        self._behaviour = Behaviour()
        self._writer = ledger.Writer(folder / "ledger.tsv")

    async def run(self, port: int) -> None:
        """Until cancelled."""
        server = await asyncio.start_server(self._session, "127.0.0.1", port, limit=MAX_MAIL, backlog=200)
        async with server, asyncio.TaskGroup() as tasks:
            tasks.create_task(self._writer.run())
            tasks.create_task(self._watch())

    async def _watch(self) -> None:
        known = 0
        while True:
            changed = self._rules.stat().st_mtime_ns if self._rules.exists() else 0
            if changed != known:
                known, self._behaviour = changed, behaviour.read(self._rules)
            await asyncio.sleep(LOOK_SECONDS)

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(HungUp, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
                await Session(self, reader, writer).serve()
        finally:
            writer.close()

    async def answer(self, stage: str, recipient: str, usual: str) -> str:
        """The reply to give; raises HungUp where the rules say so."""
        rule = self._behaviour.choose(stage, recipient)
        if rule is None:
            return usual
        if rule.seconds:
            await asyncio.sleep(rule.seconds)
        if rule.say == "DROP":
            raise HungUp
        return rule.say or usual

    async def keep(self, recipient: str, body: bytes) -> None:
        """Into the ledger, on the disk."""
        await self._writer.keep(ledger.entry(recipient, body))


class Session:
    """One connection: commands in their order, pipelined or not (RFC 5321, 2920)."""

    def __init__(self, sink: Sink, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._sink = sink
        self._reader = reader
        self._writer = writer
        self._sender = False
        self._recipient = ""

    async def serve(self) -> None:
        """To its end."""
        await self._say("greeting", GREETING)
        commands: dict[str, Callable[[str], Awaitable[None]]] = {
            "EHLO": self._ehlo,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "RSET": self._rset,
            "QUIT": self._quit,
        }
        while line := await self._reader.readline():
            command = line.decode("ascii", "replace").strip()
            await commands.get(command[:4].upper(), self._unknown)(command)

    async def _say(self, stage: str, usual: str, recipient: str = "") -> bool:
        reply = await self._sink.answer(stage, recipient, usual)
        self._writer.write(reply.encode() + b"\r\n")
        return reply[0] in "23"

    async def _ehlo(self, _: str) -> None:
        await self._say("ehlo", EXTENSIONS)

    async def _mail(self, _: str) -> None:
        self._sender = await self._say("mail", "250 2.1.0 ok") or self._sender

    async def _rcpt(self, command: str) -> None:
        to = command[command.index("<") + 1 : command.rindex(">")]
        if not self._sender:
            await self._say("", "503 5.5.1 MAIL first")
        elif await self._say("rcpt", "250 2.1.5 ok", to):
            self._recipient = to

    async def _data(self, _: str) -> None:
        if not self._recipient:
            await self._say("", "503 5.5.1 RCPT first")
        elif await self._say("data", "354 go", self._recipient):
            await self._message()

    async def _message(self) -> None:
        raw = await self._reader.readuntil(b"\r\n.\r\n")
        to, self._sender, self._recipient = self._recipient, False, ""
        body = raw[:-3].replace(b"\r\n..", b"\r\n.")
        reply = await self._sink.answer("dot", to, "250 2.0.0 taken")
        if reply.startswith(("250", "TAKE")):
            await self._sink.keep(to, body)
        if reply == "TAKE+DROP":
            raise HungUp
        self._writer.write(reply.encode() + b"\r\n")

    async def _rset(self, _: str) -> None:
        self._sender, self._recipient = False, ""
        await self._say("", "250 2.0.0 ok")

    async def _quit(self, _: str) -> None:
        await self._say("", "221 2.0.0 bye")
        raise HungUp

    async def _unknown(self, _: str) -> None:
        await self._say("", "500 5.5.2 what?")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(Sink(Path(sys.argv[2])).run(int(sys.argv[1])))
