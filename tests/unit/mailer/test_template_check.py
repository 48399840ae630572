"""The check of templates: each fault is named with file, line and what there is instead; the house's own templates pass."""

import pytest
from tests.unit.mailer.told import TOLD

from mailer_service.checking.check import check
from mailer_service.checking.finding import Finding
from mailer_service.layered import LAYOUT
from mailer_service.render import TEMPLATES

EVENT = "BudgetExpired.v1"
GOOD = {
    "subject.txt": "Budget {{ facts.name }}: {{ facts.current_value|money(facts.currency) }} left",
    "body.txt": "Until {{ facts.period_end|day }}.",
    "body.html": '<p>Until <strong class="bad">{{ facts.period_end|day }}</strong>.</p>',
    "de/subject.txt": "Budget {{ facts.name }}: noch {{ facts.current_value|money(facts.currency) }}",
    "de/body.txt": "Bis {{ facts.period_end|day }}.",
    "de/body.html": "<p>Bis {{ facts.period_end|day }}.</p>",
}


def found(event: str | None = EVENT, **changes: str | None) -> list[Finding]:
    """The findings in good files with these changes; `body_html` is body.html, `de_body_html` de/body.html, None takes one away."""
    files = dict(GOOD)
    for name, text in changes.items():
        file = name.replace("de_", "de/", 1).replace("_txt", ".txt").replace("_html", ".html")
        files.pop(file, None)
        if text is not None:
            files[file] = text
    return check("budget-warning", files, {}, event)


def test_good_files_have_nothing_to_mend() -> None:
    assert found() == []
    assert found(event=None) == []


@pytest.mark.parametrize("message_type", sorted(TOLD))
def test_the_houses_own_templates_pass_so_that_a_customer_can_start_from_them(message_type: str) -> None:
    folder = TEMPLATES / message_type
    files = {str(path.relative_to(folder)): path.read_text("utf-8") for path in folder.rglob("*.*")}
    assert check(message_type, files, {}, TOLD[message_type]) == []


@pytest.mark.parametrize(
    ("changes", "file", "line", "words"),
    [
        ({"body_txt": None}, "body.txt", 0, "It is missing"),
        ({"de_body_html": None}, "de/body.html", 0, "It is missing"),
        ({"subjekt_txt": "x"}, "subjekt.txt", 0, "Did you mean subject.txt?"),
        ({"body_txt": "a\n{% if facts.name %}\nb"}, "body.txt", 3, "Unexpected end of template"),
        ({"body_txt": "a\n{{ facts.name"}, "body.txt", 2, "end of"),
        ({"body_txt": "a\n\n{% iff x %}"}, "body.txt", 3, "unknown tag 'iff'"),
        ({"body_txt": "a\n{{ fact.name }}"}, "body.txt", 2, "'fact' is not known here. Write facts.fact, if it is a field of the event."),
        ({"body_txt": "\n\n{{ facts.nmae }}"}, "body.txt", 3, "facts.nmae: there is no 'nmae' in BudgetExpired. Did you mean name?"),
        ({"body_txt": "{% if false %}\n{{ facts['nmae'] }}\n{% endif %}x"}, "body.txt", 2, "there is no 'nmae'"),
        ({"de_body_html": "<p>\n{{ facts.name|mony }}</p>"}, "de/body.html", 2, "There is no filter 'mony'. Did you mean money?"),
        ({"body_txt": "{% if facts.name is emty %}{% endif %}x"}, "body.txt", 1, "There is no test 'emty'"),
        ({"body_html": "<p>{{ facts.name|safe }}</p>"}, "body.html", 1, "must be escaped"),
        ({"body_html": "{% autoescape false %}{{ facts.name }}{% endautoescape %}"}, "body.html", 1, "must be escaped"),
        ({"body_html": "<a href={{ facts.name }}>x</a>"}, "body.html", 1, "Put quotes around"),
        ({"body_html": "<p>x</p>\n<script>x</script>"}, "body.html", 2, "<script> has no place in a mail"),
        ({"body_html": '{% include "budget-warning/body.txt" %}'}, "body.html", 1, "is not escaped"),
        ({"body_html": '{% include "goods-receipt/body.html" %}'}, "body.html", 1, "belongs to another"),
        ({"body_html": "{% include facts.name %}"}, "body.html", 1, "can't be chosen by a value"),
        ({"body_html": '{% include "budget-warning/_parts.html" %}'}, "body.html", 1, "There is no file 'budget-warning/_parts.html'"),
        ({"body_html": '<p>x</p>\n<p {% if facts.name %}class="a"{% endif %}>x</p>'}, "body.html", 2, "where HTML allows nothing"),
        ({"body_html": "<p>x</p><tr><td>{{ facts.name }}</td></tr>"}, "body.html", 0, "A <tr> stands outside of its table"),
        ({"subject_txt": "{{ facts.name }}\n{{ facts.kind }}"}, "subject.txt", 0, "The subject has 2 lines (example"),
        ({"subject_txt": "{% if facts.manager %}x{% endif %}"}, "subject.txt", 0, "It says nothing (example minimal, en)"),
        ({"subject_txt": "{{ facts.name * 300 }}"}, "subject.txt", 0, "is the most"),
        ({"body_txt": "a\n{{ facts.manager }}"}, "body.txt", 2, "this can be empty: put {% if … %} around it"),
        ({"body_txt": "{{ facts.manager|day }}"}, "body.txt", 1, "this can be empty: put {% if … %} around it"),
        ({"body_txt": "a\n{{ facts.name|money(facts.currency) }}"}, "body.txt", 2, "ValueError: not a number"),
        ({"body_txt": "{{ message.nmae }}"}, "body.txt", 1, "there is no 'nmae' here. Did you mean name?"),
        ({"body_txt": "{{ [1].append(2) }}"}, "body.txt", 1, "SecurityError"),
        ({"body_txt": "{{ 1 / 0 }}"}, "body.txt", 1, "ZeroDivisionError"),
        ({"body_txt": "{{ ''.__class__.__mro__ }}"}, "body.txt", 1, "unsafe"),
    ],
)
def test_a_fault_is_named_with_file_line_and_the_way_out(changes: dict[str, str | None], file: str, line: int, words: str) -> None:
    findings = found(**changes)
    assert [one for one in findings if (one.file, one.line) == (file, line) and words in one.problem], findings


def test_a_field_is_looked_up_through_lists_and_parts_of_the_contract() -> None:
    body = (
        "{% for line in facts.lines|sort(attribute='line') %}{{ line.itm }}{{ line.item }}{% endfor %}"
        "{{ facts.order.nmber }}{{ facts.lines[0].unti }}"
    )
    files = dict.fromkeys(GOOD, "x") | {"body.txt": body}
    problems = [one.problem.partition(":")[0] for one in check("t", files, {}, "GoodsReceived.v1")]
    assert problems == ["facts.lines[…].unti", "facts.order.nmber", "line.itm"]


def test_what_is_only_in_some_examples_must_be_guarded() -> None:
    assert found(body_txt="x{% if facts.manager %} {{ facts.manager }}{% endif %}") == []
    [problem] = found(body_txt="x {{ facts.manager }}")
    assert "example minimal" in problem.problem


def test_without_the_event_the_contract_is_not_known_and_the_rest_is_checked() -> None:
    assert found(event=None, body_txt="{{ facts.nmae }}") == []
    assert found(event=None, body_txt="{{ facts.name|mony }}")


@pytest.mark.parametrize("message_type", ["Budget", "a b", "../x", "_x", "", "a/b"])
def test_a_type_has_a_plain_name(message_type: str) -> None:
    [finding] = check(message_type, GOOD, {}, EVENT)
    assert "is no message type" in finding.problem


@pytest.mark.parametrize("name", ["../x/subject.txt", "/etc/passwd", "de/../subject.txt", "xx/y/subject.txt", "a.html", ".hidden"])
def test_files_stay_in_their_folder(name: str) -> None:
    assert [one.file for one in check("t", {**GOOD, name: "x"}, {}, EVENT)] == [name]


def test_a_file_to_include_begins_with_an_underscore() -> None:
    assert found(body_html='{% include "budget-warning/_part.html" %}', _part_html="<p>{{ facts.name }}</p>") == []


def test_a_layout_is_tried_with_a_mail() -> None:
    assert check(LAYOUT, {"mail.txt": "{{ content }}\n-- \n{{ message.reason }}"}, {"mail.txt": "{{ content }}"}, None) == []
    files = {"mail.txt": "{{ contents }}"}
    [finding] = check(LAYOUT, files, files, None)
    assert (finding.file, finding.line) == ("mail.txt", 1)
    assert "Did you mean content?" in finding.problem
