"""The composition root: settings → pools → consumer and relay → app."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from commlog_service import handlers, receiving
from commlog_service.api import correspondences, explain, history, reviews
from commlog_service.api import logs as log_routes
from commlog_service.heads import HeadsFile
from commlog_service.remote import MailerService, PoService, client
from commlog_service.settings import Settings
from commlog_service.store.outcomes import figures
from commlog_service.wiring import Wiring
from postroom import broker, db, logs, operations, running
from postroom.blobs import Blobs
from postroom.contracts import emitters, topics
from postroom.contracts.event import Event
from postroom.contracts.reading import Reader
from postroom.http import create_app
from postroom.intake import Intake
from postroom.relay import Relay


def build(settings: Settings) -> FastAPI:
    """The service, not yet started."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await db.migrate(settings, "commlog_service")
        registered = emitters.load(settings.emitters)
        declared = topics.declared(registered.values())
        reader = Reader(declared, registered)
        async with (
            await db.open_pool(settings, "worker") as worker,
            await db.open_pool(settings, "api") as api,
            client(settings.po_url) as po,
            client(settings.mailer_url) as mailer,
        ):
            blobs = Blobs(settings.blobs)

            async def handle(connection: db.Connection, events: Sequence[Event]) -> None:
                await handlers.record_outcomes(connection, events)
                await receiving.record_mails(blobs, connection, events)

            intake = Intake(service=settings.service, pool=worker, decode=reader, handle=handle)
            consumer = broker.Consumer(settings, topics.consumed_by(settings.service, declared), intake, worker)
            relay = Relay(worker, topics.written_by(settings.service), partial(broker.new_producer, settings.kafka))
            app.state.wiring = Wiring(worker, api, PoService(po), MailerService(mailer), blobs)
            app.state.health = consumer.health
            app.include_router(operations.router(settings, worker, intake, consumer, figures))
            async with running.background(relay.run, consumer.run, HeadsFile(worker, settings.heads).run):
                yield

    routers = [log_routes.router, correspondences.router, reviews.router, explain.router, history.router]
    return create_app(settings, "commlog-service", lifespan, routers)


if __name__ == "__main__":
    settings = Settings()
    logs.configure(settings.service, as_json=settings.log_json)
    running.serve(build(settings), settings)
