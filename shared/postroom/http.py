"""The HTTP side that all services share: one app factory, and the headers of a file that is handed out."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from urllib.parse import quote

from fastapi import APIRouter, FastAPI

from postroom import problems
from postroom.lingering import Lingering
from postroom.problems import Problem
from postroom.settings import ServiceSettings

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,60}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,80}")
_NOT_IN_A_NAME = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff/\\]")
_ATTR_CHARS = "!#$&+-.^_`|~"
MAX_NAME = 200
__all__ = ["Lifespan", "Problem", "attachment", "create_app"]


def create_app(settings: ServiceSettings, title: str, lifespan: Lifespan, routers: Sequence[APIRouter]) -> FastAPI:
    """An app with /health, problem+json errors and the issuer's public key for tokens."""
    app = FastAPI(title=title, version="1", lifespan=lifespan, docs_url=None, redoc_url=None, separate_input_output_schemas=False)
    app.state.issuer_public = settings.issuer_public.read_bytes()
    # Called when the server is told to stop: what would never end by itself, such as a stream of events, ends then.
    app.state.when_closing = []
    # What a part of the service adds to its health.
    app.state.health = dict
    problems.install(app)
    app.add_middleware(Lingering)

    @app.get("/health", include_in_schema=False)
    async def health() -> dict[str, str]:
        return {"service": settings.service, "status": "up", **app.state.health()}

    for router in routers:
        app.include_router(router)
    return app


def attachment(filename: str, media_type: str) -> dict[str, str]:
    """The headers of a file that a browser saves and never shows as a page of ours, whatever its type or name says.

    A name beyond ASCII comes in both forms: an old reader takes the first, any other the second. Source: RFC 6266, 8187.
    """
    name = _NOT_IN_A_NAME.sub("_", filename)[:MAX_NAME].strip(" .") or "document"
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r'["%]', "_", ascii_name).strip(" .") or "document"
    extended = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe=_ATTR_CHARS)}"
    return {
        "content-type": media_type if _MEDIA_TYPE.fullmatch(media_type) else "application/octet-stream",
        "content-disposition": f'attachment; filename="{plain}"{extended}',
        "x-content-type-options": "nosniff",
    }
