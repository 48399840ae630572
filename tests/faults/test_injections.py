"""The short form of the 20,000 attempts at injection; and what the readers see, who look for what got in."""

import os
from pathlib import Path

import pytest
from tests.faults.injection.composing import attempts
from tests.faults.injection.look import faults, faults_on_the_wire
from tests.unit.mailer.test_mailer_mime import mail

from mailer_service.mime import build

SEED = int(os.environ.get("POSTROOM_SEED", "20261127"))
NUMBER = 300
GOOD = build(mail())
FROM, TO = "postroom@example.com", ["a@example.com"]


async def test_no_attempt_gets_a_header_a_recipient_or_a_second_mail_in(tmp_path: Path) -> None:
    tally = await attempts(SEED, NUMBER, tmp_path)
    assert not tally.broken, f"seed {SEED}: {tally.broken[:10]}"
    assert tally.composed.total() > NUMBER * 0.7, f"seed {SEED}: {tally.refused}"


def test_a_good_mail_is_seen_as_one() -> None:
    assert faults(GOOD, FROM, TO, 0) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\r\nSubject:", b"\r\nBcc: evil@evil.example\r\nSubject:"),
        (b"\r\nSubject:", b"\nBcc: evil@evil.example\r\nSubject:"),
        (b"\r\nSubject:", b"\r\nSubject: evil\r\nSubject:"),
        (b"Subject: Hello", b"Subject: =?utf-8?b?DQpCY2M6IGV2aWw=?="),
        (b"Subject: Hello", b"Subject: =?utf-8?q?=0ABcc?="),
        (b"<a@example.com>", b"<a@example.com>, evil@evil.example"),
        (b"<a@example.com>", b"<a@example.com> (evil)"),
        (b"To: ", b"To: Group: "),
        (b"\r\nSubject:", b"\r\n\r\nSubject:"),
        (b"\r\nSubject:", b"\r\n \r\nSubject:"),
        (b"<p>Hello", b"<p>" + b"x" * 1_000),
        (b"<p>Hello", b"<p>\xc3\xa4"),
        (b"<p>Hello", b"<p>\x00"),
        (b"text/html", b"message/rfc822"),
        (b"7bit", b"8bit"),
    ],
)
def test_what_got_in_is_seen(old: bytes, new: bytes) -> None:
    assert old in GOOD
    assert faults(GOOD.replace(old, new, 1), FROM, TO, 0)


@pytest.mark.parametrize("end", [b"\r\n.\r\n", b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\n"])
async def test_an_end_that_only_a_careless_server_takes_for_one_is_seen(end: bytes) -> None:
    assert await faults_on_the_wire(GOOD, FROM, TO[0]) == []
    found = await faults_on_the_wire(GOOD + b"x" + end + b"MAIL FROM:<evil@evil.example>\r\n", FROM, TO[0])
    assert bool(found) is not end.startswith(b"\r\n"), "a dot at the beginning of a line is doubled"
