"""The pages for people: the list with its search, and one mail in tabs; no script runs from a mail."""

import re
from html import escape
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from embedded.mailbox.letter import Letter
from embedded.mailbox.letters import Letters

_HERE = Path(__file__).parent
_PER_PAGE = 50
_PAGE_POLICY = "; ".join(
    [
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("style", "script", "img", "connect", "frame")),
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
# A mail's HTML: its own styles and pictures, no script, no form, no request to anywhere.
_MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; "
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'"
)
_DOCTYPE = re.compile(r"\s*<!doctype[^>]*>", re.IGNORECASE)
_TABS = ("html", "text", "headers", "attachments", "raw")


class Pages:
    """The HTML pages over the letters."""

    def __init__(self, letters: Letters) -> None:
        self._letters = letters
        self._pages = Environment(loader=FileSystemLoader(_HERE / "pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
        self._pages.filters["size"] = _size

    def routes(self) -> list[Route | Mount]:
        """Give the paths for a browser."""
        return [
            Route("/", self.list),
            Route("/mail/{id}", self.mail),
            Route("/mail/{id}/body", self.body),
            Mount("/static", StaticFiles(directory=_HERE / "static")),
        ]

    async def list(self, request: Request) -> Response:
        query = request.query_params.get("query", "").strip()
        given = request.query_params.get("page", "1")
        number = max(1, int(given)) if given.isdecimal() else 1
        start = (number - 1) * _PER_PAGE
        found = await self._letters.found(query) if query else None
        page = self._letters.page(start, _PER_PAGE) if found is None else found[start : start + _PER_PAGE]
        total = len(self._letters.store.mails)
        count = total if found is None else len(found)
        last = max(1, -(-count // _PER_PAGE))
        return self._page("list.html", query=query, letters=page, number=number, last=last, count=count, total=total)

    async def mail(self, request: Request) -> Response:
        letter = self._wanted(request)
        if letter.envelope.id not in self._letters.store.read:
            await self._letters.store.mark_read([letter.envelope.id])
        tabs = [tab for tab in _TABS if tab != "html" or letter.html]
        asked = request.query_params.get("tab", "")
        raw = self._letters.raw(letter).decode("utf-8", "replace") if asked == "raw" else ""
        return self._page("mail.html", letter=letter, tabs=tabs, tab=asked if asked in tabs else tabs[0], raw=raw)

    async def body(self, request: Request) -> Response:
        """Answer the mail's HTML for the frame, its inline pictures at their parts' addresses."""
        letter = self._wanted(request)
        pictures = {part.content_id: f"/api/v1/message/{letter.envelope.id}/part/{part.id}" for part in letter.inline}
        html = re.sub(r"\bcid:([^\"')\s>]+)", lambda match: escape(pictures.get(match[1], match[0])), letter.html)
        headers = {"Content-Security-Policy": _MAIL_POLICY, "Referrer-Policy": "no-referrer"}
        return HTMLResponse(_beside(html), headers=headers)

    def _page(self, name: str, **values: object) -> Response:
        html = self._pages.get_template(name).render(read=self._letters.store.read, **values)
        return HTMLResponse(html, headers={"Content-Security-Policy": _PAGE_POLICY, "Referrer-Policy": "no-referrer"})

    def _wanted(self, request: Request) -> Letter:
        letter = self._letters.get(request.path_params["id"])
        if letter is None:
            raise HTTPException(404, "There is no such mail: it was deleted, or the address is wrong.")
        return letter


def _beside(html: str) -> str:
    """The HTML with links that open beside the mailbox; the tag goes behind a doctype, without which browsers draw as in 1998."""
    doctype = _DOCTYPE.match(html)
    end = doctype.end() if doctype else 0
    return f'{html[:end]}<base target="_blank">{html[end:]}'


def _size(count: int) -> str:
    """Give a size as people read it."""
    units = [(1_000_000, "MB", 1), (1_000, "kB", 0), (1, "B", 0)]
    divisor, unit, digits = next((row for row in units if count >= row[0]), units[-1])
    return f"{count / divisor:.{digits}f} {unit}"
