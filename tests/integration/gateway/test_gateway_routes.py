"""The door against the services themselves: what it declares is there, and one document describes it."""

import re
from contextlib import AsyncExitStack
from importlib import import_module
from typing import Any

import httpx
import pytest
from tests.conftest import FreshDatabase
from tests.integration.gateway.conftest import served

from embedded.issuer import ensure_issuer
from gateway.openapi import merge
from gateway.routes import COMMLOG, MAILER, PO, ROUTES, RULES
from postroom.settings import ServiceSettings

PACKAGES = {PO: "po_service", COMMLOG: "commlog_service", RULES: "notification_rules", MAILER: "mailer_service"}
# Asked by other services or by the gateway itself, and closed to the outside.
INNER = {
    (PO, "POST", "/orders/{}/documents/pin"),
    (PO, "GET", "/orders/{}/parties"),
    (MAILER, "POST", "/pdf"),
    (MAILER, "POST", "/preview"),
    # The gateway's own page of one-click unsubscribing asks these, without a sign-in.
    (RULES, "GET", "/unsubscribe/{}"),
    (RULES, "POST", "/unsubscribe/{}"),
} | {(one, "GET", "/explain") for one in (PO, COMMLOG, RULES)}
Documents = dict[str, dict[str, Any]]


@pytest.fixture
async def documents(fresh_database: FreshDatabase, tmp_path: Any) -> Documents:
    """Each real service's own OpenAPI document."""
    public, found = ensure_issuer(tmp_path / "issuer").public, {}
    async with AsyncExitStack() as stack, httpx.AsyncClient(trust_env=False) as http:
        for service, package in PACKAGES.items():
            settings_class: type[ServiceSettings] = import_module(f"{package}.settings").Settings
            settings = await fresh_database(settings_class, package, kafka="127.0.0.1:9", issuer_public=public)
            url = await stack.enter_async_context(served(import_module(f"{package}.app").build(settings)))
            found[service] = (await http.get(f"{url}/openapi.json")).json()
    return found


def shape(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


def refs(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [ref for one in value.values() for ref in refs(one)]
    return [ref for one in value for ref in refs(one)] if isinstance(value, list) else []


async def test_every_route_is_declared_or_inner(documents: Documents) -> None:
    for service, document in documents.items():
        offered = {(shape(path), method.upper()) for path, methods in document["paths"].items() for method in methods}
        offered = {(path, method) for path, method in offered if not path.startswith("/operations")}
        declared = {(shape(route.path), method) for route in ROUTES if route.service == service for method in route.methods}
        inner = {(path, method) for owner, method, path in INNER if owner == service}
        assert declared <= offered, f"the door declares what isn't there in {service}"
        assert offered - declared == inner, f"{service} has a route that nobody decided on"


async def test_the_merged_document_is_whole(documents: Documents) -> None:
    merged = merge({"openapi": "3.1.0", "info": {}, "paths": {}}, documents)
    operations = [one for methods in merged["paths"].values() for one in methods.values()]
    assert len(operations) == sum(len(route.methods) for route in ROUTES)
    assert len({one["operationId"] for one in operations}) == len(operations)
    for ref in refs(merged):
        _, _, kind, name = ref.split("/")
        assert name in merged["components"][kind], ref
    assert not [one for one in operations if not one.get("tags")], "an operation without a tag has no place on the page"
