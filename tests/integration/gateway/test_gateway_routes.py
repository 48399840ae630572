"""The table of routes against the services themselves: what the door declares is there, behind it."""

import re
from importlib import import_module
from typing import Any

import httpx
import pytest
from tests.conftest import FreshDatabase
from tests.integration.gateway.conftest import served

from embedded.issuer import ensure_issuer
from gateway.routes import COMMLOG, MAILER, PO, ROUTES, RULES
from postroom.settings import ServiceSettings

PACKAGES = {PO: "po_service", COMMLOG: "commlog_service", RULES: "notification_rules", MAILER: "mailer_service"}
# Asked by other services or by the gateway itself, and closed to the outside.
INNER = {(PO, "POST", "/orders/{}/documents/pin"), (COMMLOG, "GET", "/explain"), (RULES, "GET", "/explain"), (MAILER, "POST", "/pdf")}


def shape(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


@pytest.mark.parametrize("service", PACKAGES)
async def test_every_route_is_declared_or_inner(fresh_database: FreshDatabase, tmp_path: Any, service: str) -> None:
    package = PACKAGES[service]
    settings_class: type[ServiceSettings] = import_module(f"{package}.settings").Settings
    settings = await fresh_database(settings_class, package, kafka="127.0.0.1:9", issuer_public=ensure_issuer(tmp_path / "issuer").public)
    async with served(import_module(f"{package}.app").build(settings)) as url, httpx.AsyncClient(trust_env=False) as http:
        document = (await http.get(f"{url}/openapi.json")).json()
    offered = {(shape(path), method.upper()) for path, methods in document["paths"].items() for method in methods}
    offered = {(path, method) for path, method in offered if not path.startswith("/operations")}
    declared = {(shape(route.path), method) for route in ROUTES if route.service == service for method in route.methods}
    inner = {(path, method) for owner, method, path in INNER if owner == service}
    assert declared <= offered, "the door declares what isn't there"
    assert offered - declared == inner, "a service has a route that nobody decided on"
