"""Every type of message, in every language, from every golden example of its event: it reads well and nothing is left over."""

import re
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from tests.unit.mailer.told import CASES, ENTRY, FACTS_OF, LOG, facts_of, message

from mailer_service.formats import formats
from mailer_service.mime import Mail, build
from mailer_service.plain_text import COLUMNS
from mailer_service.render import TEMPLATES, Rendered, Renderer
from postroom.contracts import examples

LANGUAGES = ("en", "de", "de-AT")
BLOCK = re.compile(r"{%\+? block (\w+)")
# Words that English sentences and labels can't do without, and German ones don't have.
ENGLISH = re.compile(r"\b(the|is|are|your?|what|and|more|orders?|lines?|items?|delivery|hello|why|from|of|to|until|on)\b", re.IGNORECASE)
GERMAN = re.compile(r"\b(der|die|das|ist|und|Sie|Ihre|Bestellung|Artikel|Warum|von|bis|am|Position)\b")


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(TEMPLATES)


def shown(html: str) -> str:
    """The words of a page, without its head."""
    broken = re.sub(r"<(?:br|td|th|p|div|h1|li)\b", " <", html.partition("<body")[2])
    return " ".join(unescape(re.sub(r"<[^>]*>", "", f"<{broken}")).split())


def without_sentences(value: Any) -> Any:
    """What people wrote may be English in a German mail."""
    match value:
        case dict():
            return {key: without_sentences(one) for key, one in value.items()}
        case list():
            return [without_sentences(one) for one in value]
        case str() if " " in value or value in {"Delivery", "hello"}:
            return "Daten"
        case _:
            return value


def octets(mail: Rendered) -> bytes:
    return build(
        Mail("m@example.org", ("P", "p@example.org"), [("A", "a@example.org")], mail.subject, datetime.now(UTC), mail.text, mail.html)
    )


def test_every_template_folder_is_shown_here(renderer: Renderer) -> None:
    assert set(renderer.message_types) == FACTS_OF.keys()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("message_type", "facts"), [pytest.param(type_, facts, id=f"{type_}-{name}") for type_, name, facts in CASES])
def test_every_golden_example_reads_well(renderer: Renderer, message_type: str, facts: dict[str, Any], language: str) -> None:
    mail = renderer.mail(message(message_type, facts, language=language, reason="", hop="x"))
    words = shown(mail.html)
    assert 10 <= len(mail.subject) < 150
    assert not {"\n", "  "} & set(mail.subject)
    for part in (mail.subject, mail.text, words):
        assert not re.search(r"\bNone\b|\{\{|\{%|Undefined|\(\)|““|„“|\b(True|False)\b| [,.;:]", part), part
    assert max(map(len, mail.text.splitlines())) <= COLUMNS
    assert not re.search(r"\n{4,}|\n\n\n(?!--)", mail.text), mail.text
    assert max(map(len, octets(mail).split(b"\r\n"))) <= 998
    # What the text says, the page says too: all numbers and names.
    assert set(re.findall(r"\d[\d.,]*\d", mail.text)) <= set(re.findall(r"\d[\d.,]*\d", words))


@pytest.mark.parametrize("language", ["de", "de-AT"])
@pytest.mark.parametrize(("message_type", "facts"), [pytest.param(type_, facts, id=f"{type_}-{name}") for type_, name, facts in CASES])
def test_a_german_mail_is_german_throughout(renderer: Renderer, message_type: str, facts: dict[str, Any], language: str) -> None:
    asked = message(message_type, without_sentences(facts), language=language, reason="weil es Ihre Ware ist")
    mail = renderer.mail({**asked, "opens_url": "https://x/", "unsubscribe_url": "https://y/"})
    for part in (mail.subject, mail.text, shown(mail.html)):
        assert not ENGLISH.findall(part), part
    assert GERMAN.search(mail.text)
    assert f'<html lang="{language}">' in mail.html


@pytest.mark.parametrize("message_type", sorted(FACTS_OF))
@pytest.mark.parametrize("file", ["subject.txt", "body.txt", "body.html"])
def test_german_replaces_every_word_and_no_structure(message_type: str, file: str) -> None:
    """Each block of words has its German one; a table or a loop stands once, in the English file."""
    english, german = ((TEMPLATES / message_type / folder / file) for folder in (".", "de"))
    if file == "subject.txt" and not BLOCK.findall(english.read_text("utf-8")):
        assert message_type == "correspondence", "its subject is a person's own words"
        return
    assert sorted(BLOCK.findall(german.read_text("utf-8"))) == sorted(BLOCK.findall(english.read_text("utf-8")))
    assert not re.search(r"<(table|tr|td|div|h1|ul)|{% (for|set) ", german.read_text("utf-8"))


@pytest.mark.parametrize(
    ("message_type", "name", "language", "subject"),
    [
        ("due-template", "template", "en", "Template due: Monthly office supplies"),
        ("due-template", "quantity-request", "de", "Bedarfsabfrage fällig: Salt for the winter"),
        ("carbon-copy-registration", "blocked", "en", "New user by carbon copy: Nina New logged on for the first time (cc-workshop)"),
        ("control-structure-expired", "cost-code", "en", "Cost code 4400 (Workshop) expired on 22 November 2026"),
        ("control-structure-expired", "credit-card", "en", "Credit card ending in 4242 (Fleet card) expires on 30 November 2026"),
        ("control-structure-expired", "cost-code", "de", "Kostenstelle 4400 (Workshop) ist am 22. November 2026 abgelaufen"),
        ("goods-receipt", "minimal", "en", "Goods received: 1 pc of line 1 on order 4711"),
        ("goods-receipt", "manual", "de", "Wareneingang: 2 Stk. Cordless drill 18 V zu Bestellung 4711"),
        ("budget-expired", "user-budget", "en", "Budget expired: Tools 2026, Otto (€812.40 of €5,000.00 left)"),
        ("budget-expired", "user-budget", "de", "Budget abgelaufen: Tools 2026, Otto (noch 812,40 € von 5.000,00 €)"),
        ("budget-expired", "user-budget", "de-AT", "Budget abgelaufen: Tools 2026, Otto (noch € 812,40 von € 5.000,00)"),
        ("budget-expired", "cost-code-exhausted", "en", "Budget used up: Workshop consumables (overdrawn by €3.10)"),
        ("wrong-delivery", "correction-in-another-unit", "de", "Falschlieferung: 20 kg statt 20 l Cutting oil, Bestellung 4711"),
        ("quantity-request-reply", "second-revision", "en", "Olga Orderer changed the reply to the quantity request Salt for the winter"),
        ("invoice-check-failed", "minimal", "de", "Rechnung 1: Fehler bei der Rechnungsprüfung (REF)"),
        (
            "minimum-order-value-purchaser",
            "two-requesters",
            "en",
            "Minimum order value not reached: €104.50 of €250.00 for Nordwind Werkzeuge GmbH, order 4711",
        ),
        (
            "delivery-note-reminder-purchaser",
            "third",
            "en",
            "Third and last reminder: still no delivery note for Cordless drill 18 V on order 4711, due 20 November 2026",
        ),
        ("catalog-changed", "import", "en", "Catalog Tools 2027: 2 changes"),
        ("catalog-changed", "price-validity", "en", "Catalog Tools 2027: the price of Angle grinder is no longer valid"),
        ("catalog-changed", "price-validity", "de", "Katalog Tools 2027: Der Preis von Angle grinder gilt nicht mehr"),
    ],
)
def test_a_subject_says_what_happened_to_what(renderer: Renderer, message_type: str, name: str, language: str, subject: str) -> None:
    facts = next(facts for type_, case, facts in CASES if (type_, case) == (message_type, name))
    assert renderer.mail(message(message_type, facts, language=language)).subject == subject


def test_a_late_occurrence_says_since_when(renderer: Renderer) -> None:
    facts = {**FACTS_OF["due-template"], "occurrence": "2026-11-20"}
    mail = renderer.mail(message("due-template", facts))
    assert mail.subject.endswith("(since 20 November 2026)")
    assert "has been due since 20 November 2026" in " ".join(mail.text.split())
    german = renderer.mail(message("due-template", facts, language="de"))
    assert "seit dem 20. November 2026 fällig" in " ".join(german.text.split())


def test_the_third_reminder_speaks_more_plainly_than_the_second(renderer: Renderer) -> None:
    third = next(facts for type_, name, facts in CASES if (type_, name) == ("delivery-note-reminder-purchaser", "third"))
    texts = [renderer.mail(message("delivery-note-reminder-purchaser", {**third, "level": level})).text for level in (2, 3)]
    assert "last reminder" not in texts[0]
    assert "No further reminder follows." in " ".join(texts[1].split())
    assert all("(17 days ago)" in " ".join(text.split()) for text in texts)


def change(**changes: str) -> dict[str, Any]:
    return {"item": "D-18", "name": "Drill", "kind": "price", "old": "", "new": "", "currency": "EUR", "valid_until": None, **changes}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (change(old="129.00", new="139.00"), "€129.00 → €139.00 (+7.8%)"),
        (change(old="129.00", new=""), "€129.00 → no price"),
        (change(old="on request", new="139.5", currency=""), "on request → 139.5"),
        (change(kind="validity", old="2026-12-31", new="2027-01-01 – …"), "valid until: 31 Dec 2026 → 1 Jan 2027 – …"),
        (change(kind="validity", old="2026-02-31", new=""), "valid until: 2026-02-31 → open"),
        (change(kind="added", new="Drill"), "new"),
        (change(kind="removed", old="Drill"), "removed"),
        (change(kind="description", old="red", new="blue"), "red → blue"),
        (change(kind="expired", old="89.90", valid_until="2026-11-22"), "€89.90, valid until 22 Nov 2026"),
        (change(kind="colour", old="", new="blue"), "empty → blue"),
    ],
)
def test_each_change_of_a_catalog_reads_in_its_own_way(renderer: Renderer, changed: dict[str, Any], said: str) -> None:
    facts = {**FACTS_OF["catalog-changed"], "notify_on": [], "counts": {}, "changes": [changed]}
    assert f"- Drill (No. D-18): {said}\n" in renderer.mail(message("catalog-changed", facts)).text


def test_a_change_of_price_in_german(renderer: Renderer) -> None:
    facts = {**FACTS_OF["catalog-changed"], "notify_on": [], "counts": {}, "changes": [change(old="1200", new="900.5")]}
    said = "1.200,00 € → 900,50 € (-25 %)".replace(" €", "\xa0€").replace(" %", "\xa0%")
    assert said in renderer.mail(message("catalog-changed", facts, language="de")).text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_mass_import_of_50_000_lines_is_one_readable_mail(renderer: Renderer, language: str) -> None:
    """The event shows the first 200; what the managers want to hear of is counted, the rest is not."""
    changes = [change(item=f"D-{n}", name=f"Bolt M{n} ×", old="1.00", new="1.10") for n in range(200)]
    counts = {"price": 50_000, "added": 10_000, "description": 777}
    facts = {**FACTS_OF["catalog-changed"], "notify_on": ["price", "added"], "counts": counts, "changes": changes}
    mail = renderer.mail(message("catalog-changed", facts, language=language))
    many, more = ("60,000", "59,960") if language == "en" else ("60.000", "59.960")
    assert many in mail.subject
    for part in (mail.text, mail.html):
        assert part.count("Bolt") == 40
        assert f"{'and' if language == 'en' else 'und'} {more}" in part
        assert "777" not in part
    assert len(octets(mail)) < 100_000


@pytest.mark.parametrize(("language", "rest"), [("en", "and 197 more in your inbox"), ("de", "und 197 weitere in Ihrem Posteingang")])
def test_a_digest_of_many_messages_shows_the_first_and_counts_the_rest(renderer: Renderer, language: str, rest: str) -> None:
    """200 come with it, 37 more are only counted."""
    entries = [{**ENTRY, "subject": f"Message {n}", "text": "ein Text aus sechshundert Zeichen " * 17} for n in range(200)]
    mail = renderer.mail(message("digest", {"day": "2026-11-23", "entries": entries, "more": 37}, language=language))
    assert mail.subject.startswith("237 ")
    for part in (mail.text, mail.html):
        assert "Message 39" in part
        assert "Message 40" not in part
        assert rest in part
    assert len(octets(mail)) < 100_000


STRANGE = {
    "polish": "Zażółć gęślą jaźń",
    "greek": "Τρυπάνι μπαταρίας",
    "cyrillic": "Аккумуляторная дрель",
    "emoji": "Schraube 🔩👩‍🔧",
    "right to left": "מקדחה נטענת",
    "a very long word": "Donaudampfschifffahrt" * 60,
    "long text": "ein langer Text " * 200,
    "markup": "<b>&amp;</b>\x00\r\n\t=?UTF-8?Q?=0A?=",
}


@pytest.mark.parametrize("words", STRANGE.values(), ids=STRANGE)
@pytest.mark.parametrize("message_type", sorted(FACTS_OF))
def test_no_name_breaks_a_mail(renderer: Renderer, message_type: str, words: str) -> None:
    def renamed(value: Any) -> Any:
        match value:
            case dict():
                return {key: renamed(one) for key, one in value.items()}
            case list():
                return [renamed(one) for one in value]
            case str() if " " in value:
                return words
            case _:
                return value

    mail = renderer.mail(message(message_type, renamed(FACTS_OF[message_type]), name=words))
    sent = octets(mail)
    assert len(mail.subject) < 150
    assert max(map(len, sent.split(b"\r\n"))) <= 998
    assert max(map(len, mail.text.splitlines())) <= 998
    assert "�" not in mail.text + mail.html
    assert b"\nBcc" not in sent
    assert words[:20].split("\x00", maxsplit=1)[0] in mail.text


@pytest.mark.parametrize(
    ("language", "words"), [("en", ("Open it", "No more mails of this kind?")), ("de", ("Öffnen", "Keine solchen E-Mails mehr?"))]
)
def test_the_links_of_a_mail_stand_in_both_parts(renderer: Renderer, language: str, words: tuple[str, ...]) -> None:
    links = {"opens_url": "https://portal.example/orders/4711?a=1&b=2", "unsubscribe_url": "https://portal.example/unsubscribe/" + "t" * 80}
    asked = message("goods-receipt", language=language)
    mail, without = renderer.mail({**asked, **links}), renderer.mail(asked)
    assert all(link in mail.text.splitlines() for link in links.values()), "a link is never wrapped"
    assert 'href="https://portal.example/orders/4711?a=1&amp;b=2"' in mail.html
    for word in words:
        assert all(word in part for part in (mail.text, mail.html))
        assert not any(word in part for part in (without.text, without.html))
    assert "https:" not in without.text + without.html


def test_a_withdrawn_line_leaves_a_mail_that_reads_well(renderer: Renderer) -> None:
    """The mailer takes void lines out of the facts; the counts follow what is left."""
    first = facts_of(next(one for one in examples.of_type("DeliveryNoteOverdue.v1") if one.name == "first"))
    mail = renderer.mail(message("delivery-note-reminder-requester", {**first, "lines": first["lines"][1:]}))
    assert "for Drill bit set on order" in mail.subject
    assert "Cordless" not in mail.text


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ["Order", "Logs", "(supplier)", "page"]), ("de-AT", ["Bestellung", "Einträge", "(Lieferant)", "Seite"])],
)
def test_the_pdf_of_the_logs_speaks_the_language_of_its_mail(renderer: Renderer, language: str, words: list[str]) -> None:
    log = {**LOG, "author": {**LOG["author"], "side": "supplier"}}
    facts = {"subject": "", "buyer": "", "order": {"number": "4711", "supplier": ""}, "logs": [log]}
    page = renderer.page("_plain_pdf/logs.html", {"facts": facts}, language=language, zone="Europe/Vienna")
    for word in words:
        assert word in page


@pytest.mark.parametrize("language", ["fr", "fr-CH", "xx", ""])
def test_a_language_without_words_reads_english_in_words_and_numbers(renderer: Renderer, language: str) -> None:
    """Not a French date in an English sentence."""
    for message_type in FACTS_OF:
        assert renderer.mail(message(message_type, language=language)) == renderer.mail(message(message_type, language="en"))


@pytest.mark.parametrize(
    ("quantity", "unit", "english", "german"),
    [
        ("1", "BX", "1 box", "1 Schachtel"),
        ("1.0", "XBX", "1 box", "1 Schachtel"),
        ("0.5", "XBX", "0.5 boxes", "0,5 Schachteln"),
        ("2.5", "CT", "2.5 cartons", "2,5 Kartons"),
        ("1", "C62", "1 pc", "1 Stk."),
        ("12.50", "KGM", "12.5 kg", "12,5 kg"),
        ("3", "ZZ", "3 ZZ", "3 ZZ"),
        ("3", "", "3", "3"),
        ("1", "Rahmenvertragsmengeneinheit", "1 Rahmenvertrag…", "1 Rahmenvertrag…"),
    ],
)
def test_an_amount_names_its_unit_as_people_do(quantity: str, unit: str, english: str, german: str) -> None:
    assert [formats(language, "UTC").amount(quantity, unit) for language in ("en", "de")] == [english, german]


def test_the_largest_numbers_and_the_last_moment_are_written() -> None:
    """A contract allows them, so a mail must not be held for them."""
    there = formats("en", "Europe/Vienna")
    assert there.quantity("999999999999999999.999999999999") == "999,999,999,999,999,999.999999999999"
    assert there.money("-999999999999999999.999", "EUR") == "-€1,000,000,000,000,000,000.00"
    assert there.moment("9999-12-31T23:59:59Z") == "31 Dec 9999, 23:59 UTC"
