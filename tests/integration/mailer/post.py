"""The mailer's listener for replies, running on a port of its own, and the hands of a mail server that calls on it."""

import asyncio
import smtplib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

import orjson
from tests.integration.mailer.conftest import World
from tests.integration.mailer.test_mailer_composing import correspondence

from mailer_service.domain.reply_addresses import ReplyAddresses
from mailer_service.inbound.keeping import Keeper
from mailer_service.inbound.listener import Listener
from mailer_service.inbound.reader import MailReader
from postroom.blobs import Blobs
from postroom.contracts import ids
from postroom.contracts.mail import MailReceived

ADDRESSES = ReplyAddresses("reply.example", ["a secret of the tests, long enough"])


def letter(**changes: str | None) -> EmailMessage:
    """What a person answers; a header given as None is left out."""
    mail = EmailMessage()
    fields = {"From": "Anna Maier <anna@example.com>", "To": "x@reply.example", "Subject": "Re: Order", "Message-ID": "<1@example.com>"}
    for name, value in {**fields, **{name.replace("_", "-"): value for name, value in changes.items() if name != "text"}}.items():
        if value is not None:
            mail[name] = value
    mail.set_content(changes.get("text") or "Thursday is fine.\n\nOn Fri, Nov 20, 2026, Postroom <p@example.com> wrote:\n> Thursday?\n")
    return mail


@dataclass
class Post:
    """The listener beside the world's database."""

    world: World
    listener: Listener
    task: "asyncio.Task[None]"

    @classmethod
    async def open(cls, world: World, reader: MailReader) -> "Post":
        keeper = Keeper(world.pool, Blobs(world.settings.blobs), reader)
        listener = Listener(ADDRESSES, keeper, "127.0.0.1", 0)
        post = cls(world, listener, asyncio.create_task(listener.run()))
        while not listener.port:  # noqa: ASYNC110 - it listens in a moment
            await asyncio.sleep(0.01)
        return post

    async def close(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task

    async def asked(self, name: str = "corr-1", **changes: Any) -> str:
        """A correspondence was sent; the address that it is answered to."""
        await self.world.take_in(await correspondence(self.world, correspondence=name, documents=[], attach_pdf=False, **changes))
        return ADDRESSES.of(ids.stable("correspondence", name))

    async def deliver(self, to: str | Sequence[str], mail: EmailMessage | bytes, return_path: str = "anna@example.com") -> tuple[int, str]:
        """The answer to the mail, or to the first command that was refused."""
        octets = mail if isinstance(mail, bytes) else mail.as_bytes().replace(b"\n", b"\r\n")
        return await asyncio.to_thread(self._deliver, [to] if isinstance(to, str) else list(to), octets, return_path)

    def _deliver(self, to: list[str], octets: bytes, return_path: str) -> tuple[int, str]:
        with smtplib.SMTP("127.0.0.1", self.listener.port, timeout=60) as client:
            client.ehlo("mx.example.com")
            commands = [client.mail(return_path), *(client.rcpt(one) for one in to)]
            refused = next((reply for reply in commands if reply[0] != 250), None)
            code, words = refused or client.data(octets)
            return code, words.decode()

    async def raw(self, script: bytes) -> bytes:
        """All that the listener says to these bytes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.listener.port)
        writer.write(script)
        await writer.drain()
        async with asyncio.timeout(30):
            answer = await reader.read()
        writer.close()
        return answer

    async def told(self) -> list[MailReceived]:
        """The events in the outbox."""
        rows = await self.world.pool.fetch("SELECT value, key FROM outbox WHERE topic = 'mail' ORDER BY id")
        return [MailReceived.model_validate(orjson.loads(row["value"])) for row in rows]

    async def blob(self, digest: str) -> bytes:
        return await Blobs(self.world.settings.blobs).get("tenant-a", digest)
