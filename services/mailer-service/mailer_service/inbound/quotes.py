"""What a person wrote in a reply, without what the mail quotes and without the signature. In doubt nothing is cut."""

import re

from mailparser_reply import EmailMessage
from mailparser_reply.constants import MAIL_LANGUAGES

# Longer texts are cut by nobody's pattern in a time worth waiting for.
MAX_CUT = 100_000
MAX_SIGNATURE = 15
_QUOTE = ">"
_DELIMITERS = {"--", "-- "}
# The line above a quotation in a language that the library does not know: who wrote when, with an address, and a colon.
_ATTRIBUTION = re.compile(r"(?=.*\d)(?=.*[^\s@]@[^\s@]).{1,300}:")


class _Mail(EmailMessage):  # type: ignore[misc] # the library has no types
    """The library's patterns of "On … wrote:" in eleven languages. Its signatures ("Thanks,…", "- …") would cut what people wrote."""

    def _get_language_regex(self, language: str, regex_key: str) -> str:
        # Polish has one line such as "Data: …" for a whole quoted header; the other languages want two.
        return str(super()._get_language_regex(language, regex_key)).replace("){1,}(", "){2,}(")

    def _process_signatures_disclaimers(self, text: str) -> tuple[list[str], str]:
        return [], ""


def own_words(text: str) -> str:
    """The reply above the quoted mail; below or between the quotes where it was written there. All of the text if nothing else is left."""
    head = _head(text)
    below = text[len(head) :]
    answers = _answers(below)
    if head.strip():
        kept = text if answers else head
    # Written below what it quotes: one block, after the last quoted line.
    elif len(answers) == 1:
        kept = answers[0]
    else:
        kept = text
    return _unsigned(_unquoted_end(kept)).strip() or text.strip()


def _head(text: str) -> str:
    """What stands above the first "On … wrote:", or the quoted mail's From, Sent, To."""
    first = _Mail(text=text, languages=sorted(MAIL_LANGUAGES)).read().replies[0]
    if first.headers:
        return ""
    # The library has stripped each line: the same number of lines of the text as it came.
    words = first.content.strip().split("\n")
    lines = text.split("\n")
    start = next((place for place, line in enumerate(lines) if line.strip()), 0)
    return "\n".join(lines[: start + len(words)])


def _answers(below: str) -> list[str]:
    """The blocks of words of one's own after quoted lines. A quoted mail without `>` can't be told from answers, and counts as quoted."""
    blocks: list[list[str]] = []
    seen = own = False
    for line in _unsigned(below).split("\n"):
        if line.lstrip().startswith(_QUOTE):
            seen, own = True, False
        elif seen and (own or line.strip()):
            if not own:
                blocks.append([])
            own = True
            blocks[-1].append(line)
    return ["\n".join(block) for block in blocks]


def _unquoted_end(text: str) -> str:
    """Without the quoted lines that it ends with, and the line that says whose they are."""
    lines = text.rstrip().split("\n")
    quoted = lines[-1].lstrip().startswith(_QUOTE)
    while lines and (not lines[-1].strip() or lines[-1].lstrip().startswith(_QUOTE)):
        lines.pop()
    for count in (1, 2) if quoted else ():
        if _ATTRIBUTION.fullmatch(" ".join(lines[-count:]).strip()):
            return "\n".join(lines[:-count])
    return "\n".join(lines)


def _unsigned(text: str) -> str:
    """Without the signature below the delimiter `-- ` (RFC 3676), if it is as short as one."""
    lines = text.rstrip().split("\n")
    for place in range(max(0, len(lines) - MAX_SIGNATURE - 1), len(lines)):
        if lines[place] in _DELIMITERS:
            return "\n".join(lines[:place])
    return text
