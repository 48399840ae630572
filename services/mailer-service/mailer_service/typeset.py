"""How xhtml2pdf breaks pages, for the worker alone: a heading stays with the first lines of its text, and not with all of it."""

from typing import Any

from reportlab.platypus.doctemplate import BaseDocTemplate
from reportlab.platypus.flowables import KeepTogether

LINES_KEPT = 3


class KeepHead(KeepTogether):  # type: ignore[misc] # reportlab carries no types
    """What `-pdf-keep-with-next` makes of a heading and its text: reportlab's own moves a whole page of text to keep it in one piece."""

    def split(self, width: float, height: float) -> list[Any]:
        """The heading and its text, after a page break where not even the first lines fit."""
        if getattr(self, "_wrapInfo", None) != (width, height):
            self.wrap(width, height)
        *heads, text = self._content
        leading = getattr(getattr(text, "style", None), "leading", 0)
        needed = sum(head.wrap(width, height)[1] + head.getSpaceBefore() for head in heads) + LINES_KEPT * leading
        at_top = getattr(getattr(self, "_frame", None), "_atTop", False)
        return [self.FrameBreak(), *self._content] if needed > height and not at_top else self._content[:]


def install() -> None:
    """Let documents keep headings so; xhtml2pdf has no option for it."""
    BaseDocTemplate._initArgs["keepTogetherClass"] = KeepHead  # noqa: SLF001 - the only way in
