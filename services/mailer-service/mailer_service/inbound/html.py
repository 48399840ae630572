"""HTML mail as plain text: lines as a reader sees them, quoted ones behind `>`."""

from lxml import etree, html

_BLOCKS = {"p", "div", "tr", "li", "table", "ul", "ol", "blockquote", "pre", "hr", "h1", "h2", "h3", "h4", "h5", "h6"}
_SILENT = {"script", "style", "head", "title", "template"}
MAX_BYTES = 2 << 20


def text_of(source: str) -> str:
    """The words of the page. '' for one that is no HTML at all."""
    octets = source.encode("utf-8", "replace")[:MAX_BYTES]
    try:
        page = html.document_fromstring(octets, parser=html.HTMLParser(encoding="utf-8", no_network=True))
    except (etree.LxmlError, ValueError):
        return ""
    lines, silent, quoted = [""], 0, 0
    for event, element in etree.iterwalk(page, events=("start", "end", "comment", "pi")):
        tag = element.tag if isinstance(element.tag, str) else ""
        step = 1 if event == "start" else -1
        silent += step * (tag in _SILENT)
        if tag in _BLOCKS or (tag == "br" and event == "start"):
            lines.append(_quote(quoted))
        if tag == "blockquote":
            quoted += step
            lines.append(_quote(quoted))
        words = element.text if event == "start" else element.tail
        if words and not silent:
            _add(lines, words, tag == "pre", quoted)
    return "\n".join(line.rstrip() for line in lines)


def _quote(depth: int) -> str:
    return "> " if depth else ""


def _add(lines: list[str], words: str, kept: bool, quoted: int) -> None:  # noqa: FBT001 - one caller
    if kept:
        first, *others = words.split("\n")
        lines[-1] += first
        lines += [_quote(quoted) + other for other in others]
        return
    blank = " " if words[:1].isspace() and lines[-1] and not lines[-1].endswith(" ") else ""
    end = " " if words[-1:].isspace() and words.strip() else ""
    lines[-1] += blank + " ".join(words.split()) + end
