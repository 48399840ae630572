"""The HTTP side that all services share: one app factory."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from fastapi import APIRouter, FastAPI

from postroom import problems
from postroom.problems import Problem
from postroom.settings import ServiceSettings

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
__all__ = ["Lifespan", "Problem", "create_app"]


def create_app(settings: ServiceSettings, title: str, lifespan: Lifespan, routers: Sequence[APIRouter]) -> FastAPI:
    """An app with /health, problem+json errors and the issuer's public key for tokens."""
    app = FastAPI(title=title, version="1", lifespan=lifespan, docs_url=None, redoc_url=None, separate_input_output_schemas=False)
    app.state.issuer_public = settings.issuer_public.read_bytes()
    # Called when the server is told to stop: what would never end by itself, such as a stream of events, ends then.
    app.state.when_closing = []
    problems.install(app)

    @app.get("/health", include_in_schema=False)
    async def health() -> dict[str, str]:
        return {"service": settings.service, "status": "up"}

    for router in routers:
        app.include_router(router)
    return app
