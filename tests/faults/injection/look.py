"""What is wrong with a mail after an attempt: by the strict reader, by Python's, and by what went over the wire."""

import asyncio
import re
from collections.abc import Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage

from tests.faults.injection.strict import Improper, addresses, decoded, read

from mailer_service.smtp import Session

ALWAYS = frozenset({"date", "from", "to", "subject", "message-id", "mime-version", "auto-submitted", "content-type"})
SOMETIMES = frozenset({"reply-to", "list-unsubscribe", "list-unsubscribe-post"})
PART = frozenset({"content-type", "content-transfer-encoding", "content-disposition"})
# A message ends where a careless server thinks so, too (SMTP smuggling, 2023).
_ENDS = re.compile(rb"(?:\r\n|\n|\r)\.(?:\r\n|\n|\r)")


def faults(octets: bytes, sender: str, to: Sequence[str], files: int, reply_to: str = "") -> list[str]:
    """All that is not as it must be; nothing means that the attempt failed."""
    try:
        return [*_by_the_strict(octets, sender, to, files, reply_to), *_by_python(octets, sender, to, files)]
    except Improper as why:
        return [str(why)]


def _by_the_strict(octets: bytes, sender: str, to: Sequence[str], files: int, reply_to: str) -> list[str]:
    mail = read(octets)
    names = mail.fields.keys()
    found = [f"no {name}" for name in ALWAYS - names] + [f"a field {name}" for name in names - ALWAYS - SOMETIMES]
    if addresses(mail.fields["to"]) != list(to):
        found.append(f"to {mail.fields['to']}")
    if addresses(mail.fields["from"]) != [sender]:
        found.append(f"from {mail.fields['from']}")
    if mail.fields.get("reply-to", "") != reply_to:
        found.append(f"reply to {mail.fields.get('reply-to')}")
    if not re.fullmatch(r"<[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-z0-9.-]+>", mail.fields["message-id"]):
        found.append(f"message id {mail.fields['message-id']}")
    if not re.fullmatch(r"<https?://[!-;=?-~]+>", mail.fields.get("list-unsubscribe", "<http://none>")):
        found.append(f"unsubscribe {mail.fields['list-unsubscribe']}")
    decoded(mail.fields["subject"])
    leaves = mail.leaves
    if [leaf.fields["content-type"].partition(";")[0] for leaf in leaves[:2]] != ["text/plain", "text/html"] or len(leaves) != 2 + files:
        found.append(f"{len(leaves)} parts: {[leaf.fields.get('content-type') for leaf in leaves]}")
    return found + [f"a field {name} of a part" for leaf in leaves for name in leaf.fields.keys() - PART]


def _by_python(octets: bytes, sender: str, to: Sequence[str], files: int) -> list[str]:
    mail = message_from_bytes(octets, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    found = [f"Python reads a field {name}" for name in {one.lower() for one in mail.keys()} - ALWAYS - SOMETIMES]  # noqa: SIM118
    found += [f"Python reads {name} {len(mail.get_all(name, []))} times" for name in ALWAYS if len(mail.get_all(name, [])) != 1]
    for name, wanted in (("To", list(to)), ("From", [sender])):
        if [one.addr_spec for one in mail[name].addresses] != wanted:
            found.append(f"Python reads {name} {mail[name]}")
    if re.search(r"[\r\n\x00]", f"{mail['Subject']}{mail['To']}"):
        found.append("Python reads a line end in a header")
    found += [f"Python finds {defect!r}" for part in mail.walk() for defect in part.defects]
    attached = list(mail.iter_attachments())
    if len(attached) != files:
        found.append(f"Python finds {len(attached)} attachments")
    names = [part.get_filename() or "" for part in attached]
    return found + [f"a file called {name!r}" for name in names if not name or re.search(r"[\x00-\x1f/\\]", name)]


class _Wire(asyncio.Transport):
    """What a session writes; a server that says yes to everything answers."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return False

    def says(self, text: bytes) -> None:
        assert isinstance(self._protocol, asyncio.Protocol)
        self._protocol.data_received(text)


async def faults_on_the_wire(octets: bytes, sender: str, to: str) -> list[str]:
    """What the mailer's own session says to a server for this mail: one sender, one recipient, one message."""
    wire = _Wire()
    session = Session(wire, {"pipelining": "", "size": "40000000"}, command_seconds=1, reply_seconds=1)
    session.envelope(sender, to, len(octets))
    commands, wire.written = wire.written, b""
    wire.says(b"250 ok\r\n250 ok\r\n354 go\r\n")
    assert await session.accepted() is None
    session.message(octets)
    found = []
    if commands != f"MAIL FROM:<{sender}> SIZE={len(octets)}\r\nRCPT TO:<{to}>\r\nDATA\r\n".encode():
        found.append(f"commands {commands!r}")
    ends = [end.end() for end in _ENDS.finditer(wire.written)]
    if ends != [len(wire.written)]:
        found.append(f"the message ends at {ends} of {len(wire.written)}")
    if wire.written[:-3].replace(b"\r\n..", b"\r\n.").removeprefix(b".") != octets.removeprefix(b"."):
        found.append("other bytes than were composed")
    return found
