"""The SMTP side of replies: only addresses that we gave away, and 250 only once the mail is committed."""

import asyncio
from functools import partial
from typing import Any

import structlog
from aiosmtpd.smtp import SMTP, Envelope

from mailer_service.domain.received import Answered
from mailer_service.domain.reply_addresses import ReplyAddresses
from mailer_service.inbound.keeping import Keeper
from mailer_service.inbound.session import Room, Session
from postroom.db import DATABASE_AWAY

MAX_ADDRESSES = 10
# Whoever knows an address could fill the disk through it.
REPLIES_A_DAY = 200
NO_SUCH_ADDRESS = "550 5.1.1 No such address here"
LATER = "451 4.3.0 The mail can't be kept just now, try again later"
log = structlog.get_logger()


class Handler:
    """aiosmtpd's hooks."""

    def __init__(self, addresses: ReplyAddresses, keeper: Keeper) -> None:
        self._addresses = addresses
        self._keeper = keeper

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Any, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Add what aiosmtpd can do and doesn't say: it answers commands one after the other, however many came at once."""
        session.host_name = hostname
        return [responses[0], "250-PIPELINING", "250-ENHANCEDSTATUSCODES", *responses[1:]]

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take an address of ours; nothing says in what way another one is wrong."""
        message = self._addresses.message(address)
        if message is None:
            return NO_SUCH_ADDRESS
        if len(envelope.rcpt_tos) >= MAX_ADDRESSES:
            return f"452 4.5.3 Too many recipients: {MAX_ADDRESSES} are taken at once"
        try:
            answered = await self._keeper.answered(message)
        except DATABASE_AWAY as error:
            return _later(error)
        if answered is None:
            return NO_SUCH_ADDRESS
        if answered.lately >= REPLIES_A_DAY:
            log.warning("a correspondence gets too many replies", correspondence=answered.correspondence)
            return f"452 4.2.2 Too many replies: {REPLIES_A_DAY} a day are taken, try again later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Answer 250 once the mail is committed, for each of the addresses."""
        messages = {self._addresses.message(address) for address in envelope.rcpt_tos}
        try:
            found = [await self._keeper.answered(message) for message in sorted(filter(None, messages))]
            if None in found or not found:
                return NO_SUCH_ADDRESS
            await self._keep(envelope, [one for one in found if one])
        except DATABASE_AWAY as error:
            return _later(error)
        except Exception as error:
            # Nothing is lost: the sender's server keeps the mail and comes again.
            log.exception("a mail can't be kept", error=str(error))
            return LATER
        return "250 2.0.0 Ok: kept"

    async def _keep(self, envelope: Envelope, answered: list[Answered]) -> None:
        return_path = str(envelope.mail_from or "").removeprefix("<>")
        for one in await self._keeper.keep(bytes(envelope.original_content or b""), return_path, answered):
            log.info("a reply came by mail", correspondence=one.answered.correspondence, mail=one.id, automatic=one.found.automatic)

    async def handle_exception(self, error: Exception) -> str:
        """Whatever a client does, the connection gets an answer."""
        log.warning("an SMTP command failed", error=repr(error))
        return "451 4.3.0 That can't be done just now, try again later"


def _later(error: BaseException) -> str:
    log.warning("a mail can't be kept just now", error=str(error) or type(error).__name__)
    return LATER


class Listener:
    """Takes mail on a port until it is cancelled."""

    def __init__(self, addresses: ReplyAddresses, keeper: Keeper, host: str, port: int) -> None:
        self._room = Room()
        self._factory = partial(Session, Handler(addresses, keeper), self._room, addresses.domain)
        self._host, self._port = host, port
        self.port = 0

    async def run(self) -> None:
        """Listen; `port` says where, if any free one was asked for with 0."""
        server = await asyncio.get_running_loop().create_server(self._factory, self._host, self._port, backlog=256)
        self.port = server.sockets[0].getsockname()[1]
        log.info("listening for replies by mail", port=self.port)
        try:
            await server.serve_forever()
        finally:
            server.close()
            for session in list(self._room.open):
                session.hang_up()
