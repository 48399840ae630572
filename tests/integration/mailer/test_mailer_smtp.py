"""The session against aiosmtpd: STARTTLS and AUTH, and refusals there that are the relay's fault."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from pydantic import SecretStr
from tests.certificates import Authority, serving
from tests.integration.mailer.conftest import World

from mailer_service import smtp


@dataclass
class Relay:
    """A relay that wants STARTTLS and a password."""

    port: int
    ca: Path
    bodies: list[bytes] = field(default_factory=list)

    def url(self, password: str = "open%20sesame") -> str:  # noqa: S107 - made up
        return f"smtp+starttls://mailer:{password}@127.0.0.1:{self.port}"


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Relay]:
    ours = Authority(tmp_path)
    context = serving(ours.issue("127.0.0.1"))
    relay = Relay(0, ours.file)

    class Handler:
        async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
            assert isinstance(envelope.content, bytes)
            relay.bodies.append(envelope.content)
            return "250 2.0.0 taken"

    def check(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=isinstance(data, LoginPassword) and data.password == b"open sesame", handled=False)

    def session() -> SMTP:
        return SMTP(Handler(), tls_context=context, require_starttls=True, auth_required=True, authenticator=check)

    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0)
    relay.port = server.sockets[0].getsockname()[1]
    yield relay
    server.close()


async def test_mails_go_out_over_starttls_with_a_password(world: World, relay: Relay) -> None:
    await world.ask(*(f"p{n}@example.com" for n in range(5)))
    world.start_sender(smtp=SecretStr(relay.url()), smtp_ca=str(relay.ca), connections=1)
    await world.until_states(sent=5)
    stored = await world.pool.fetch("SELECT bytes FROM rendered")
    assert sorted(relay.bodies) == sorted(row["bytes"] for row in stored)


@pytest.mark.parametrize(("password", "trusted"), [("wrong", True), ("open%20sesame", False)])
async def test_a_wrong_password_or_certificate_stops_sending_and_harms_no_mail(
    world: World,
    relay: Relay,
    password: str,
    trusted: bool,  # noqa: FBT001
) -> None:
    await world.ask("a@example.com")
    sender = world.start_sender(smtp=SecretStr(relay.url(password)), smtp_ca=str(relay.ca) if trusted else None)

    async def refusing() -> bool:
        return not sender.relay.accepting and await world.states() == {"pending": 1}

    await world.until(refusing)
    assert sender.relay.detail
    assert await world.pool.fetchval("SELECT count(*) FROM attempts") == 0


async def test_a_server_without_starttls_is_refused_where_it_is_configured(world: World) -> None:
    server = smtp.parse(f"smtp+starttls://127.0.0.1:{world.sink.port}")
    with pytest.raises(smtp.RelayAway, match="STARTTLS"):
        await smtp.connect(server, command_seconds=5, reply_seconds=5)


@pytest.fixture
def deaf() -> Iterator[int]:
    """A port where nobody answers: its queue of connections is full, so that the next one times out."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port: int = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)  # noqa: FBT003
            one.connect_ex(("127.0.0.1", port))
        yield port
        for one in waiting:
            one.close()


@pytest.fixture
def silent() -> Iterator[int]:
    """A port where connections are taken, and nothing is said."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(100)
        yield listener.getsockname()[1]


@pytest.mark.parametrize("scheme", ["smtp", "smtps", "smtp+starttls"])
async def test_a_relay_that_is_not_there_is_away_within_the_time_for_a_command(scheme: str, deaf: int, silent: int) -> None:
    """No answer to the connection; nothing said; a name that nobody knows; a port where nobody listens."""
    for place in (f"127.0.0.1:{deaf}", f"127.0.0.1:{silent}", "no-such-relay.invalid:25", "127.0.0.1:1"):
        began = time.monotonic()
        with pytest.raises(smtp.RelayAway):
            await smtp.connect(smtp.parse(f"{scheme}://{place}"), command_seconds=0.5, reply_seconds=1)
        assert time.monotonic() - began < 10, place


@pytest.mark.parametrize("stage", ["greeting", "ehlo"])
async def test_sessions_that_are_refused_or_hang_leave_the_mails_where_they_are(world: World, stage: str) -> None:
    replies = iter(["554 5.3.2 no", "421 4.3.2 later", "DROP", "STALL"])
    world.sink.script = lambda at, _to, _n: next(replies, None) if at == stage else None
    await world.ask("a@example.com", "b@example.com")
    world.start_sender(command_seconds=0.5)
    await world.until_states(sent=2, seconds=40)
    assert await world.pool.fetchval("SELECT count(*) FROM attempts") == 2
    assert await world.pool.fetchval("SELECT max(waited) FROM envelopes") == timedelta()


async def test_an_authority_that_cannot_be_read_is_named_and_ends_no_sender(tmp_path: Path) -> None:
    for file in (tmp_path / "missing.pem", tmp_path):
        with pytest.raises(smtp.RelayAway):
            await smtp.connect(smtp.parse("smtps://127.0.0.1:1", ca=str(file)), command_seconds=5, reply_seconds=5)


@pytest.mark.parametrize("url", ["127.0.0.1:25", "http://x", "smtp://", "", "smtp://mailer:secret@relay.example"])
def test_an_address_that_makes_no_sense_or_a_password_without_tls_is_named(url: str) -> None:
    with pytest.raises(ValueError, match="POSTROOM_SMTP"):
        smtp.parse(url)
