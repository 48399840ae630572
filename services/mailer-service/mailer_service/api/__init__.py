"""The mailer over HTTP: a person's inbox, what became of messages, a PDF of logs, resend, lost replies, and the templates."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from mailer_service.api import events, inbox, mail, templates, trying, unknown
from mailer_service.customer.templates import Templates
from mailer_service.live import Live
from mailer_service.pdf import Pdfs
from postroom.db import Pool
from postroom.problems import Problem, answer


def router(pool: Pool, shown: Templates, pdfs: Pdfs, live: Live) -> APIRouter:
    """All routes; `pool` is the API's, under row-level security."""
    routes = APIRouter()
    # Before the inbox, whose messages could be called "events" too.
    routes.include_router(events.router(live))
    routes.include_router(inbox.router(pool, shown))
    routes.include_router(mail.router(pool, shown, pdfs))
    routes.include_router(unknown.router(pool, shown))
    routes.include_router(templates.router(pool, shown))
    routes.include_router(trying.router(pool, shown))
    return routes


async def busy(_: Request, error: Exception) -> JSONResponse:
    """The answer to a person who waits for what a worker makes, where none can be started."""
    return answer(Problem(503, "busy", f"This can't be made now: {error}. Try again shortly."))
