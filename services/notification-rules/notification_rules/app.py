"""The composition root: settings → rules → pools → intake, consumer, relay, sweeper and reloader → app."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI

from notification_rules import remote
from notification_rules.api import explaining, preferences, rules, unsubscribing
from notification_rules.handlers.batch import Handlers
from notification_rules.handlers.reloader import Reloader
from notification_rules.handlers.sweeper import Sweeper
from notification_rules.library import Library
from notification_rules.settings import Settings
from notification_rules.store.decisions import figures
from notification_rules.store.preferences import unsubscribe_key
from postroom import broker, db, logs, operations, running
from postroom.contracts import emitters, topics
from postroom.contracts.reading import Reader
from postroom.db import Connection
from postroom.http import create_app
from postroom.intake import Intake
from postroom.relay import Relay


def build(settings: Settings) -> FastAPI:
    """The service, not yet started. Raises RuleError, naming rule and field, when rules.yaml can't be used."""
    library = Library(settings.rules_text, settings.custom and settings.custom / "rules")
    waits = {"unknown": settings.undecided_seconds, "nobody": settings.unroutable_seconds}

    async def told(connection: Connection) -> dict[str, Any]:
        return {**await figures(connection), "faulty_rules": list(library.faults.values())}

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await db.migrate(settings, "notification_rules")
        registered = emitters.load(settings.emitters)
        declared = topics.declared(registered.values())
        async with (
            await db.open_pool(settings, "worker") as worker,
            await db.open_pool(settings, "api") as reading,
            remote.client(settings.mailer_url) as mailer,
        ):
            reloader = Reloader(worker, library, settings.reload_seconds)
            await reloader.begin()
            async with worker.acquire() as connection:
                key = await unsubscribe_key(connection)
            handlers = Handlers(library, waits, key)
            decode = Reader(declared, registered)
            intake = Intake(service=settings.service, pool=worker, decode=decode, handle=handlers.handle, first=("directory",))
            consumer = broker.Consumer(settings, topics.consumed_by(settings.service, declared), intake, worker)
            relay = Relay(worker, topics.written_by(settings.service), partial(broker.new_producer, settings.kafka))
            sweeper = Sweeper(worker, handlers, settings.sweep_seconds)
            app.include_router(explaining.router(reading))
            app.include_router(rules.router(reading, library, registered, remote.Mailer(mailer)))
            app.include_router(preferences.router(reading, library))
            app.include_router(unsubscribing.router(reading, library, key))
            app.state.health = consumer.health
            app.include_router(operations.router(settings, worker, intake, consumer, told))
            async with running.background(relay.run, consumer.run, sweeper.run, reloader.run):
                yield

    return create_app(settings, "notification-rules", lifespan, [])


if __name__ == "__main__":
    settings = Settings()
    logs.configure(settings.service, as_json=settings.log_json)
    running.serve(build(settings), settings)
