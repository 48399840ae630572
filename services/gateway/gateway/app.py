"""The composition root: settings → pools to the services → app."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.exceptions import HTTPException

from gateway import api, audit, proxy, unsubscribe
from gateway.issuer import Issuer
from gateway.openapi import Merged
from gateway.settings import Settings
from gateway.upstream import connect
from gateway.web import routes, routing
from gateway.web.sessions import Sessions
from postroom import logs, running
from postroom.http import create_app


def build(settings: Settings) -> FastAPI:
    """The door, not yet open."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        secret = settings.issuer_secret.get_secret_value()
        app.state.issuer = Issuer(settings.issuer_private.read_bytes() if secret else b"", secret)
        app.state.mailbox_url = settings.mailbox_url
        app.state.settings = settings
        app.state.sessions = Sessions(settings)
        async with connect(settings) as upstream:
            app.state.upstream = upstream
            app.state.when_closing.append(upstream.closing.set)
            app.state.merged = Merged(upstream)
            yield
        await app.state.sessions.close()

    app = create_app(settings, "Postroom", lifespan, [api.router, audit.router, proxy.router()])
    # FastAPI serves its own document at /openapi.json; the merged one takes its place.
    app.router.routes[:] = [route for route in app.router.routes if getattr(route, "path", "") != "/openapi.json"]
    app.include_router(api.page_router)
    app.include_router(unsubscribe.router)
    routes.add_to(app.router)
    app.add_exception_handler(HTTPException, routing.or_page(app.exception_handlers[HTTPException]))
    return app


if __name__ == "__main__":
    settings = Settings()
    logs.configure(settings.service, as_json=settings.log_json)
    running.serve(build(settings), settings)
