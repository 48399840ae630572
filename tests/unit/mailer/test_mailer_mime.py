"""A mail's bytes: whatever people write, no header gets in, nothing gets lost, any server takes it."""

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer_service.mime import File, Mail, build, clean

AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
HEADERS = ["Date", "From", "To", "Subject", "Message-ID", "MIME-Version", "Auto-Submitted", "Content-Type"]
NASTY = st.one_of(
    st.text(max_size=200),
    st.lists(
        st.sampled_from(
            [
                "\r\n",
                "\n",
                "\r",
                "\x00",
                "Bcc: evil@example.com",
                "=?UTF-8?Q?=0A?=",
                "?=",
                "=?",
                " ",
                "\t",
                "ü",
                "€",
                "<",
                '"',
                "\\",
                "--",
                ".",
            ]
        )
    ).map("".join),
)


def mail(
    *, subject: str = "Hello", name: str = "Anna", text: str = "Hello", html: str = "<p>Hello</p>", files: tuple[File, ...] = ()
) -> Mail:
    return Mail("m-1@example.com", ("Postroom", "postroom@example.com"), [(name, "a@example.com")], subject, AT, text, html, files)


def parse(body: bytes) -> EmailMessage:
    return message_from_bytes(body, policy=policy.default)


@settings(max_examples=300, deadline=None)
@given(subject=NASTY, name=NASTY)
def test_nothing_that_people_write_gets_a_header_in(subject: str, name: str) -> None:
    body = build(mail(subject=subject, name=name))
    parsed = parse(body)
    assert sorted(parsed.keys()) == sorted(HEADERS)
    assert [address.addr_spec for address in parsed["To"].addresses] == ["a@example.com"]
    assert body.isascii()
    assert max(map(len, body.split(b"\r\n"))) <= 998


@settings(max_examples=200, deadline=None)
@given(
    subject=st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=150).filter(
        lambda text: "=?" not in text
    )
)
def test_a_subject_arrives_as_it_was_written(subject: str) -> None:
    assert parse(build(mail(subject=subject)))["Subject"] == subject


@settings(max_examples=200, deadline=None)
@given(text=st.text(st.characters(codec="utf-8", exclude_categories=["C"], include_characters="\n"), max_size=3_000))
def test_the_text_arrives_as_it_was_written(text: str) -> None:
    body = build(mail(text=text))
    got = parse(body).get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert got.replace("\r\n", "\n").rstrip() == text.rstrip()
    assert b"\n" not in body.replace(b"\r\n", b"")


@pytest.mark.parametrize(
    "name",
    ["offer.pdf", "Angebot Ä 100 %.pdf", "../../etc/passwd", 'a"b\r\nX: y.pdf', "", "x" * 300, "=?utf-8?q?evil?=", "🔩" * 200 + ".pdf"],
)
def test_attachments_keep_their_bytes_under_a_safe_name(name: str) -> None:
    content = bytes(range(256)) * 40
    body = build(mail(files=(File(name, "application/pdf", content),)))
    assert max(map(len, body.split(b"\r\n"))) <= 998
    [attached] = parse(body).iter_attachments()
    assert attached.get_content() == content
    filename = attached.get_filename()
    assert filename
    assert not set(filename) & set("/\\\r\n")
    assert sorted(attached.keys()) == ["Content-Disposition", "Content-Transfer-Encoding", "Content-Type"]


@pytest.mark.parametrize("name", ["x" * 300 + ".pdf", "🔩" * 200 + ".pdf"])
def test_a_name_that_is_cut_keeps_its_ending(name: str) -> None:
    [attached] = parse(build(mail(files=(File(name, "application/pdf", b"x"),)))).iter_attachments()
    filename = attached.get_filename()
    assert filename
    assert filename.endswith(f"{name[0] * 10}.pdf")


@pytest.mark.parametrize("media_type", ["message/rfc822", "multipart/mixed", "text/html\r\nX: y", "nonsense", ""])
def test_a_media_type_that_would_be_opened_as_a_mail_becomes_plain_bytes(media_type: str) -> None:
    [attached] = parse(build(mail(files=(File("a.bin", media_type, b"x"),)))).iter_attachments()
    assert attached.get_content_type() == "application/octet-stream"


def test_a_header_that_could_not_be_quoted_is_refused() -> None:
    """The allow-list is the last line: an address that no check has seen."""
    sneaky = Mail("m-1@example.com", ("", "x@example.com"), [("", "a@example.com>\r\nBcc: <b@example.com")], "s", AT, "t", "h")
    with pytest.raises(ValueError, match="header"):
        build(sneaky)


def test_the_same_message_gives_the_same_bytes() -> None:
    assert build(mail()) == build(mail())


def test_clean_breaks_encoded_words_up() -> None:
    assert clean("a=?UTF-8?Q?=0A?=Bcc: x") == "a= ?UTF-8?Q?=0A?=Bcc: x"


def test_the_way_out_is_one_line_that_a_mail_program_understands() -> None:
    url = "https://post.example/unsubscribe/" + "t" * 700
    parsed = parse(build(replace(mail(), unsubscribe=url)))
    assert (parsed["List-Unsubscribe"], parsed["List-Unsubscribe-Post"]) == (f"<{url}>", "List-Unsubscribe=One-Click")
    assert sorted(parsed.keys()) == sorted([*HEADERS, "List-Unsubscribe", "List-Unsubscribe-Post"])


def test_a_way_out_too_long_for_a_line_is_left_to_the_mail() -> None:
    assert parse(build(replace(mail(), unsubscribe="https://post.example/" + "t" * 1_000)))["List-Unsubscribe"] is None


@pytest.mark.parametrize(
    "url", ["https://a.example/>\r\nBcc: <b@example.com", "https://a.example/a b", "mailto:a@example.com", "https://ä.example/"]
)
def test_nothing_else_gets_in_with_the_way_out(url: str) -> None:
    with pytest.raises(ValueError, match="List-Unsubscribe"):
        build(replace(mail(), unsubscribe=url))
