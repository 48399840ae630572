"""The composition root: settings → rules → pools → intake, consumer, relay and sweeper → app."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from notification_rules.api import explaining
from notification_rules.domain import rulebook
from notification_rules.handlers.batch import Handlers
from notification_rules.handlers.sweeper import Sweeper
from notification_rules.settings import Settings
from notification_rules.store.decisions import figures
from postroom import broker, db, logs, operations, running
from postroom.contracts import emitters, topics
from postroom.contracts.reading import Reader
from postroom.http import create_app
from postroom.intake import Intake
from postroom.relay import Relay


def build(settings: Settings) -> FastAPI:
    """The service, not yet started. Raises RuleError, naming rule and field, when rules.yaml can't be used."""
    rules = rulebook.parse(settings.rules_text)
    handlers = Handlers(rules, {"unknown": settings.undecided_seconds, "nobody": settings.unroutable_seconds})

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await db.migrate(settings, "notification_rules")
        registered = emitters.load(settings.emitters)
        declared = topics.declared(registered.values())
        async with await db.open_pool(settings, "worker") as worker, await db.open_pool(settings, "api") as reading:
            decode = Reader(declared, registered)
            intake = Intake(service=settings.service, pool=worker, decode=decode, handle=handlers.handle, first=("directory",))
            consumer = broker.Consumer(settings, topics.consumed_by(settings.service, declared), intake, worker)
            relay = Relay(worker, topics.written_by(settings.service), partial(broker.new_producer, settings.kafka))
            sweeper = Sweeper(worker, handlers, settings.sweep_seconds)
            app.include_router(explaining.router(reading, rules))
            app.include_router(operations.router(settings, worker, intake, consumer, figures))
            async with running.background(relay.run, consumer.run, sweeper.run):
                yield

    return create_app(settings, "notification-rules", lifespan, [])


if __name__ == "__main__":
    settings = Settings()
    logs.configure(settings.service, as_json=settings.log_json)
    running.serve(build(settings), settings)
