"""The ledger's own promises: on the disk before the 250, and misbehaving only as told."""

import asyncio
import contextlib
import signal
import smtplib
import ssl
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from tests.faults import behaviour
from tests.faults.behaviour import Rule
from tests.faults.house import certified
from tests.faults.ledger import Tail

from embedded.paths import ROOT
from embedded.ports import answers, free_port
from embedded.process import Command, end, spawn

MAIL = b"Message-ID: <m1@x>\r\nSubject: on order FX00000000=\r\n01\r\n\r\n.dot\r\n"


class Server:
    """The sink as a process."""

    def __init__(self, folder: Path, *, tls: bool = False) -> None:
        if tls:
            certified(folder / "tls", 0)
        self.folder, self.port = folder, free_port()
        self.process = spawn(
            Command([sys.executable, "-m", "tests.faults.sink", str(self.port), str(folder)], cwd=ROOT), folder / "log", None
        )
        while not answers(self.port):
            assert self.process.poll() is None, (folder / "log").read_text()
            time.sleep(0.02)
        self.tail = Tail(folder / "ledger.tsv")

    def behave(self, *rules: Rule) -> None:
        behaviour.lay(self.folder / "behaviour.json", 1, *rules)
        time.sleep(0.2)

    def send(self, to: str = "a@example.com", account: tuple[str, str] | None = None) -> tuple[int, bytes]:
        """The reply to the dot, or to what was refused before; with an account, after STARTTLS."""
        with smtplib.SMTP("127.0.0.1", self.port, timeout=10) as client:
            client.ehlo()
            if account:
                client.starttls(context=ssl.create_default_context(cafile=self.folder / "tls" / "ca.pem"))
                client.login(*account)
            for code, text in (client.mail("s@example.com"), client.rcpt(to)):
                if code != 250:
                    return code, text
            return client.data(MAIL)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    end(server.process, signal.SIGTERM, 5)


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path, tls=True)
    yield server
    end(server.process, signal.SIGTERM, 5)


def test_what_was_answered_250_is_in_the_ledger_with_its_bytes_and_its_mark(server: Server) -> None:
    assert server.send()[0] == 250
    server.process.kill()  # nothing is left to be flushed
    (entry,) = server.tail.ledger.entries
    assert (entry.message_id, entry.recipient, entry.mark) == ("<m1@x>", "a@example.com", "FX0000000001")
    assert len(entry.sha256) == 64


@pytest.mark.parametrize(
    ("stage", "say", "code"), [("mail", "530 5.7.0 no", 530), ("rcpt", "550 5.1.1 no", 550), ("dot", "451 4.3.0 no", 451)]
)
def test_what_is_refused_is_not_in_the_ledger(server: Server, stage: str, say: str, code: int) -> None:
    server.behave(Rule(stage, say))
    assert server.send()[0] == code
    assert server.tail.ledger.entries == []
    server.behave()
    assert server.send()[0] == 250


def test_hung_up_after_the_dot_it_has_the_mail_and_before_it_has_not(server: Server) -> None:
    for say, copies in (("DROP", 0), ("TAKE+DROP", 1)):
        server.behave(Rule("dot", say))
        with pytest.raises(smtplib.SMTPServerDisconnected):
            server.send()
        assert len(server.tail.ledger.entries) == copies


def test_greylisting_refuses_each_recipient_once(server: Server) -> None:
    server.behave(Rule("rcpt", "451 4.7.1 greylisted", times=1))
    assert [server.send(to)[0] for to in ("a@x", "b@x", "a@x", "b@x")] == [451, 451, 250, 250]


def test_one_recipient_in_ten_is_always_the_same(server: Server) -> None:
    server.behave(Rule("rcpt", "550 5.1.1 no such user", one_in=10))
    first = [server.send(f"p{n}@x")[0] for n in range(40)]
    assert first == [server.send(f"p{n}@x")[0] for n in range(40)]
    assert 1 <= first.count(550) <= 10


def test_with_certificates_it_takes_nothing_in_clear_and_writes_down_who_tries(secured: Server) -> None:
    assert secured.send()[0] == 530
    assert secured.send(account=("mailer", "open sesame"))[0] == 250
    assert len(secured.tail.ledger.entries) == 1
    assert (secured.folder / "clear.log").read_text().startswith("mail FROM:<s@example.com>")


@pytest.mark.parametrize(
    ("stage", "say", "error"),
    [
        ("starttls", "454 4.7.0 not now", smtplib.SMTPResponseException),
        ("starttls", "DROP", smtplib.SMTPServerDisconnected),
        ("starttls", "WRONG", ssl.SSLCertVerificationError),
        ("auth", "535 5.7.8 expired", smtplib.SMTPAuthenticationError),
    ],
)
def test_starttls_and_passwords_can_be_refused(secured: Server, stage: str, say: str, error: type[Exception]) -> None:
    secured.behave(Rule(stage, say))
    with pytest.raises(error):
        secured.send(account=("mailer", "open sesame"))
    assert secured.tail.ledger.entries == []
    assert not (secured.folder / "clear.log").exists()


def test_a_mail_over_its_size_is_refused_by_what_was_told_or_by_what_came(server: Server) -> None:
    server.behave(Rule("size", "50"), Rule("mail", "552 5.3.4 too big", over=50), Rule("dot", "552 5.3.4 too big", over=50))
    assert server.send()[0] == 552
    with smtplib.SMTP("127.0.0.1", server.port, timeout=10) as client:
        client.ehlo()
        assert client.esmtp_features["size"] == "50"
        assert client.mail("s@example.com", ["SIZE=51"])[0] == 552
        assert client.mail("s@example.com", ["SIZE=50"])[0] == 250


async def test_a_thousand_mails_cost_it_less_than_a_second(server: Server) -> None:
    """Of computing, so that a busy machine doesn't count: several connections, as the mailer's; each 250 stands for a mail on the disk."""
    await asyncio.gather(*(_pipelined(server.port, n, 250) for n in range(12)))
    spent = psutil.Process(server.process.pid).cpu_times()
    assert len(server.tail.ledger.entries) == len(server.tail.ledger.copies) == 3_000
    assert spent.user + spent.system < 3


async def _pipelined(port: int, connection: int, mails: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.readline()
    body = b"x" * 70 + b"\r\n"
    for n in range(mails):
        mail = b"Message-ID: <%d.%d@x>\r\n\r\n" % (connection, n) + body * 100
        writer.write(b"MAIL FROM:<s@x>\r\nRCPT TO:<a@x>\r\nDATA\r\n")
        for _ in range(3):
            await reader.readline()
        writer.write(mail + b".\r\n")
        assert (await reader.readline()).startswith(b"250")
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
