"""A record of raw XML → the document, its tenant, and what its writer may say."""

from collections.abc import Mapping

import orjson

from po_service.domain.received import incoming
from po_service.domain.ubl import reading
from postroom.contracts.emitters import Emitter
from postroom.contracts.errors import Refused
from postroom.contracts.event import Event
from postroom.contracts.record import Record

HTTP = "http:"


class Decoder:
    """Who wrote follows from the topic: ubl.<emitter> of the register, or http:<person> with what their token said."""

    def __init__(self, emitters: Mapping[str, Emitter]) -> None:
        self._emitters = emitters

    def __call__(self, record: Record) -> Event:
        """The event in this record, or Refused."""
        emitter, tenant, endpoints, sides = self._writer(record)
        if record.value is None:
            raise Refused("unreadable", "a record without a value (tombstone) is no document")
        sha256, document = reading.read(record.value)
        return incoming(document, emitter, sha256, tenant, record, endpoints=endpoints, sides=sides).event

    def tenant_of(self, record: Record) -> str | None:
        """Whose tenant's document this is; None where the register doesn't say."""
        try:
            return self._writer(record)[1]
        except Refused:
            return None

    def _writer(self, record: Record) -> tuple[str, str, tuple[str, ...], tuple[str, ...]]:
        if record.topic.startswith(HTTP):
            headers = {name: orjson.loads(value or b"null") for name, value in record.headers}
            return record.topic, str(headers["tenant"]), tuple(headers["endpoints"]), tuple(headers["sides"])
        name = record.topic.partition(".")[2]
        emitter = self._emitters.get(name)
        tenant = (emitter.ubl_tenant or emitter.default_tenant) if emitter else None
        if emitter is None or tenant is None:
            raise Refused("forbidden", f"the emitter {name!r} is not registered with endpoints and a ubl_tenant", "tenant")
        return emitter.name, tenant, emitter.endpoints, ("client", "supplier")


def http_headers(tenant: str, endpoints: tuple[str, ...], sides: tuple[str, ...]) -> tuple[tuple[str, bytes], ...]:
    """What a token says, kept beside the document so that a replay may say no more."""
    return tuple((name, orjson.dumps(value)) for name, value in (("tenant", tenant), ("endpoints", endpoints), ("sides", sides)))
