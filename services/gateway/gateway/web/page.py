"""Pages and parts of pages: Jinja with everything escaped, the reader's words, and headers that let nothing foreign in."""

from collections.abc import Mapping
from hashlib import sha256
from importlib.metadata import distribution
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gateway.web.speech import LANGUAGES, Speech, spoken
from gateway.web.visit import Visit

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    # Not no-referrer: browsers would then hide from us, too, that a form is our own.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    # A page is one person's. `no-cache` lets a step back show it at once, with what was typed.
    "cache-control": "private, no-cache",
}
_FOR_EVER = {"cache-control": "public, max-age=31536000, immutable", "x-content-type-options": "nosniff"}
_MEDIA_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
SEE_OTHER = 303


def _static() -> dict[str, bytes]:
    """Our own files, and htmx out of the wheel that brings it (nothing of that package is imported)."""
    ours = {path.name: path.read_bytes() for path in (files(__package__) / "static").iterdir() if path.is_file()}
    htmx = Path(str(distribution("django-htmx").locate_file("django_htmx/static/django_htmx/htmx-2.min.js")))
    return {**ours, "htmx.js": htmx.read_bytes()}


_STATIC = _static()
# A new release has new addresses, so that no browser mixes an old script with a new page.
VERSION = sha256(b"".join(content for _, content in sorted(_STATIC.items()))).hexdigest()[:12]

_environment = Environment(
    loader=PackageLoader("gateway.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, auto_reload=False
)
_environment.filters["say"] = lambda words, say: say(words)
_environment.globals.update(languages=LANGUAGES, version=VERSION)


def static(name: str) -> Response:
    """One of the page's own files."""
    if name not in _STATIC:
        return Response(status_code=404)
    return Response(_STATIC[name], media_type=_MEDIA_TYPES[name.rpartition(".")[2]], headers=_FOR_EVER)


def show(visit: Visit, template: str, /, *, status: int = 200, headers: Mapping[str, str] | None = None, **shown: Any) -> HTMLResponse:
    """A page, or a part of one, for somebody who is signed in."""
    html = _rendered(visit.request, template, visit.speech, visit=visit, session=visit.session, **shown)
    return HTMLResponse(html, status, headers={**HEADERS, **(headers or {})})


def show_stranger(
    request: Request, template: str, /, *, status: int = 200, headers: Mapping[str, str] | None = None, **shown: Any
) -> HTMLResponse:
    """A page, or a part of one, for somebody who isn't signed in, in their browser's language."""
    speech = Speech(spoken(None, request.headers.get("accept-language", "")), "UTC")
    html = _rendered(request, template, speech, visit=None, session=None, **shown)
    return HTMLResponse(html, status, headers={**HEADERS, **(headers or {})})


def nothing_new() -> Response:
    """The part of the page that asked stays as it is."""
    return Response(status_code=204, headers=HEADERS)


def go(request: Request, to: str) -> Response:
    """Go on there: by the browser itself, also where htmx has asked."""
    if request.headers.get("hx-request") == "true":
        return Response(status_code=204, headers={**HEADERS, "hx-redirect": to})
    return RedirectResponse(to, SEE_OTHER, headers=HEADERS)


def whence(request: Request) -> str:
    """The address, without its host, of the page that the person looks at: its forms and its parts have addresses of their own."""
    url = request.headers.get("hx-current-url") or ("" if request.method == "GET" else request.headers.get("referer") or "/")
    if not url:
        return request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return "/" + url.partition("://")[2].partition("/")[2] if "://" in url else url


def _rendered(request: Request, template: str, speech: Speech, **shown: Any) -> str:
    here = whence(request)
    path = request.url.path if request.method == "GET" else here.partition("?")[0]
    given = {"_": speech.say, "speech": speech, "lang": speech.language, "path": path, "here": here}
    return _environment.get_template(template).render(given | shown)
