"""The mailer over HTTP: a person's inbox, what became of messages, a PDF of logs, an operator's resend, and the templates."""

from fastapi import APIRouter

from mailer_service.api import inbox, mail, templates, trying
from mailer_service.customer.templates import Templates
from mailer_service.pdf import Pdfs
from postroom.db import Pool


def router(pool: Pool, shown: Templates, pdfs: Pdfs) -> APIRouter:
    """All routes; `pool` is the API's, under row-level security."""
    routes = APIRouter()
    routes.include_router(inbox.router(pool, shown))
    routes.include_router(mail.router(pool, shown, pdfs))
    routes.include_router(templates.router(pool, shown))
    routes.include_router(trying.router(pool, shown))
    return routes
