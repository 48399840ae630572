"""An SMTP server whose every reply a test can choose, and that remembers each message it took."""

import asyncio
import contextlib
from collections.abc import Callable
from email import message_from_bytes

Script = Callable[[str, str, int], str | None]


class Sink:
    """`script(stage, recipient, how often asked)` gives a reply, None for the usual one, "DROP" to hang up, "STALL" to say nothing.

    Stages: greeting, ehlo, mail, rcpt, data, dot ("dot+DROP": taken and remembered, then hung up without a reply).
    `size` is what EHLO announces, if anything; `said` are the commands that came.
    """

    def __init__(self, script: Script | None = None, *, pipelining: bool = True) -> None:
        self.script = script or (lambda *_: None)
        self.pipelining = pipelining
        self.size = ""
        self.said: list[str] = []
        self.taken: list[tuple[str, bytes]] = []
        self.connections = 0
        self._asked: dict[tuple[str, str], int] = {}
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def ids(self) -> list[tuple[str, str]]:
        """(Message-ID, recipient) of each copy taken."""
        return [(str(message_from_bytes(body)["Message-ID"]), to) for to, body in self.taken]

    async def start(self, port: int = 0) -> "Sink":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, limit=1 << 25)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        self._server.close()
        for writer in list(self._writers):
            writer.close()

    def _reply(self, stage: str, to: str, usual: str) -> str:
        count = self._asked[stage, to] = self._asked.get((stage, to), 0) + 1
        return self.script(stage, to, count) or usual

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, EOFError):
                await self._session(reader, writer)
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _say(self, writer: asyncio.StreamWriter, reply: str) -> None:
        if reply == "DROP":
            raise EOFError
        if reply == "STALL":
            await asyncio.sleep(3600)
        writer.write(reply.encode() + b"\r\n")

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._say(writer, self._reply("greeting", "", "220 sink"))
        recipient, mail_open = "", False
        while line := await reader.readline():
            command = line.decode("ascii").strip()
            self.said.append(command)
            word = command.upper()[:4]
            if word == "EHLO":
                size = f"250-SIZE {self.size}\r\n" if self.size else ""
                usual = f"250-sink\r\n250-PIPELINING\r\n{size}250 8BITMIME" if self.pipelining else "250 sink"
                await self._say(writer, self._reply("ehlo", "", usual))
            elif word == "MAIL":
                reply = "503 5.5.1 nested MAIL" if mail_open else self._reply("mail", "", "250 2.1.0 ok")
                mail_open = mail_open or reply.startswith("2")
                await self._say(writer, reply)
            elif word == "RCPT":
                to = command[command.index("<") + 1 : command.rindex(">")]
                reply = self._reply("rcpt", to, "250 2.1.5 ok") if mail_open else "503 5.5.1 MAIL first"
                recipient = to if reply.startswith("2") else ""
                await self._say(writer, reply)
            elif word == "DATA":
                reply = self._reply("data", recipient, "354 go") if recipient else "503 5.5.1 RCPT first"
                await self._say(writer, reply)
                if reply.startswith("3"):
                    await self._message(reader, writer, recipient)
                    recipient, mail_open = "", False
            elif word == "RSET":
                recipient, mail_open = "", False
                await self._say(writer, "250 ok")
            elif word == "QUIT":
                await self._say(writer, "221 bye")
                return
            else:
                await self._say(writer, "500 5.5.2 what?")

    async def _message(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, to: str) -> None:
        raw = await reader.readuntil(b"\r\n.\r\n")
        body = raw[:-3].replace(b"\r\n..", b"\r\n.")
        reply = self._reply("dot", to, "250 2.0.0 taken")
        if reply.startswith(("250", "dot+")):
            self.taken.append((to, body))
        await self._say(writer, reply.removeprefix("dot+"))
