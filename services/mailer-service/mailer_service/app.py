"""The mailer's composition root: settings → pools → intake, sender → app."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from mailer_service import api, handlers
from mailer_service.capping import Releaser
from mailer_service.compose import Composer
from mailer_service.confined import NoWorkerError
from mailer_service.customer.templates import Templates
from mailer_service.customer.watch import Watch
from mailer_service.inbound.keeping import Keeper
from mailer_service.inbound.listener import Listener
from mailer_service.inbound.reader import MailReader
from mailer_service.links import Links
from mailer_service.live import Live
from mailer_service.pdf import Pdfs
from mailer_service.render import TEMPLATES, Renderer
from mailer_service.restored import Restored
from mailer_service.sender.process import Sender
from mailer_service.settings import Settings
from mailer_service.store import reading, received
from mailer_service.tasks import Digester
from postroom import broker, db, logs, operations, running
from postroom.blobs import Blobs
from postroom.contracts import emitters, topics
from postroom.contracts.reading import Reader
from postroom.http import create_app
from postroom.intake import Intake
from postroom.relay import Relay


def build(settings: Settings) -> FastAPI:
    """The service's app; its lifespan runs the consumer, the relay of the outbox and the sender."""
    register = emitters.load(settings.emitters)
    declared = topics.declared(register.values())
    renderer = Renderer(TEMPLATES)
    pdfs = Pdfs(seconds=settings.pdf_seconds, memory=settings.pdf_memory)
    templates = Templates(renderer, settings.custom, cpu=settings.template_cpu_seconds, memory=settings.template_memory)
    blobs, replies = Blobs(settings.blobs), settings.reply_addresses
    composer = Composer(templates, blobs, pdfs, settings.mail_from, Links(settings.public_url, settings.page_url), replies)
    mails = MailReader()

    async def figures(connection: db.Connection) -> dict[str, Any]:
        faulty = [f"{message_type}: {problem}" for message_type, problem in sorted(templates.problems.items())]
        return {**await reading.figures(connection), "replies": await received.count(connection), "faulty_templates": faulty}

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await db.migrate(settings, "mailer_service")
        pool, api_pool = await db.open_pool(settings, "worker"), await db.open_pool(settings, "api")
        intake = Intake(service=settings.service, pool=pool, decode=Reader(declared, register), handle=handlers.tell)
        consumer = broker.Consumer(settings, topics.consumed_by(settings.service, declared), intake, pool)
        relay = Relay(pool, topics.written_by(settings.service), lambda: broker.new_producer(settings.kafka))
        sender = Sender(pool, settings, composer)
        live, restored = Live(pool, templates), Restored(pool, settings)
        app.state.when_closing.append(live.close)
        await templates.refresh(now=True)
        app.include_router(api.router(api_pool, templates, pdfs, live))
        app.state.health = consumer.health
        app.include_router(operations.router(settings, pool, intake, consumer, figures, restored))
        works = [relay.run, consumer.run, sender.run, Digester(pool, templates).run, live.run, restored.run, Watch(pool, templates).run]
        works.append(Releaser(pool, settings.caps).run)
        if replies and settings.inbound_port:
            works.append(Listener(replies, Keeper(pool, blobs, mails), settings.host, settings.inbound_port).run)
        async with running.background(*works):
            yield
        await mails.close()
        await templates.close()
        await pdfs.close()
        await api_pool.close()
        await pool.close()

    app = create_app(settings, "mailer-service", lifespan, [])
    app.add_exception_handler(NoWorkerError, api.busy)
    return app


if __name__ == "__main__":
    settings = Settings()
    logs.configure(settings.service, as_json=settings.log_json)
    running.serve(build(settings), settings)
