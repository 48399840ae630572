"""The SMTP server of a fault run, a process of its own: `python -m tests.faults.sink PORT FOLDER`.

It answers 250 to a mail when the ledger in FOLDER has it on the disk, and else as the rules in FOLDER/behaviour.json say.
Where certificates lie in FOLDER/tls (server.pem, wrong.pem) it wants STARTTLS and then the account in FOLDER/tls/account; whatever
else it is told in clear stands in FOLDER/clear.log.
"""

import asyncio
import base64
import contextlib
import re
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop
from tests.certificates import serving
from tests.faults import behaviour, ledger
from tests.faults.behaviour import Behaviour

GREETING, SIZE = "220 sink ESMTP", "31457280"
LOOK_SECONDS = 0.05
MAX_MAIL = 32 << 20
HARMLESS_IN_CLEAR = ("EHLO", "HELO", "STARTTLS", "RSET", "QUIT")
_TOLD_SIZE = re.compile(r" SIZE=(\d+)", re.IGNORECASE)


class HungUp(Exception):  # noqa: N818 - as a server may
    """This session is over."""


class Sink:
    """Any number of sessions; the rules are read again when their file changes."""

    def __init__(self, folder: Path) -> None:
        self._rules = folder / "behaviour.json"
        self._behaviour = Behaviour()
        self._writer = ledger.Writer(folder / "ledger.tsv")
        self._clear, self._mails = folder / "clear.log", folder / "mails"
        tls = folder / "tls"
        self.contexts = {name: serving(tls / f"{name}.pem") for name in ("server", "wrong")} if tls.exists() else {}
        self.account = (tls / "account").read_text() if tls.exists() else ""

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

    async def answer(self, stage: str, recipient: str, usual: str, size: int = 0) -> str:
        """The reply to give; raises HungUp where the rules say so."""
        rule = self._behaviour.choose(stage, recipient, size)
        if rule is None:
            return usual
        if rule.seconds:
            await asyncio.sleep(rule.seconds)
        if rule.say == "DROP":
            raise HungUp
        return rule.say or usual

    def told_in_clear(self, command: str) -> None:
        """Write down what should have been said under TLS only."""
        with self._clear.open("a") as file:
            file.write(f"{command}\n")

    async def keep(self, recipient: str, body: bytes) -> None:
        """Into the ledger, on the disk; the mail as it came, too, where FOLDER/mails is there."""
        if self._mails.exists():
            (self._mails / str(time.time_ns())).write_bytes(recipient.encode() + b"\n" + body)
        await self._writer.keep(ledger.entry(recipient, body))


class Session:
    """One connection: commands in their order, pipelined or not (RFC 5321, 2920, 3207, 4954)."""

    def __init__(self, sink: Sink, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._sink = sink
        self._reader = reader
        self._writer = writer
        self._clear = self._stranger = bool(sink.contexts)
        self._sender = False
        self._recipient = ""
        self._size = 0

    async def serve(self) -> None:
        """To its end."""
        await self._say("greeting", GREETING)
        commands: dict[str, Callable[[str], Awaitable[None]]] = {
            "EHLO": self._ehlo,
            "STAR": self._starttls,
            "AUTH": self._auth,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "RSET": self._rset,
            "QUIT": self._quit,
        }
        while line := await self._reader.readline():
            command = line.decode("ascii", "replace").strip()
            if self._clear and not command.upper().startswith(HARMLESS_IN_CLEAR):
                self._sink.told_in_clear(command)
            await commands.get(command[:4].upper(), self._unknown)(command)

    async def _say(self, stage: str, usual: str, recipient: str = "") -> bool:
        reply = await self._sink.answer(stage, recipient, usual, self._size)
        self._writer.write(reply.encode() + b"\r\n")
        return reply[0] in "23"

    async def _ehlo(self, _: str) -> None:
        size = await self._sink.answer("size", "", SIZE)
        more = ["STARTTLS"] if self._clear else ["AUTH PLAIN"] if self._stranger else []
        extensions = ["sink", "PIPELINING", f"SIZE {size}", *more]
        await self._say("ehlo", "".join(f"250-{one}\r\n" for one in extensions) + "250 8BITMIME")

    async def _starttls(self, _: str) -> None:
        if not self._clear:
            await self._say("", "502 5.5.1 no")
            return
        reply = await self._sink.answer("starttls", "", "220 2.0.0 go ahead")
        wrong = reply == "WRONG"
        self._writer.write(("220 2.0.0 go ahead" if wrong else reply).encode() + b"\r\n")
        if wrong or reply.startswith("220"):
            await self._writer.drain()
            await self._writer.start_tls(self._sink.contexts["wrong" if wrong else "server"])
            self._clear = False

    async def _auth(self, command: str) -> None:
        """PLAIN, with its answer in the command."""
        given = base64.b64decode(command.rsplit(" ", maxsplit=1)[-1]).decode().split("\0")
        known = not self._clear and ":".join(given[1:]) == self._sink.account
        if await self._say("auth", "235 2.7.0 welcome" if known else "535 5.7.8 who?") and known:
            self._stranger = False

    async def _mail(self, command: str) -> None:
        told = _TOLD_SIZE.search(command)
        self._size = int(told[1]) if told else 0
        usual = "530 5.7.0 sign in first" if self._stranger else "250 2.1.0 ok"
        self._sender = await self._say("mail", usual) or self._sender

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
        reply = await self._sink.answer("dot", to, "250 2.0.0 taken", len(body))
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
