"""One OpenAPI 3.1 document: the services' own, merged below /api, restricted to the declared routes."""

import asyncio
import re
import time
from collections.abc import Mapping
from typing import Any

import httpx
import structlog
from fastapi import FastAPI

from gateway.proxy import PREFIX
from gateway.routes import ROUTES
from gateway.upstream import Upstream

log = structlog.get_logger()
Document = dict[str, Any]

KEPT_SECONDS = 300.0
_REF = "#/components/"
_SENTENCE = re.compile(r"[.:;](?:\s|$)")
_LONGEST_SUMMARY = 120
_ABOUT = """One door to all services. Send `Authorization: Bearer …`; a token says who asks, and what they may see.
Errors are `application/problem+json`: `code` for programs, `detail` for people, with the way out, and `field` for what to mend.
What happens in an inbox comes by itself as server-sent events: `GET /api/inbox/events`."""
_PROBLEM = {
    "type": "object",
    "required": ["title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "for programs"},
        "detail": {"type": "string", "description": "for people, with the way out"},
        "field": {"type": ["string", "null"], "description": "what to mend"},
    },
}


class Merged:
    """The merged document; each service's part is fetched when it is first asked for, and kept for five minutes."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._parts: dict[str, tuple[float, Document]] = {}

    async def document(self, app: FastAPI) -> Document:
        """All there is; services that have never answered are named in `x-unavailable`."""
        await asyncio.gather(*(self._refresh(service) for service in self._upstream.services))
        merged = merge(app.openapi(), {service: part for service, (_, part) in self._parts.items()})
        missing = [service for service in self._upstream.services if service not in self._parts]
        return {**merged, "x-unavailable": missing} if missing else merged

    async def _refresh(self, service: str) -> None:
        fetched_at, _ = self._parts.get(service, (float("-inf"), {}))
        if time.monotonic() - fetched_at < KEPT_SECONDS:
            return
        try:
            answer = (await self._upstream.pool(service).get("/openapi.json", timeout=5)).raise_for_status()
            self._parts[service] = (time.monotonic(), answer.json())
        except httpx.HTTPError as error:
            log.warning("a service's OpenAPI document could not be fetched", service=service, error=repr(error))


def merge(own: Document, parts: Mapping[str, Document]) -> Document:
    """The gateway's own document with the declared routes of the services; a component whose name is taken gets a prefix."""
    paths: Document = {path: _own(operations) for path, operations in own.get("paths", {}).items()}
    components: dict[str, Document] = {kind: dict(named) for kind, named in own.get("components", {}).items()}
    for service, part in parts.items():
        chosen = _declared(service, part.get("paths", {}))
        renamed = _clashes(service, _reached(chosen, part.get("components", {})), components)
        for kind, name in _reached(chosen, part.get("components", {})):
            named = components.setdefault(kind, {})
            named[renamed.get((kind, name), name)] = _renamed(part["components"][kind][name], renamed)
        for path, operations in chosen.items():
            paths.setdefault(PREFIX + path, {}).update(_renamed(operations, renamed))
    components.setdefault("schemas", {})["Problem"] = _PROBLEM
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    for operation in (one for operations in paths.values() for one in operations.values() if isinstance(one, dict)):
        operation["summary"] = _summary(operation)
    info = {**own.get("info", {}), "description": _ABOUT}
    return {**own, "openapi": "3.1.0", "info": info, "paths": paths, "components": components, "security": [{"bearer": []}]}


def _shape(path: str) -> str:
    """A path without the names of its parameters: two services' words for the same place are the same."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def _declared(service: str, paths: Document) -> Document:
    allowed = {(_shape(route.path), method.lower()) for route in ROUTES if route.service == service for method in route.methods}
    found: Document = {}
    for path, operations in paths.items():
        kept = {method: _operation(service, method, path, one) for method, one in operations.items() if (_shape(path), method) in allowed}
        if kept:
            found[path] = kept
    return found


def _operation(service: str, method: str, path: str, operation: Document) -> Document:
    """An operation with an id that is unique over all services, and the form of its errors."""
    name = re.sub(r"\W+", "_", f"{service}_{method}_{path}").strip("_")
    return {**operation, "operationId": name, "responses": _responses(operation)}


def _own(operations: Document) -> Document:
    """The gateway's own operations answer with the same problems as the services'."""
    return {method: {**one, "responses": _responses(one)} if isinstance(one, dict) else one for method, one in operations.items()}


def _responses(operation: Document) -> Document:
    problem = {"description": "A problem", "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    return {**{status: answer for status, answer in operation.get("responses", {}).items() if status != "422"}, "default": problem}


def _summary(operation: Document) -> str:
    """What the call does, in its description's first words: a function's name, such as Show, says too little among all services."""
    first = _SENTENCE.split(str(operation.get("description") or ""), maxsplit=1)[0].strip()
    return first if 0 < len(first) <= _LONGEST_SUMMARY else str(operation.get("summary", ""))


def _refs(value: Any) -> set[tuple[str, str]]:
    if isinstance(value, dict):
        found = set().union(*(_refs(one) for one in value.values())) if value else set()
        ref = value.get("$ref")
        if isinstance(ref, str) and ref.startswith(_REF):
            kind, _, name = ref.removeprefix(_REF).partition("/")
            found.add((kind, name))
        return found
    if isinstance(value, list):
        return set().union(*(_refs(one) for one in value)) if value else set()
    return set()


def _reached(paths: Document, components: Document) -> list[tuple[str, str]]:
    """The components that these paths need, and those that they need."""
    seen: set[tuple[str, str]] = set()
    todo = _refs(paths)
    while todo:
        kind, name = one = todo.pop()
        if one not in seen and name in components.get(kind, {}):
            seen.add(one)
            todo |= _refs(components[kind][name])
    return sorted(seen)


def _clashes(service: str, names: list[tuple[str, str]], known: Mapping[str, Document]) -> dict[tuple[str, str], str]:
    prefix = "".join(word.title() for word in service.split("-"))
    return {(kind, name): f"{prefix}{name}" for kind, name in names if name in known.get(kind, {}) or name == "Problem"}


def _renamed(value: Any, renamed: Mapping[tuple[str, str], str]) -> Any:
    if isinstance(value, list):
        return [_renamed(one, renamed) for one in value]
    if not isinstance(value, dict):
        return value
    changed = {name: _renamed(one, renamed) for name, one in value.items()}
    ref = value.get("$ref")
    if isinstance(ref, str) and ref.startswith(_REF):
        kind, _, name = ref.removeprefix(_REF).partition("/")
        changed["$ref"] = f"{_REF}{kind}/{renamed.get((kind, name), name)}"
    return changed
