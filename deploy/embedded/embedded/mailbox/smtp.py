"""The mailbox's SMTP side: takes everything, except where a recipient's local part asks for a fault."""

import asyncio
import logging

from aiosmtpd.smtp import SMTP, Envelope
from aiosmtpd.smtp import Session as Client

from embedded.mailbox.session import Session
from embedded.mailbox.store import Store

SLOW_SECONDS = 3.0


class Handler:
    """Answers RCPT and DATA; `bounce-…`, `defer-…` and `slow-…` recipients are treated as their name says."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._deferred: set[str] = set()

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Client, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Add PIPELINING: aiosmtpd answers commands one after the other from its buffer, however many came at once."""
        session.host_name = hostname
        return [responses[0], "250-PIPELINING", "250-ENHANCEDSTATUSCODES", *responses[1:]]

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Client, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Refuse `bounce-…` for good and `defer-…` the first time that this address is seen."""
        if address.startswith("bounce-"):
            return f"550 5.1.1 <{address}>: Recipient address rejected: User unknown"
        if address.startswith("defer-") and address not in self._deferred:
            self._deferred.add(address)
            return f"451 4.7.1 <{address}>: Recipient address rejected: Greylisted, try again"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, session: Client, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Answer 250 once the mail is on the disk; for `slow-…` only some seconds after that."""
        try:
            await self._store.add((envelope.mail_from or "").removeprefix("<>"), envelope.rcpt_tos, envelope.original_content or b"")
        except OSError as failure:
            logging.getLogger("mailbox").exception("a mail can't be kept")
            return f"452 4.3.1 Insufficient system storage ({failure.strerror})"
        if any(address.startswith("slow-") for address in envelope.rcpt_tos):
            await asyncio.sleep(SLOW_SECONDS)
        return "250 2.0.0 Ok: kept"


async def listen(store: Store, host: str, port: int) -> asyncio.Server:
    """Take mail on the port until the server is closed."""
    handler = Handler(store)
    return await asyncio.get_running_loop().create_server(lambda: Session(handler), host, port, backlog=256)
