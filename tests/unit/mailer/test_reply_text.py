"""What a person wrote, as mail programs send it: quoted mail and signature are cut, and in doubt nothing is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer_service.inbound import headers, html, quotes, reading

QUOTED = "> Two desks are late.\n> The rest is on its way.\n"
CUT = {
    "Gmail": "Thursday is fine.\n\nOn Fri, Nov 27, 2026 at 9:15 AM Frida Lund <postroom@postroom.example>\nwrote:\n\n" + QUOTED,
    "Outlook": "Thursday is fine.\n\nFrom: Postroom <p@x.example>\nSent: Friday, November 27, 2026 9:15 AM\nTo: Anna\nSubject: x\n\nTwo",
    "Outlook with a line": "Thursday is fine.\n\n________________________________\nFrom: Postroom\nSent: Friday\nTo: Anna\n\nTwo",
    "Outlook, German": "Thursday is fine.\n\nVon: Postroom\nGesendet: Freitag, 27. November 2026\nAn: Anna\nBetreff: Bestellung\n\nZwei",
    "Thunderbird, German": "Thursday is fine.\n\nAm 27.11.26 um 09:15 schrieb Postroom:\n" + QUOTED,
    "Apple": "Thursday is fine.\n\n> On 27 Nov 2026, at 09:15, Postroom <p@x.example> wrote:\n> \n" + QUOTED,
    "Gmail, French": "Thursday is fine.\n\nLe ven. 27 nov. 2026 à 09:15, Postroom <p@x.example> a écrit :\n\n" + QUOTED,
    "Gmail, Dutch": "Thursday is fine.\n\nOp vr 27 nov 2026 om 09:15 schreef Postroom <p@x.example>:\n\n" + QUOTED,
    "Gmail, Greek": "Thursday is fine.\n\nΣτις Παρ 27 Νοε 2026, ο χρήστης Postroom <p@x.example>\nέγραψε:\n\n" + QUOTED,
    "Polish": "Thursday is fine.\n\nDnia 27 listopada 2026 Postroom <p@x.example> napisał(a):\n" + QUOTED,
    "below the quote": "On 27 Nov 2026, at 09:15, Postroom <p@x.example> wrote:\n" + QUOTED + "\nThursday is fine.\n-- \nAnna Berger\n",
    "signed": "Thursday is fine.\n\n-- \nAnna Berger\nStadtwerke Linz\n\nAm 27.11.26 um 09:15 schrieb Postroom:\n" + QUOTED,
    "quoted without a word": "Thursday is fine.\n\n" + QUOTED,
}
KEPT = {
    "a list": "We need:\n- 3 desks\n- 2 chairs",
    "thanks first": "Hello,\nThanks, but one leg is broken:\nplease send another.",
    "Data: is no Polish header": "Tak.\nData: dzisiaj",
    "answers between the quotes": f"See below.\n\nOn 27 Nov 2026, at 09:15, P <p@x.example> wrote:\n\n{QUOTED}Thursday.\n> More?\nNo.",
    "nothing but a quote": "> Two desks are late.",
    "a rule is no signature": "One\n--\n" + "\n".join(f"line {number}" for number in range(40)),
}


@pytest.mark.parametrize("name", CUT)
def test_what_is_quoted_is_cut(name: str) -> None:
    assert quotes.own_words(CUT[name]) == "Thursday is fine."


@pytest.mark.parametrize("name", KEPT)
def test_what_a_person_wrote_is_kept(name: str) -> None:
    assert quotes.own_words(KEPT[name]) == KEPT[name].strip()


@given(st.text(alphabet="ab >:-\n@<1O", max_size=300))
def test_something_is_always_left(text: str) -> None:
    assert bool(quotes.own_words(text)) == bool(text.strip())


def test_html_is_read_as_it_is_seen() -> None:
    page = "<style>p{}</style><p>Dear&nbsp;Frida,<br>it <b>fits</b>.</p>"
    page += "<ul><li>one<li>two</ul><pre>a\n b</pre><blockquote>Old<p>words</blockquote>"
    lines = [line for line in html.text_of(page).split("\n") if line.strip("> ")]
    assert lines == ["Dear Frida,", "it fits.", "one", "two", "a", " b", "> Old", "> words"]
    assert html.text_of("") == html.text_of("<!-- -->") == ""


@given(st.binary(max_size=400))
def test_any_bytes_can_be_read(raw: bytes) -> None:
    found, files, _ = reading.read(b"From: a@b.example\r\n" + raw, "a@b.example")
    assert found.message_id
    assert not any(character in found.text + found.subject + found.from_name for character in "\x00\ud800")
    assert all(file.filename for file in files)
    found.text.encode()


@given(st.text(max_size=100), st.sampled_from(["utf-8", "latin-1", "hex", "\x00", "no-such", "idna"]))
def test_any_charset_gives_text(text: str, charset: str) -> None:
    assert isinstance(headers.charset_text(text.encode("utf-8", "surrogatepass"), charset), str)


def test_names_are_decoded_after_addresses_are_read() -> None:
    """A display name that looks like another address changes nothing."""
    word = "=?utf-8?q?boss=40x=2Eexample=2C?="
    assert headers.sender([f"{word} <anna@x.example>"]) == ("anna@x.example", "boss@x.example,", "")
    assert headers.sender(["a@x.example", "b@x.example"])[2] == "it names 2 senders"
    assert headers.sender(["A@x.example", "a@X.example"])[2] == ""
    assert headers.sender([]) == ("", "", "it names no sender")
