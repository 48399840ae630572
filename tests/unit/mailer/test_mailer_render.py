"""Templates: safe, complete, in the recipient's terms."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from jinja2 import UndefinedError
from jinja2.exceptions import SecurityError
from tests.integration.mailer.wishes import WRONG_DELIVERY
from tests.unit.mailer.told import FACTS_OF, message

from mailer_service.render import TEMPLATES, MissingTemplateError, Renderer
from mailer_service.stylesheet import inlined

ORDER = WRONG_DELIVERY["order"]
FACTS = {**FACTS_OF, "wrong-delivery": WRONG_DELIVERY}


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(TEMPLATES)


@pytest.mark.parametrize("message_type", sorted(FACTS))
def test_every_type_says_what_why_and_where(renderer: Renderer, message_type: str) -> None:
    mail = renderer.mail(message(message_type, FACTS[message_type]))
    assert mail.subject
    assert "\n" not in mail.subject
    for part in (mail.text, mail.html):
        assert "you ordered these goods." in part
        assert "Reference for questions: m-1" in part
    assert "{{" not in mail.html + mail.text
    assert "prefers-color-scheme: dark" in mail.html
    assert 'class="content" style="' in mail.html


@pytest.mark.parametrize("message_type", sorted(FACTS))
def test_html_escapes_what_people_wrote(renderer: Renderer, message_type: str) -> None:
    evil = "<script>alert('x')</script>{{ 7 * 7 }}"

    def poisoned(value: Any) -> Any:
        match value:
            case dict():
                return {key: poisoned(one) for key, one in value.items()}
            case list():
                return [poisoned(one) for one in value]
            case str() if value and not value[0].isdigit() and value not in {"EUR", "date"}:
                return evil
            case _:
                return value

    mail = renderer.mail(message(message_type, poisoned(deepcopy(FACTS[message_type])), name=evil, reason=evil))
    assert "<script>" not in mail.html
    assert "&lt;script&gt;" in mail.html
    assert "49" not in mail.html.replace("490", "")


@pytest.mark.parametrize(
    ("line", "subject"),
    [
        ({}, "Wrong delivery: 8 of 10 pcs of Copy paper A4 80 g on order 4711"),
        ({"previously_delivered": "1.5"}, "Wrong delivery: 8 of 8.5 pcs of Copy paper A4 80 g on order 4711"),
        ({"delivered_unit": "BX"}, "Wrong delivery: 8 boxes of 10 pcs of Copy paper A4 80 g on order 4711"),
        ({"item": ""}, "Wrong delivery: 8 of 10 pcs of line 1 on order 4711"),
        ({"delivered": "1234.50"}, "Wrong delivery: 1,234.5 of 10 pcs of Copy paper A4 80 g on order 4711"),
    ],
)
def test_the_subject_of_a_wrong_delivery(renderer: Renderer, line: dict[str, str], subject: str) -> None:
    facts = {**WRONG_DELIVERY, "lines": [{**WRONG_DELIVERY["lines"][0], **line}]}
    assert renderer.mail(message("wrong-delivery", facts)).subject == subject


@pytest.mark.parametrize(("lines", "left_out"), [(40, ""), (41, "and 1 more line"), (500, "and 460 more lines")])
@pytest.mark.parametrize("message_type", ["wrong-delivery", "goods-receipt"])
def test_a_long_table_is_cut_and_counted(renderer: Renderer, message_type: str, lines: int, left_out: str) -> None:
    facts = {
        **FACTS[message_type],
        "lines": [{**FACTS[message_type]["lines"][0], "line": str(n), "item": "Büroklammer"} for n in range(lines)],
    }
    mail = renderer.mail(message(message_type, facts))
    for part in (mail.text, mail.html):
        assert part.count("Büroklammer") <= 41, "40 lines, and the subject where there is one line only"
        assert ("more line" in part) == bool(left_out)
        assert left_out in part
        assert len(part) < 100_000


def test_a_fact_that_is_missing_is_an_error(renderer: Renderer) -> None:
    with pytest.raises(UndefinedError, match="lines"):
        renderer.mail(message("wrong-delivery", {"order": ORDER}))


def test_a_type_without_a_folder_is_named(renderer: Renderer) -> None:
    for message_type in ("nothing-like-it", "_layout", "../secrets"):
        with pytest.raises(MissingTemplateError, match=r"subject\.txt"):
            renderer.mail(message(message_type, {"a": 1}))


def test_a_language_has_its_own_files_and_its_own_numbers(tmp_path: Path) -> None:
    for name, text in {
        "_layout/style.css": "",
        "_layout/mail.txt": "{{ content }}",
        "_layout/mail.html": "{{ content }}",
        "t/subject.txt": "Left {{ facts.n|quantity }} on {{ facts.d|day }}",
        "t/de/subject.txt": "Noch {{ facts.n|quantity }} am {{ facts.d|day }}",
        "t/body.txt": "b",
        "t/body.html": "b",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    renderer = Renderer(tmp_path)
    facts = {"n": "1234.5", "d": "2026-12-07"}
    assert renderer.mail(message("t", facts)).subject == "Left 1,234.5 on 7 December 2026"
    assert renderer.mail(message("t", facts, language="de-AT")).subject == "Noch 1.234,5 am 7. Dezember 2026"
    assert renderer.mail(message("t", facts, language="de")).subject == "Noch 1.234,5 am 7. Dezember 2026"


@pytest.mark.parametrize("attack", ["{{ ''.__class__.__mro__ }}", "{{ facts.update({'a': 1}) }}", "{{ facts.n.__init__.__globals__ }}"])
def test_templates_run_in_a_sandbox(tmp_path: Path, attack: str) -> None:
    (tmp_path / "_layout").mkdir()
    (tmp_path / "_layout" / "style.css").write_text("")
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "subject.txt").write_text(attack)
    with pytest.raises(SecurityError):
        Renderer(tmp_path).brief(message("t", {"n": "1"}))


def test_inlining_keeps_the_templates_statements_in_place() -> None:
    source = '<table><tr><th>A</th></tr>{% for a in b %}<tr><td class="c" align="{{ x }}">{{ a }}</td></tr>{% endfor %}</table>'
    assert inlined(source, ".c { color: red }") == (
        "<table><tbody><tr><th>A</th></tr>{% for a in b %}"
        '<tr><td class="c" align="{{ x }}" style="color: red;">{{ a }}</td></tr>{% endfor %}</tbody></table>'
    )
