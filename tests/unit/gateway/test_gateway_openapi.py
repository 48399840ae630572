"""The merge of the services' OpenAPI documents, and the joining of `explain`."""

from typing import Any

from gateway.explain import MAX_REFS, about, joined
from gateway.openapi import merge
from gateway.routes import COMMLOG, PO, ROUTES


def document(path: str, schema: dict[str, Any], parameter: str = "order") -> dict[str, Any]:
    """A service's document with one GET that answers the component `Answer`, which needs `Inner`."""
    ref = {"$ref": "#/components/schemas/Answer"}
    operation = {"operationId": "same", "responses": {"200": {"content": {"application/json": {"schema": ref}}}, "422": {}}}
    components = {"Answer": {"properties": {"inner": {"$ref": "#/components/schemas/Inner"}}}, "Inner": schema, "Unused": {}}
    return {"paths": {path: {"get": operation}, "/operations/status": {"get": operation}}, "components": {"schemas": components}}


OWN = {"openapi": "3.1.0", "info": {"title": "Postroom", "version": "1"}, "paths": {"/status": {"get": {}}}}


def test_only_declared_routes_are_told_of_below_api() -> None:
    merged = merge(OWN, {PO: document("/orders/{id}", {})})
    assert set(merged["paths"]) == {"/status", "/api/orders/{id}"}
    assert "Unused" not in merged["components"]["schemas"]


def test_a_name_that_two_services_use_stays_two_components() -> None:
    merged = merge(OWN, {PO: document("/orders/{id}", {"type": "string"}), COMMLOG: document("/orders/{x}/logs", {"type": "integer"})})
    schemas = merged["components"]["schemas"]
    assert (schemas["Inner"], schemas["CommlogServiceInner"]) == ({"type": "string"}, {"type": "integer"})
    assert schemas["CommlogServiceAnswer"]["properties"]["inner"]["$ref"] == "#/components/schemas/CommlogServiceInner"
    operation = merged["paths"]["/api/orders/{x}/logs"]["get"]
    assert operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"] == "#/components/schemas/CommlogServiceAnswer"


def test_operation_ids_are_unique_and_errors_have_one_form() -> None:
    merged = merge(OWN, {PO: document("/orders/{id}", {}), COMMLOG: document("/orders/{x}/logs", {})})
    operations = [merged["paths"][path]["get"] for path in ("/api/orders/{id}", "/api/orders/{x}/logs")]
    assert len({one["operationId"] for one in operations}) == 2
    for one in (*operations, merged["paths"]["/status"]["get"]):
        assert "422" not in one["responses"]
        assert "application/problem+json" in one["responses"]["default"]["content"]


def test_no_route_is_declared_twice() -> None:
    declared = [(route.path, method) for route in ROUTES for method in route.methods]
    assert len(declared) == len(set(declared))


def test_each_decision_carries_its_message_and_the_rest_stays_by_itself() -> None:
    mails: list[dict[str, Any]] = [{"message": "m1"}, {"message": "m2", "correspondence": "s1"}, {"message": "m3", "correspondence": None}]
    events = [{"id": "e1", "decisions": [{"rule": "r", "message": "m1"}, {"rule": "q", "message": None, "reason": "muted"}]}]
    told = joined(events, mails, {"correspondences": [{"send": "s1"}]})
    assert [one["message"] for one in told["events"][0]["decisions"]] == [mails[0], None]
    assert told["correspondences"][0]["messages"] == [mails[1]]
    assert told["messages"] == [mails[2]]


def test_the_others_are_asked_for_the_order_of_a_document() -> None:
    orders = [{"id": f"o{n}", "number": "4711"} for n in range(20)]
    assert about("4711", orders) == ["4711"]
    assert about("o1", orders[1:2]) == ["o1"]
    assert about("D-1", orders[:2]) == ["D-1", "o0", "o1"]
    assert len(about("D-1", orders)) == MAX_REFS
    assert about("88", [], [{"id": "i1", "number": "88"}, {"id": "88"}]) == ["88", "i1"]


def test_a_summary_is_what_the_description_says_first() -> None:
    """Two services may both have a function called show."""
    told = {"get": {"summary": "Show", "description": "One message of yours; looking marks nothing."}}
    long = {"get": {"summary": "Show", "description": "x" * 200}}
    merged = merge({**OWN, "paths": {"/a": told, "/b": long, "/c": {"get": {}}}}, {})
    assert [operations["get"]["summary"] for operations in merged["paths"].values()] == ["One message of yours", "Show", ""]
