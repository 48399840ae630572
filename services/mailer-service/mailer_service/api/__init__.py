"""The mailer over HTTP: a person's inbox, what became of messages, a PDF of logs, resend, lost replies, and the templates."""

from fastapi import APIRouter

from mailer_service.api import events, inbox, mail, templates, trying, unknown
from mailer_service.customer.templates import Templates
from mailer_service.live import Live
from mailer_service.pdf import Pdfs
from postroom.db import Pool


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
