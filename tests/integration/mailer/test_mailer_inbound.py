"""Replies by mail, over real SMTP into a real database: kept once, told once, and nothing that anybody sends stops the listener."""

import asyncio
from collections.abc import AsyncIterator
from email import message_from_bytes
from email.message import EmailMessage
from hashlib import sha256

import asyncpg
import pytest
from tests.integration.mailer.conftest import World
from tests.integration.mailer.post import ADDRESSES, Post, letter

from mailer_service.inbound import listener, session
from mailer_service.inbound.reader import MailReader
from postroom import db
from postroom.contracts import ids
from postroom.contracts.commlog import CorrespondenceRecipient


@pytest.fixture(scope="module")
async def reader() -> AsyncIterator[MailReader]:
    """Its workers take a second to start."""
    one = MailReader()
    yield one
    await one.close()


@pytest.fixture
async def post(world: World, reader: MailReader) -> AsyncIterator[Post]:
    opened = await Post.open(world, reader)
    yield opened
    await opened.close()


async def test_a_reply_is_kept_and_told_once_however_often_it_comes(post: Post) -> None:
    to = await post.asked()
    photo = b"\xff\xd8\xff" + bytes(50_000)
    mail = letter()
    mail.add_attachment(photo, maintype="image", subtype="jpeg", filename="Straße 3.jpg")
    answers = await asyncio.gather(*(post.deliver(to, mail) for _ in range(3)))
    assert {code for code, _ in answers} == {250}
    (told,) = await post.told()
    assert (told.correspondence, told.order, told.from_address, told.from_name) == ("corr-1", "order-1", "anna@example.com", "Anna Maier")
    assert (told.message_id, told.subject, told.automatic, told.unclear) == ("<1@example.com>", "Re: Order", "", "")
    assert (await post.blob(told.text.sha256)).decode() == "Thursday is fine."
    (file,) = told.attachments
    assert (file.filename, file.media_type, file.size, await post.blob(file.sha256)) == ("Straße 3.jpg", "image/jpeg", len(photo), photo)
    raw = await post.blob(told.raw.sha256)
    assert raw == mail.as_bytes().replace(b"\n", b"\r\n"), "the mail's exact bytes"
    row = await post.world.pool.fetchrow("SELECT * FROM received")
    assert row is not None
    assert (row["raw"], row["size"], row["return_path"]) == (sha256(raw).hexdigest(), len(raw), "anna@example.com")
    key = await post.world.pool.fetchval("SELECT convert_from(key, 'utf8') FROM outbox WHERE topic = 'mail'")
    assert key == "order-1"


async def test_a_correspondence_is_answered_to_an_address_of_its_own(post: Post) -> None:
    to = await post.asked(recipients=[CorrespondenceRecipient(address="anna@example.com")])
    post.world.composer._replies = ADDRESSES
    post.world.start_sender()
    await post.world.until_states(sent=1)
    mail = message_from_bytes(post.world.sink.taken[0][1])
    assert mail["Reply-To"] == to, "not to the sender's own, which would leave the thread"


async def test_an_address_works_in_capitals_and_any_other_one_is_refused_alike(post: Post) -> None:
    to = await post.asked()
    local, _, domain = to.partition("@")
    unsent = ADDRESSES.of(ids.stable("correspondence", "never sent"))
    flipped = f"{local[:-2]}{'b' if local[-2] == 'a' else 'a'}{local[-1]}@{domain}"
    wrong = [
        unsent,
        flipped,
        f"{local}@other.example",
        f"{local[:-1]}@{domain}",
        f"reply+@{domain}",
        f"postmaster@{domain}",
        f"{local}a@{domain}",
    ]
    answers = {await post.deliver(one, letter()) for one in wrong}
    assert answers == {(550, "5.1.1 No such address here")}
    assert await post.told() == []
    assert (await post.deliver(to.upper(), letter()))[0] == 250
    assert len(await post.told()) == 1


async def test_two_correspondences_in_one_mail_get_one_reply_each(post: Post) -> None:
    to = [await post.asked(), await post.asked("corr-2")]
    assert (await post.deliver([*to, to[0].upper()], letter()))[0] == 250
    assert sorted(one.correspondence for one in await post.told()) == ["corr-1", "corr-2"]


async def test_without_a_message_id_the_bytes_tell_a_copy(post: Post) -> None:
    to = await post.asked()
    for text in ("one", "one", "two"):
        assert (await post.deliver(to, letter(Message_ID=None, text=text)))[0] == 250
    assert len(await post.told()) == 2


async def test_while_the_database_is_away_the_sender_keeps_the_mail(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    to = await post.asked()
    gone = await db.open_pool(post.world.settings, "worker", size=1)
    await gone.close()
    with monkeypatch.context() as away:
        away.setattr(post.listener._factory.args[0]._keeper, "_pool", gone)
        assert (await post.deliver(to, letter()))[0] == 451, "and no 550, which would be for good"
    owner = await asyncpg.connect(post.world.settings.dsn)
    await owner.execute("ALTER TABLE received RENAME TO received_away")
    code, words = await post.deliver(to, letter())
    assert (code, "try again later" in words) == (451, True)
    await owner.execute("ALTER TABLE received_away RENAME TO received")
    await owner.close()

    async def outbox_away(*_: object) -> None:
        raise ConnectionError("the database went away")

    with monkeypatch.context() as broken:
        broken.setattr("mailer_service.inbound.keeping.outbox.add", outbox_away)
        assert (await post.deliver(to, letter()))[0] == 451
    assert await post.world.pool.fetchval("SELECT count(*) FROM received") == 0, "the row goes with the event, or not at all"
    assert (await post.deliver(to, letter()))[0] == 250
    assert len(await post.told()) == 1


async def test_an_automatic_answer_says_so(post: Post) -> None:
    to = await post.asked()
    await post.deliver(to, letter(Auto_Submitted="auto-replied (vacation)"))
    await post.deliver(to, letter(Message_ID="<2@example.com>"), return_path="")
    assert [one.automatic for one in await post.told()] == ["Auto-Submitted: auto-replied (vacation)", "an empty return path"]


async def test_size_is_announced_and_held(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    to = await post.asked()
    hello = await post.raw(b"EHLO x\r\nMAIL FROM:<a@b.example> SIZE=99999999\r\nQUIT\r\n")
    assert f"SIZE {session.SIZE}".encode() in hello
    assert b"552" in hello
    monkeypatch.setattr(session, "SIZE", 100_000)
    head = b"From: anna@example.com\r\n\r\n"
    assert (await post.deliver(to, head + b"x" * 70_000 + b"\r\n" + b"y\r\n" * 20_000))[0] == 552
    monkeypatch.setattr(post.listener._room, "bytes", 50_000)
    assert (await post.deliver(to, head + b"x" * 60_000))[0] == 452
    assert (await post.deliver(to, head + b"one line of " + b"x" * 40_000))[0] == 250
    assert post.listener._room.bytes == 50_000, "what a mail took is given back"


async def test_dots_pipelining_and_an_empty_mail(post: Post) -> None:
    to = (await post.asked()).encode()
    hello = b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<" + to + b">\r\nDATA\r\n"
    mails = (b".\r\n", b"..\r\n.\r\n", b"From: anna@example.com\r\n\r\n..dots\r\n...\r\nend\r\n.\r\n")
    for mail in mails:
        answer = await post.raw(hello + mail + b"QUIT\r\n")
        assert answer.count(b"250 2.0.0") == 1, answer
        assert answer.splitlines()[-1].startswith(b"221"), answer
    raws = [await post.blob(one.raw.sha256) for one in await post.told()]
    assert raws == [b"", b".\r\n", b"From: anna@example.com\r\n\r\n.dots\r\n..\r\nend\r\n"]


async def test_a_flood_to_one_address_is_put_off(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    to = await post.asked()
    monkeypatch.setattr(listener, "REPLIES_A_DAY", 1)
    assert (await post.deliver(to, letter()))[0] == 250
    assert (await post.deliver(to, letter(Message_ID="<2@example.com>")))[0] == 452
    monkeypatch.setattr(post.listener._room, "connections", 0)
    assert b"421" in await post.raw(b"")


def _nested(depth: int) -> bytes:
    head = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(depth))
    return b"From: anna@example.com\r\nMessage-ID: <%d@x>\r\nMIME-Version: 1.0\r\n" % depth + head + b"\r\nhello\r\n"


def _many_parts() -> bytes:
    part = b'--b\r\nContent-Type: application/x; name="f"\r\n\r\nx\r\n'
    return b"From: anna@example.com\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + part * 5_000 + b"--b--\r\n"


FROM = b"From: anna@example.com\r\n"
HOSTILE = {
    "nul and control bytes": bytes(range(256)) * 20,
    "no header": b"\r\nhello",
    "lone surrogates": FROM + b"Subject: =?utf-8?b?7aCA?= \xed\xa0\x80\r\n\r\n\xed\xa0\x80",
    "10,000 nested parts": _nested(10_000),
    "200 nested parts": _nested(200),
    "5,000 parts": _many_parts(),
    "a giant header": FROM + b"X: " + b"y" * 2_000_000 + b"\r\nSubject: " + b"=?utf-8?q?a?= " * 60_000 + b"\r\n\r\nhi",
    "a giant From": b"From: " + b"a@b.example, " * 60_000 + b"\r\n\r\nhi",
    "100,000 fields": b"X: y\r\n" * 100_000 + b"\r\nhi",
    "no From": b"Subject: x\r\n\r\nhi",
    "several Froms": FROM + b"From: Eve <eve@example.com>\r\n\r\nhi",
    "bad charsets": FROM + b'Content-Type: text/plain; charset="\x00zip"\r\n\r\nhi \xff',
    "an odd codec": FROM + b"Content-Type: text/plain; charset=hex\r\n\r\n6869",
    "punycode": FROM + b"Content-Type: text/plain; charset=punycode\r\n\r\n" + b"a-" + b"z" * 50_000,
    "broken base64": FROM + b"Content-Transfer-Encoding: base64\r\n\r\n!!!===a",
    "a lying name": FROM + b"Content-Type: application/pdf; name*=nope'x'%FF%00../../etc; name=\"=?x?b?!?=\"\r\n\r\n%PDF",
    "a mail in a mail": FROM + b"Content-Type: message/rfc822\r\n\r\n" + FROM + b"\r\ninner",
    "partial": FROM + b"Content-Type: message/partial; id=x; number=1; total=2\r\n\r\nhi",
    "evil quotes": FROM + b"\r\n" + b"On " * 30_000,
    "evil html": FROM + b"Content-Type: text/html\r\n\r\n" + b"<div>" * 50_000 + b"deep",
    "only tiny lines": FROM + b"\r\n" + b"\r\n" * 500_000,
    "a boundary without end": FROM + b"Content-Type: multipart/mixed\r\n\r\nhi",
}


@pytest.mark.timeout(180)
async def test_whatever_comes_is_kept_and_answered(post: Post) -> None:
    """Each is one row with its exact bytes, and what can't be read or attributed says that a person has to look."""
    to = await post.asked()
    for name, octets in HOSTILE.items():
        before = len(await post.told())
        assert (await post.deliver(to, octets))[0] == 250, name
        told = (await post.told())[before:]
        assert len(told) == 1, name
        text = (await post.blob(told[0].text.sha256)).decode()
        assert 0 < len(text) <= 20_000, name
        assert "\x00" not in text, name
        if name in {"no header", "no From", "100,000 fields"}:
            assert told[0].unclear == "it names no sender"
        if name in {"several Froms", "a giant From"}:
            assert told[0].unclear == "it names 2 senders" or name == "a giant From"
        if name == "10,000 nested parts":
            assert (told[0].unclear, told[0].from_address) == ("its body can't be read", "anna@example.com")
    assert (await post.deliver(to, letter()))[0] == 250, "and the next person's reply comes through"


WILD = (
    b"\x00\x00\r\n\x80\x81 MAIL\r\n" + b"A" * 3_000 + b"\r\nBDAT 5 LAST\r\nhello\r\n",
    b"EHLO x\r\nMAIL FROM:<\xff\xfe@\xed\xa0\x80>\r\nMAIL FROM:<a\x00b@c.example>\r\nRCPT TO:<\xff@x>\r\nRCPT TO:" + b"<" * 200 + b"\r\n",
    b"EHLO x\r\nDATA\r\nMAIL FROM:<>\r\nDATA\r\nMAIL FROM:<a@b.example> SIZE=1e9\r\nRCPT TO:<a@b.example>\r\nDATA\r\n.\r\n",
    b"VRFY \xff\r\nEXPN x\r\nAUTH PLAIN AAA=\r\nSTARTTLS\r\nHELP\r\nRSET\r\nNOOP \xff\r\n",
)


async def test_whatever_a_client_says_it_is_answered_and_the_next_one_served(post: Post) -> None:
    to = await post.asked()
    for script in WILD:
        answer = await post.raw(script + b"QUIT\r\n")
        assert answer.splitlines()[-1].startswith(b"221"), answer
        assert b"Traceback" not in answer
    _, writer = await asyncio.open_connection("127.0.0.1", post.listener.port)
    writer.write(b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<" + to.encode() + b">\r\nDATA\r\nFrom: a")
    await writer.drain()
    writer.transport.abort()
    assert (await post.deliver(to, letter()))[0] == 250
    assert len(await post.told()) == 1, "half a mail is none"
    assert post.listener._room.bytes == session.Room().bytes


async def test_files_are_bounded_and_what_is_left_out_is_named(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    to = await post.asked()
    head = b"From: anna@example.com\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nSee the film.\r\n--b\r\n"
    film = b"Content-Type: video/mp4; name=film.mp4\r\nContent-Transfer-Encoding: base64\r\n\r\n" + (b"AAAA" * 19 + b"\r\n") * 202_314
    plan = b"\r\n--b\r\nContent-Type: application/pdf; name=plan.pdf\r\n\r\n%PDF\r\n--b--\r\n"
    assert (await post.deliver(to, head + film + plan))[0] == 250
    (told,) = await post.told()
    assert [one.filename for one in told.attachments] == ["plan.pdf"]
    text = (await post.blob(told.text.sha256)).decode()
    assert text.startswith("See the film.\n\n[Not kept with this reply: film.mp4 (11531898 bytes; a file may have 10485760).")


async def test_a_long_text_goes_on_in_a_file(post: Post) -> None:
    to = await post.asked()
    words = "Every desk has its own story. " * 2_000
    assert (await post.deliver(to, letter(text=words)))[0] == 250
    (told,) = await post.told()
    text = (await post.blob(told.text.sha256)).decode()
    assert len(text) <= 20_000
    assert text.endswith("[The text goes on in whole-text.txt.]")
    assert (await post.blob(told.attachments[0].sha256)).decode().split() == words.split()


async def test_html_alone_becomes_text_and_small_inline_images_are_left_out(post: Post) -> None:
    to = await post.asked()
    mail = EmailMessage()
    mail["From"], mail["Message-ID"] = "Anna Maier <anna@example.com>", "<html@example.com>"
    mail.set_content(
        "<p>Thursday&nbsp;is <b>fine</b>.<br>Anna</p><img src='cid:logo'><div>On Fri, Nov 20, 2026, Postroom wrote:</div>"
        "<blockquote><p>Thursday?</p></blockquote><style>p {color: red}</style>",
        subtype="html",
    )
    mail.add_related(b"logo", "image", "png", cid="<logo>", filename="logo.png", disposition="inline")
    mail.add_related(bytes(40_000), "image", "png", cid="<damage>", filename="damage.png", disposition="inline")
    assert (await post.deliver(to, mail))[0] == 250
    (told,) = await post.told()
    assert (await post.blob(told.text.sha256)).decode() == "Thursday is fine.\nAnna"
    assert [one.filename for one in told.attachments] == ["damage.png"]
