"""`python -m embedded.mailbox`: take mail on one port, show it on another, until SIGTERM."""

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from embedded.mailbox.api import Api
from embedded.mailbox.letters import Letters
from embedded.mailbox.smtp import listen
from embedded.mailbox.store import Store
from embedded.mailbox.web import Pages

HOST = "127.0.0.1"


def build(folder: Path, smtp_port: int) -> Starlette:
    """Put store, SMTP, API and pages together."""
    store = Store(folder)
    letters = Letters(store)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        server = await listen(store, HOST, smtp_port)
        yield
        server.close()
        store.close()

    routes = [*Api(letters).routes(), *Pages(letters).routes()]
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers={HTTPException: _refuse})


async def _refuse(request: Request, refusal: Exception) -> Response:
    if not isinstance(refusal, HTTPException):
        raise refusal
    if request.url.path.startswith("/api/"):
        return JSONResponse({"Error": refusal.detail}, refusal.status_code)
    return PlainTextResponse(refusal.detail, refusal.status_code)


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m embedded.mailbox", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where the mails lie")
    parser.add_argument("--smtp-port", type=int, default=1025)
    parser.add_argument("--port", type=int, default=8025, help="of the pages and the API")
    given = parser.parse_args()
    app = build(given.folder, given.smtp_port)
    uvicorn.run(app, host=HOST, port=given.port, access_log=False, log_level="warning", loop="uvloop", timeout_graceful_shutdown=2)


if __name__ == "__main__":
    main()
