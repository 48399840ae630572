"""A log's text goes to the PDF in short paragraphs, whole."""

import re

from hypothesis import given
from hypothesis import strategies as st

from mailer_service.domain.pieces import CHARACTERS, LINES, pieces
from mailer_service.formats import FILTERS


def test_a_writers_paragraphs_and_lines_stay() -> None:
    assert list(pieces("a\nb\n\nc\n")) == [(True, ["a", "b"]), (True, ["c"])]


def test_a_long_list_goes_on_without_a_gap() -> None:
    found = list(pieces("\n".join(map(str, range(45)))))
    assert [(first, len(lines)) for first, lines in found] == [(True, LINES), (False, LINES), (False, 5)]


def test_a_long_line_is_cut_where_a_sentence_ends_or_between_words() -> None:
    sentences = list(pieces("One sentence of this text. And more words " * 60))
    assert [lines[0][-5:] for _, lines in sentences[:-1]] == ["ext. "] * (len(sentences) - 1)
    words = list(pieces("word " * 1_000))
    assert all(lines[0].endswith("word ") for _, lines in words)


@given(st.text(alphabet=st.sampled_from("ab .\n\u4e2d\u00e9"), max_size=8_000))
def test_nothing_is_lost_and_no_piece_is_long(text: str) -> None:
    found = list(pieces(text))
    assert re.sub(r"\s", "", "".join(line for _, lines in found for line in lines)) == re.sub(r"\s", "", text)
    assert all(len(lines) <= LINES and sum(map(len, lines)) <= CHARACTERS for _, lines in found)


def test_indents_and_columns_stay_and_text_is_text() -> None:
    shown = FILTERS["paragraphs"](None, "  a\n\tb\n1   2 <b>", "client")
    assert shown == '<p class="client">\u00a0\u00a0a<br>\u00a0\u00a0\u00a0\u00a0b<br>1\u00a0\u00a0 2 &lt;b&gt;</p>'
