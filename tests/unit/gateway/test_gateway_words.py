"""Every word of the page is there in German, with the same gaps."""

import re
import time
from pathlib import Path

import pytest
import yaml

from gateway.web import page
from gateway.web.orders import TABS
from gateway.web.routing import _TITLES
from gateway.web.speech import _UNITS, Speech
from gateway.web.visit import typed
from postroom.problems import Problem

WEB = Path(page.__file__).parent
GERMAN: dict[str, str] = yaml.safe_load((WEB / "words" / "de.yaml").read_text())
_SAID = re.compile(r'(?<![\w.])_\("([^"]*)"')
_COUNTED = re.compile(r'speech\.count\([^"]*"([^"]*)", "([^"]*)"\)')


def said() -> set[str]:
    """All English that the templates and the code of the page say."""
    text = "\n".join(path.read_text() for path in sorted((WEB / "templates").iterdir()))
    counted = {words for pair in _COUNTED.findall(text) for words in pair}
    roles = {"administrator", "buyer", "catalog manager", "company administrator", "controller", "requester"}
    return {*roles, *_SAID.findall(text), *counted, *TABS.values(), *_TITLES.values(), "Something went wrong", *_UNITS.values()}


def test_everything_is_said_in_german_and_nothing_is_left_over() -> None:
    problems = {key for key in GERMAN if re.fullmatch(r"[a-z_]+ (\*|[a-z_]+)", key) and "_" in key + "_"}
    assert sorted(said() - set(GERMAN)) == []
    unused = set(GERMAN) - said() - {key for key in problems if key not in said()}
    assert sorted(unused) == []


@pytest.mark.parametrize("english", sorted(said()))
def test_the_gaps_are_the_same(english: str) -> None:
    assert sorted(re.findall(r"\{\w*\}", GERMAN[english])) == sorted(re.findall(r"\{\w*\}", english))


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("a@b.example, c@d.example;e@f.example", ["a@b.example", "c@d.example", "e@f.example"]),
        ("Anna Berger <a@b.example>, c@d.example\n", ["a@b.example", "c@d.example"]),
        ('"Berger, Anna" <a@b.example>', ['"Berger', "a@b.example"]),
        ("Anna <a@b.example> Bert <c@d.example>;x y<e@f.example>z", ["a@b.example", "c@d.example", "e@f.example", "z"]),
        ("a@b.example <", ["a@b.example", "<"]),
        ("Anna <Bert <c@d.example>", ["Anna", "<", "c@d.example"]),
        ("  ", []),
    ],
)
def test_addresses_are_taken_as_they_are_pasted(text: str, addresses: list[str]) -> None:
    """A quoted name with a comma is not understood, and named as what is wrong: nothing is sent to half of it."""
    assert typed(text) == addresses


@pytest.mark.parametrize("text", ["a" * 400_000, "a<" * 200_000, "<" * 400_000, "a <b> " * 60_000, ", " * 200_000])
def test_a_long_text_is_read_in_its_length(text: str) -> None:
    """All other requests wait meanwhile: a name was looked for from each letter on, for minutes."""
    began = time.perf_counter()
    typed(text)
    assert time.perf_counter() - began < 2


def test_a_problem_is_told_in_the_readers_language_with_what_it_quotes() -> None:
    problem = Problem(422, "invalid_address", "'nobody' is no e-mail address: it has no @. Nothing was sent.", "to.1")
    assert Speech("de", "UTC").problem(problem) == "„nobody“ ist keine E-Mail-Adresse. Es wurde nichts gesendet."
    assert Speech("en", "UTC").problem(problem) == problem.detail
    quoted = Problem(409, "document_deleted", """The document "O'Neil's list.pdf" was deleted from the order. Choose again.""", "documents")
    assert "„O'Neil's list.pdf“" in Speech("de", "UTC").problem(quoted)


@pytest.mark.parametrize(("code", "field"), [("too_many_recipients", "to"), ("invalid_address", "contacts.0"), ("database_away", None)])
def test_what_a_service_refuses_is_told_in_german(code: str, field: str | None) -> None:
    """Also what is seldom refused; and nothing is told in words that belong to another form."""
    english = "'x' was refused, and why."
    assert Speech("de", "UTC").problem(Problem(422, code, english, field)) != english
    too_large = Problem(413, "too_large", english, "documents")
    assert "Dokumente" in Speech("de", "UTC").problem(too_large)
    assert "Formular" not in Speech("de", "UTC").problem(too_large)


def test_moments_are_in_the_readers_zone_and_quantities_as_they_write_them() -> None:
    vienna, london = Speech("de", "Europe/Vienna"), Speech("en", "UTC")
    at = "2026-07-01T22:30:00+00:00"
    assert (vienna.moment(at), london.moment(at)) == ("02.07.2026, 00:30", "1 Jul 2026, 22:30")
    assert (vienna.money("5490.00", "EUR"), london.money("5490.00", "EUR")) == ("5.490,00 EUR", "5,490.00 EUR")
    assert (vienna.size(2_621_440), london.size(139)) == ("2,5 MB", "139 B")
    assert london.exactly(at) == "1 July 2026, 22:30:00 (UTC)"
