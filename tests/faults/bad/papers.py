"""Documents that nobody should send, from a seed: real ones of Peppol (where they are on this machine) and our samples, mutated."""

import html
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from hashlib import sha256
from itertools import count
from pathlib import Path
from random import Random

from lxml import etree
from tests.faults.bad.records import EITHER, PARKED, Bad

from embedded.paths import ROOT
from postroom.contracts import examples

TOPIC, OWNER = "ubl.peppol", "peppol"
CBC = "{urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2}"
CAC = "{urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2}"
_ENVELOPE = "{http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader}StandardBusinessDocument"
_FOLDERS = (ROOT / "tests" / "samples", *(parent / "shared" / "data" / "peppol" for parent in Path(__file__).parents))
ORDERS = 40
MB = 1024 * 1024

VALUES = (
    *(
        "",
        " ",
        "0",
        "-0",
        "-1",
        "1",
        "NaN",
        "INF",
        "1e400",
        "1E2",
        "1,5",
        "1_0",
        "٣",
        "0x1",
        "+1",
        ".5",
        "5.",
        "9" * 18,
        "9" * 19,
        "9" * 400,
    ),
    *("0." + "1" * 12, "0." + "1" * 13, "true", "null", "x" * 200, "x" * 201, "x" * 4_001, "é" * 300, "😀" * 1_000, "x" * 100_000),
    *(
        "2026-02-30",
        "0001-01-01",
        "9999-12-31",
        "10000-01-01",
        "2026-11-23Z",
        "2026-11-23+14:00",
        "2026-11-23T09:00:00",
        "20261123",
        "-2026-11-23",
    ),
    *(
        "a\nBcc: eve@evil.example",
        "=?UTF-8?Q?=0A?=",
        "{{ 7 * 7 }}",
        "<b>",
        "'; DROP TABLE parked; --",
        "../../etc/passwd",
        "\u202e",
        "\u2028",
    ),
    *("a@b", "@", "a@b.example, c@d.example", '"a b"@c.example', "EUR", "XXX", "5", "7", "AP", "RE", "C62", "0088:4000000000011"),
)
_UTF_8 = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
DOCTYPES = (
    "<!DOCTYPE Order>",
    '<!DOCTYPE Order [<!ENTITY x "y">]>',
    f'<!DOCTYPE Order [<!ENTITY l0 "ha">{_LAUGHS}]>',
    '<!DOCTYPE Order [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    '<!DOCTYPE Order [<!ENTITY x SYSTEM "http://127.0.0.1:9/x">]>',
    '<!DOCTYPE Order SYSTEM "http://127.0.0.1:9/x.dtd">',
    '<!DOCTYPE Order PUBLIC "-//X//Y//EN" "file:///dev/zero">',
    '<!DOCTYPE Order [<!ENTITY % p SYSTEM "file:///etc/passwd">%p;]>',
    '<!DOCTYPE Order [<!ATTLIST Order a CDATA "b">]>',
    "<!doctype html>",
)


def sources() -> list[bytes]:
    """Real ones first, then ours."""
    found = [path.read_bytes() for folder in _FOLDERS if folder.is_dir() for path in sorted(folder.glob("*.xml"))]
    return [*found, *(one.value for one in examples.of_type("UBL"))]


class Papers:
    """Draws documents; each is about an order of a few, so that many find what they refer to."""

    def __init__(self, seed: int, run: str) -> None:
        self.random = Random(f"{seed} papers")  # noqa: S311 - a seed is the point
        self._trees = [etree.fromstring(raw) for raw in sources()]
        self._numbers = count()
        self._run = run

    def draw(self, number: int) -> Iterator[Bad]:
        """So many of them."""
        weights = [weight for weight, _ in KINDS]
        for _ in range(number):
            make = self.random.choices(KINDS, weights)[0][1]
            value, fate = make(self)
            key = f"{self._run}-{self.random.randrange(ORDERS)}".encode()
            yield Bad(TOPIC, key, (), value, make.__name__.lstrip("_"), fate)

    def tree(self) -> etree._Element:
        """A document as its sender meant it, about an order of ours or a new one."""
        root = deepcopy(self.random.choice(self._trees))
        about = f"{self._run}-{self.random.randrange(ORDERS)}"
        number = root.find(f"{CBC}ID")
        if number is not None:
            is_order = etree.QName(root).localname == "Order"
            number.text = about if is_order and self.random.random() < 0.3 else f"{self._run}-{next(self._numbers)}"
        for reference in root.iter(f"{CAC}OrderReference"):
            if (id_ := reference.find(f"{CBC}ID")) is not None:
                id_.text = about
        return root


def again(bad: Bad, run: str) -> Bad:
    """The same document as somebody else hands it in."""
    return replace(bad, value=(bad.value or b"").replace(run.encode(), f"{run}h".encode()))


def is_known(bad: Bad, known: set[str]) -> bool:
    """Whether it is one of these: by the sha256 of its exclusive canonical XML, computed once more here."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(bad.value or b"", parser)
        if root.tag == _ENVELOPE and len(root):
            root = root[-1]
        canonical = etree.tostring(root, method="c14n", exclusive=True, with_tail=False)
    except (etree.LxmlError, ValueError, LookupError):
        return False
    return sha256(canonical).hexdigest() in known


def _written(root: etree._Element) -> bytes:
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


def _elements(root: etree._Element) -> list[etree._Element]:
    return [one for one in root.iter() if isinstance(one.tag, str) and one.getparent() is not None]


# What it says


def _values(at: Papers) -> tuple[bytes, str]:
    """Other texts and attributes, in up to four places."""
    root = at.tree()
    for _ in range(at.random.choice((1, 1, 2, 4))):
        one = at.random.choice(_elements(root))
        value = at.random.choice(VALUES)
        if one.attrib and at.random.random() < 0.3:
            one.set(at.random.choice(list(one.attrib)), value)
        else:
            one.text = value
    return _written(root), EITHER


def _elements_gone(at: Papers) -> tuple[bytes, str]:
    root = at.tree()
    for _ in range(at.random.choice((1, 1, 2, 3))):
        one = at.random.choice(_elements(root))
        if (parent := one.getparent()) is not None:
            parent.remove(one)
        if not _elements(root):
            break
    return _written(root), EITHER


def _elements_more(at: Papers) -> tuple[bytes, str]:
    """Twice, moved, renamed, of another namespace, or empty."""
    root = at.tree()
    one, other = at.random.choices(_elements(root), k=2)
    match at.random.randrange(6):
        case 0:
            one.addnext(deepcopy(one))
        case 1:
            other.append(deepcopy(one))
        case 2:
            one.tag = at.random.choice((f"{CBC}ID", f"{CAC}OrderLine", "plain", "{urn:x}y", f"{CBC}IssueDate", "{urn:x}" + "n" * 1_000))
        case 3:
            one.tag = f"{{urn:other}}{etree.QName(one).localname}"
        case 4:
            for inner in list(one):
                one.remove(inner)
            one.text = None
        case _:
            for _ in range(at.random.choice((10, 200))):
                one.addnext(deepcopy(one))
    return _written(root)[: 2 * MB], EITHER


def _sizes(at: Papers) -> tuple[bytes, str]:
    """Huge texts, attributes and numbers of lines; up to what the topic takes, and beyond."""
    root = at.tree()
    one = at.random.choice(_elements(root))
    size = at.random.choice((10_000, 100_000, MB - 20_000))
    match at.random.randrange(4):
        case 0:
            one.text = "x" * size
        case 1:
            one.set("huge", "x" * size)
        case 2:
            for n in range(300):
                one.set(f"a{n}", str(n))
        case _:
            lines = [line for line in _elements(root) if etree.QName(line).localname.endswith("Line")]
            for n, line in enumerate([deepcopy(at.random.choice(lines or [one])) for _ in range(300)]):
                if (id_ := line.find(f".//{CBC}ID")) is not None:
                    id_.text = f"more-{n}"
                (lines or [one])[-1].addnext(line)
    return _written(root), EITHER


def _depth(at: Papers) -> tuple[bytes, str]:
    text = _written(at.tree()).decode()
    depth = at.random.choice((260, 1_000, 20_000))
    end = text.rindex("</")
    return (text[:end] + "<a>" * depth + "</a>" * depth + text[end:]).encode(), PARKED


def _foreign(at: Papers) -> tuple[bytes, str]:
    """Other kinds, other namespaces, other versions, other things altogether."""
    text = _written(at.tree()).decode()
    name = str(etree.QName(etree.fromstring(text.encode())).localname)
    kind = at.random.choice(("Invoice", "CreditNote", "Quotation", "Reminder"))
    other_kind = text.replace(f":{name}-2", f":{kind}-2").replace(f"<{name} ", f"<{kind} ").replace(f"</{name}>", f"</{kind}>")
    changed, fate = at.random.choice(
        (
            (other_kind, EITHER),
            (text.replace(f"xsd:{name}-2", f"xsd:{name}-3"), EITHER),
            (text.replace("urn:oasis:names:specification:ubl", "urn:other"), PARKED),
            (text.replace("CommonBasicComponents-2", "CommonBasicComponents-1"), PARKED),
            (re.sub(r' xmlns(:\w+)?="[^"]*"', "", text), PARKED),
            (text.replace("urn:oasis", "relative/uri", 1), PARKED),
            *(
                (other, PARKED)
                for other in ("<html><body>no</body></html>", '{"Order": {}}', "ISA*00*          *00*", "UNB+UNOA:1+x", "%PDF-1.7\n")
            ),
        )
    )
    return changed.encode(), fate


# What XML can do


def _doctype(at: Papers) -> tuple[bytes, str]:
    text = _written(at.tree()).decode().split("\n", 1)[1]
    entity = at.random.choice(("", "&x;", "&l9;", "&p;"))
    place = text.index(">", text.index("<", text.index(">"))) + 1
    return _UTF_8 + (at.random.choice(DOCTYPES) + text[:place] + entity + text[place:]).encode(), PARKED


def _odd_xml(at: Papers) -> tuple[bytes, str]:
    """Comments, instructions, CDATA, inclusions, references to characters that there are not."""
    text = _written(at.tree()).decode().split("\n", 1)[1]
    places = [match.end() for match in re.finditer("<cbc:ID[^>]*>", text)] or [text.index(">") + 1]
    odd, fate = at.random.choice(
        (
            ("<!-- a comment -->", EITHER),
            ('<?php echo "x"; ?>', EITHER),
            ("<![CDATA[<b>&]]>", EITHER),
            ('<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd" parse="text"/>', EITHER),
            ("&#0;", PARKED),
            ("&#xFFFF;", PARKED),
            ("&#xD800;", PARKED),
            ("&undefined;", PARKED),
            ("\x00", PARKED),
            ("\x01", PARKED),
            ("&lt;b&gt;&amp;", EITHER),
            (html.escape("</cbc:ID>"), EITHER),
            ('<a xmlns:q="urn:q" q:b="1" q:b="2"/>', PARKED),
            ("<unclosed>", PARKED),
        )
    )
    place = at.random.choice(places)
    return _UTF_8 + (text[:place] + odd + text[place:]).encode(), fate


def _enveloped(at: Papers) -> tuple[bytes, str]:
    """In a Standard Business Document, once, twice, or with nothing in it."""
    inner = _written(at.tree()).decode().split("\n", 1)[1]
    space = 'xmlns="http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader"'
    start, end = f"<StandardBusinessDocument {space}><StandardBusinessDocumentHeader/>", "</StandardBusinessDocument>"
    return at.random.choice(
        (f"{start}{inner}{end}", f"{start}{start}{inner}{end}{end}", f"{start}{end}", f"{start}{inner}{inner}{end}")
    ).encode(), EITHER


def _encodings(at: Papers) -> tuple[bytes, str]:
    """All that XML may be written in, and declarations that lie."""
    root = at.tree()
    at.random.choice(_elements(root)).text = "Straße Ünïcode 😀" if at.random.random() < 0.5 else "Straße"
    body = etree.tostring(root, encoding="unicode")
    declared = at.random.choice(
        ("UTF-8", "utf-16", "ISO-8859-1", "US-ASCII", "UTF-7", "windows-1252", "x-unknown", "EBCDIC-CP-US", "utf-32", "")
    )
    real = at.random.choice(("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "utf-7", "cp037"))
    declaration = f'<?xml version="1.0" encoding="{declared}"?>' if declared else at.random.choice(('<?xml version="1.1"?>', "", "\n "))
    return (declaration + body).encode(real, "xmlcharrefreplace"), EITHER


# What bytes there are


def _cut_off(at: Papers) -> tuple[bytes, str]:
    raw = _written(at.tree())
    return raw[: at.random.randrange(len(raw) - 1)], PARKED


def _flipped(at: Papers) -> tuple[bytes, str]:
    raw = bytearray(_written(at.tree()))
    for _ in range(at.random.choice((1, 2, 5, 20))):
        raw[at.random.randrange(len(raw))] = at.random.choice((0, 0xFF, 0xC3, 0x3C, 0x26, 0x22, at.random.randrange(256)))
    return bytes(raw), EITHER


def _noise(at: Papers) -> tuple[bytes, str]:
    raw = _written(at.tree())
    return at.random.choice((b"", b"<", b"\x00", at.random.randbytes(2_000), raw + raw, raw + b"<x/>", b"x" + raw, b"\xef\xbb\xbf")), PARKED


def _whole(at: Papers) -> tuple[bytes, str]:
    """Nothing is wrong with an order; what follows one may wait for it, or contradict another."""
    return _written(at.tree()), EITHER


KINDS: tuple[tuple[int, Callable[[Papers], tuple[bytes, str]]], ...] = (
    (24, _values),
    (8, _elements_gone),
    (8, _elements_more),
    (2, _sizes),
    (2, _depth),
    (5, _foreign),
    (6, _doctype),
    (6, _odd_xml),
    (3, _enveloped),
    (6, _encodings),
    (5, _cut_off),
    (6, _flipped),
    (3, _noise),
    (12, _whole),
)
