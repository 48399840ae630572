"""A file that is handed out keeps its name, whatever letters it has, and can't become a page or a header of ours."""

from email.message import Message
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.http import attachment


@pytest.mark.parametrize(
    ("filename", "header"),
    [
        ("plan.pdf", 'attachment; filename="plan.pdf"'),
        ("Lieferschein Ä.pdf", "attachment; filename=\"Lieferschein A.pdf\"; filename*=UTF-8''Lieferschein%20%C3%84.pdf"),
        ("Τιμή.pdf", "attachment; filename=\"pdf\"; filename*=UTF-8''%CE%A4%CE%B9%CE%BC%CE%AE.pdf"),
        ('a"b%41.txt', "attachment; filename=\"a_b_41.txt\"; filename*=UTF-8''a%22b%2541.txt"),
        ("../../etc/passwd", 'attachment; filename="_.._etc_passwd"'),
        ("a\r\nSet-Cookie: x", 'attachment; filename="a__Set-Cookie: x"'),
        ("..", 'attachment; filename="document"'),
    ],
)
def test_the_name_is_given_in_a_form_that_every_browser_reads(filename: str, header: str) -> None:
    assert attachment(filename, "application/pdf")["content-disposition"] == header


@given(st.text(max_size=300), st.text(max_size=50))
def test_no_name_or_type_gets_out_of_its_header(filename: str, media_type: str) -> None:
    headers = attachment(filename, media_type)
    assert headers["x-content-type-options"] == "nosniff"
    for value in headers.values():
        assert value.isascii()
        assert value.isprintable()
    message = Message()
    message["Content-Disposition"] = headers["content-disposition"]
    assert message.get_content_disposition() == "attachment"
    name = unquote(headers["content-disposition"].rpartition("''")[2]) if "''" in headers["content-disposition"] else None
    assert name is None or (name and not set(name) & set("/\\\r\n\0"))


@pytest.mark.parametrize("media_type", ["text/html; charset=utf-8", "text/html\r\nX: y", "", "x", "message"])
def test_a_type_that_is_none_is_no_type(media_type: str) -> None:
    assert attachment("a", media_type)["content-type"] == "application/octet-stream"
