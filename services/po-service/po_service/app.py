"""po-service, wired top to bottom: settings → pools → intake → consumer, relay, schedule → routes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from po_service.api import (
    budgets,
    carbon_copies,
    catalogs,
    contracts,
    deliveries,
    directory,
    documents,
    explain,
    invoices,
    order_documents,
    order_generation,
    orders,
    quantity_requests,
    requisitions,
    structures,
    tasks,
    templates,
)
from po_service.api.shapes import Rooms
from po_service.domain.decoding import Decoder
from po_service.handlers import Handlers
from po_service.settings import Settings
from po_service.store import documents as documents_store
from po_service.tasks.schedule import Schedule
from postroom import broker, db, http, logs, operations, running
from postroom.blobs import Blobs
from postroom.contracts import emitters, topics
from postroom.db import Connection
from postroom.intake import Intake
from postroom.relay import Relay

ROUTERS = (
    documents,
    orders,
    order_documents,
    deliveries,
    directory,
    contracts,
    budgets,
    structures,
    templates,
    quantity_requests,
    carbon_copies,
    catalogs,
    invoices,
    requisitions,
    order_generation,
    tasks,
    explain,
)


async def figures(connection: Connection) -> dict[str, Any]:
    """What `status` counts here beside the shared figures."""
    return {"waiting": await documents_store.count_waiting(connection)}


def build(settings: Settings) -> FastAPI:
    """The whole service as one app."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await db.migrate(settings, "po_service")
        pool, api_pool = await db.open_pool(settings, "worker"), await db.open_pool(settings, "api")
        register = emitters.load(settings.emitters)
        declared = topics.declared(register.values())
        decode, blobs = Decoder(register), Blobs(settings.blobs)
        intake = Intake(service=settings.service, pool=pool, decode=decode, handle=Handlers(settings.service, blobs).take_in)
        consumer = broker.Consumer(settings, topics.consumed_by(settings.service, declared), intake, pool)
        relay = Relay(pool, topics.written_by(settings.service), lambda: broker.new_producer(settings.kafka))
        schedule = Schedule(pool, settings.task_seconds)
        rooms = Rooms(pool, api_pool, intake, decode, blobs)
        for module in ROUTERS:
            app.include_router(module.router(rooms))
        app.state.health = consumer.health
        app.include_router(operations.router(settings, pool, intake, consumer, figures))
        async with running.background(relay.run, consumer.run, schedule.run):
            yield
        await pool.close()
        await api_pool.close()

    return http.create_app(settings, settings.service, lifespan, [])


if __name__ == "__main__":
    settings = Settings()
    logs.configure(settings.service, as_json=settings.log_json)
    running.serve(build(settings), settings)
