"""From bytes to elements, without trusting them: no DTD, no entities, no network, bounded depth and size."""

from hashlib import sha256
from xml.parsers import expat

from lxml import etree

from postroom.contracts.errors import Refused

MAX_BYTES = 10 * 1024 * 1024
_ENVELOPE = "{http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader}StandardBusinessDocument"


class _PrologEnds(Exception):  # noqa: N818 - a signal, no error
    """The first element has come: there is no DOCTYPE."""


def root_of(raw: bytes) -> etree._Element:
    """The document's root (of what an SBDH envelope carries, where there is one), or Refused."""
    if len(raw) > MAX_BYTES:
        raise Refused("too_large", f"{len(raw)} bytes; a document may have {MAX_BYTES}")
    _refuse_doctype(raw)
    # libxml2 itself stops at 256 levels and 10 MB of text, unless huge_tree is set.
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(raw, parser)
    except etree.XMLSyntaxError as error:
        if "Text node too long" in str(error.msg):
            # libxml2 names a switch that we don't offer.
            text = "a text of more than 10,000,000 characters, such as an attachment of 7.5 MB; add that to the order by itself"
            raise Refused("too_large", text, f"line {error.lineno}") from error
        raise Refused("unreadable", f"not well-formed XML: {error.msg}", f"line {error.lineno}") from error
    except (ValueError, LookupError) as error:
        raise Refused("unreadable", f"not readable XML: {error}") from error
    if root.tag == _ENVELOPE and len(root):
        return root[-1]
    return root


def canonical_hash(root: etree._Element) -> str:
    """sha256 of the canonical XML (exclusive, so that an envelope or an unused prefix makes no other document of it)."""
    try:
        canonical = etree.tostring(root, method="c14n", exclusive=True, with_comments=False, with_tail=False)
    except etree.C14NError as error:
        # A relative namespace URI, say: well-formed, but without a canonical form.
        raise Refused("invalid", f"the document has no canonical form (XML C14N): {error}", f"/{etree.QName(root).localname}") from error
    return sha256(canonical).hexdigest()


def _refuse_doctype(raw: bytes) -> None:
    """Expat looks at the prolog alone; it stops before any entity is declared."""
    scan = expat.ParserCreate()

    def doctype(*_: object) -> None:
        raise Refused("invalid", "a document type declaration (DOCTYPE) is not accepted", "/!DOCTYPE")

    def element(*_: object) -> None:
        raise _PrologEnds

    scan.StartDoctypeDeclHandler = doctype
    scan.StartElementHandler = element
    try:
        scan.Parse(raw, True)  # noqa: FBT003 - expat takes it by position
    except _PrologEnds:
        return
    except expat.ExpatError as error:
        raise Refused("unreadable", f"not well-formed XML: {expat.ErrorString(error.code)}", f"line {error.lineno}") from error
    except (ValueError, LookupError) as error:
        raise Refused("unreadable", f"not readable XML: {error}") from error
