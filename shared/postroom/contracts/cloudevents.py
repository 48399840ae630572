"""CloudEvents 1.0 over Kafka: binary mode written, binary and structured mode read.

Source: CloudEvents 1.0.2 and its Kafka protocol binding. Written by hand rather than with the `cloudevents`
package, because each refusal here names the attribute and the way out, and this is the hot path.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
from pydantic import ValidationError

from postroom.contracts import strict_json, versions
from postroom.contracts.errors import Refused, told
from postroom.contracts.event import Event, content_hash
from postroom.contracts.facts import FACTS
from postroom.contracts.record import Record

STRUCTURED = "application/cloudevents+json"
# Bytes: source and id stand in one row of an index, which has 2.7 KB. A key may be made of several; whatever follows carries it.
MAX_ATTRIBUTE, MAX_KEY = 500, 2_000
_UNUSABLE = re.compile("[\x00\ud800-\udfff]")
_OPTIONAL = ("company", "actor", "correlationid", "causesource", "causeid", "traceparent")


def encode(event: Event) -> tuple[list[tuple[str, bytes]], bytes]:
    """Binary mode: (headers, value), readable by kcat and any Kafka UI."""
    attributes = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "time": event.time.isoformat(),
        "subject": event.subject,
        "tenant": event.tenant,
        "aggregateversion": event.aggregateversion,
        **{name: getattr(event, name) for name in _OPTIONAL},
    }
    headers = [("content-type", b"application/json")]
    headers += [(f"ce_{name}", str(value).encode()) for name, value in attributes.items() if value is not None]
    return headers, orjson.dumps(event.data.model_dump(mode="json"))


def structured(event: Event) -> bytes:
    """Structured mode: the whole event as one JSON document, as `postroom emit` takes it."""
    headers, value = encode(event)
    attributes = {name[3:]: text.decode() for name, text in headers if name.startswith("ce_")}
    return orjson.dumps({**attributes, "datacontenttype": "application/json", "data": orjson.loads(value)})


def decode(record: Record, emitter: str, default_tenant: str | None = None) -> Event:
    """Understand a record of either mode, or raise Refused naming the attribute."""
    attributes, data = _attributes_and_data(record)
    if attributes.get("specversion") != "1.0":
        raise Refused("invalid", "specversion must be 1.0; CloudEvents attributes are ce_* headers or one JSON document", "specversion")
    written = _required(attributes, "type")
    type_, lifted = versions.lifted(written, data)
    subject = _required(attributes, "subject")
    try:
        fact = FACTS[type_].model_validate(lifted)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = ".".join(str(part) for part in ("data", *first["loc"]))
        raise Refused("invalid", f"{told(first['msg'])} ({error.error_count()} problem(s) in all)", path) from error
    if b"\\u0000" in (record.value or b""):
        _without_nul(fact.model_dump(mode="json"), "data")
    return Event(
        emitter=emitter,
        source=_required(attributes, "source"),
        id=_required(attributes, "id"),
        type=type_,
        time=_time(attributes.get("time"), record.timestamp),
        subject=subject,
        key=_key(record.key, subject),
        tenant=_required(attributes, "tenant") if default_tenant is None else attributes.get("tenant", default_tenant),
        data=fact,
        # Of what was written: the same bytes say the same, whichever version reads them.
        hash=content_hash(written, subject, data),
        aggregateversion=_version(attributes.get("aggregateversion")),
        written_at=record.timestamp,
        **{name: attributes.get(name) for name in _OPTIONAL},
    )


def peek(record: Record) -> tuple[str | None, str | None]:
    """(source, id) if they can be read at all: a parked record is found by them, and closed by its correction."""
    try:
        attributes, _ = _attributes_and_data(record)
    except Exception:  # noqa: BLE001 - whatever has made it unacceptable must not make its parking so
        # Of a value that is no JSON the headers may tell.
        told = {name: value.decode("utf-8", "replace") for name, value in record.headers if value and len(value) <= MAX_ATTRIBUTE}
        return told.get("ce_source"), told.get("ce_id")
    return attributes.get("source"), attributes.get("id")


def _without_nul(value: Any, path: str) -> None:
    """NUL is valid JSON, and no text that Postgres or a mail can hold."""
    if isinstance(value, str) and "\x00" in value:
        raise Refused("invalid", "holds the character NUL, which no text may have", path)
    inner: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inner:
        _without_nul(one, f"{path}.{name}")


def _attributes_and_data(record: Record) -> tuple[dict[str, str], Any]:
    if record.value is None:
        raise Refused("unreadable", "a record without a value (tombstone) is no event")
    headers = _headers(record)
    if "ce_specversion" in headers and not _says_structured(record):
        return {name[3:]: value for name, value in headers.items() if name.startswith("ce_")}, strict_json.loads(record.value)
    document = strict_json.loads(record.value)
    if not isinstance(document, dict):
        raise Refused("unreadable", "neither ce_* headers (binary mode) nor a JSON object (structured mode)")
    data = document.pop("data", None)
    for name, value in document.items():
        if not isinstance(value, str | int):
            raise Refused("invalid", "a CloudEvents attribute is text", name)
    return _bounded({name: str(value) for name, value in document.items()}), data


def _says_structured(record: Record) -> bool:
    """The content type decides, as the protocol binding says; a record without one is judged by its headers."""
    return any(name.lower() == "content-type" and (value or b"").startswith(STRUCTURED.encode()) for name, value in record.headers)


def mended(record: Record, value: bytes) -> Record:
    """The record with a corrected value: data alone, whose attributes stay, or a whole structured event, which brings its own.

    A key that no event may have isn't kept: the subject's takes its place.
    """
    try:
        document = strict_json.loads(value)
    except Refused:
        document = None
    whole = isinstance(document, dict) and "specversion" in document
    headers = (("content-type", STRUCTURED.encode()),) if whole else record.headers
    try:
        _key(record.key, "")
    except Refused:
        record = replace(record, key=None)
    return replace(record, value=value, headers=headers)


def _headers(record: Record) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in record.headers:
        if not name.startswith("ce_"):
            continue
        try:
            found[name] = (value or b"").decode("utf-8")
        except UnicodeDecodeError as error:
            raise Refused("unreadable", "the header is not UTF-8", name) from error
    return _bounded(found)


def _bounded(attributes: dict[str, str], most: int = MAX_ATTRIBUTE) -> dict[str, str]:
    for name, value in attributes.items():
        if len(value.encode("utf-8", "replace")) > most:
            raise Refused("invalid", f"longer than {most} bytes of UTF-8", name)
        if _UNUSABLE.search(value):
            raise Refused("invalid", "holds a character that no text may have: NUL, or half of a pair of surrogates", name)
    return attributes


def _required(attributes: dict[str, str], name: str) -> str:
    value = attributes.get(name, "")
    if not value.strip():
        raise Refused("invalid", f"the attribute {name} is missing (header ce_{name}, or {name} in structured mode)", name)
    return value


def _time(text: str | None, fallback: datetime) -> datetime:
    if not text:
        return fallback
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Refused("invalid", f"not an RFC 3339 time: {text[:60]!r}", "time") from error


def _version(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdecimal() or len(text) > 18:  # noqa: PLR2004 - the digits of a bigint
        raise Refused("invalid", "not a whole number", "aggregateversion")
    return int(text)


def _key(key: bytes | None, subject: str) -> str:
    """Order is kept per Kafka key; a writer that sets none gets its subject's."""
    return _bounded({"key": key.decode("utf-8", "replace")}, MAX_KEY)["key"] if key else subject
