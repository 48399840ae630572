"""Documents, orders and who sees them, over HTTP."""

import asyncio
import base64
from typing import Any

import asyncpg
import pytest
from tests.integration.po.door import CLIENT, OPERATOR, RIVAL, SUPPLIER, Door
from tests.integration.po.support import sample

from po_service.api import documents as api
from postroom import db
from postroom.auth import Principal

ORDER, DESPATCH = "order-4321.xml", "despatch-4321.xml"


async def _companies(door: Door) -> None:
    await door.put("/companies/iyt", {"name": "IYT", "side": "client", "zone": "Europe/Stockholm", "endpoints": ["0088:7398000000124"]})
    await door.put("/companies/consortial", {"name": "Consortial", "side": "supplier", "endpoints": ["0088:7385000000124"]})


async def _order(door: Door) -> str:
    await _companies(door)
    return str((await door.hand_in(sample(ORDER)))["order"])


async def test_handing_in_says_what_became_of_it(door: Door) -> None:
    waiting = await door.hand_in(sample(DESPATCH))
    assert (waiting["kind"], waiting["outcome"], waiting["order_number"], waiting["order"]) == ("DespatchAdvice", "waiting", "4321", None)
    assert [one["number"] for one in (await door.get(OPERATOR, "/waiting"))["waiting"]] == ["D-1"]
    placed = await door.hand_in(sample(ORDER))
    assert (placed["kind"], placed["outcome"], placed["order_number"]) == ("Order", "processed", "4321")
    assert (await door.hand_in(sample(ORDER)))["outcome"] == "duplicate"
    assert (await door.get(OPERATOR, "/waiting"))["waiting"] == []
    order = await door.get(OPERATOR, f"/orders/{placed['order']}")
    assert [note["number"] for note in order["delivery_notes"]] == ["D-1"]
    status = await door.get(OPERATOR, "/operations/status")
    assert (status["waiting"], status["duplicates"]) == (0, {"http:demo/operator": 1})


async def test_a_refused_document_is_kept_and_can_be_mended(door: Door) -> None:
    broken = sample(ORDER, **{"<cbc:IssueDate>2013-03-01</cbc:IssueDate>": ""})
    answer = await door.hand_in(broken)
    assert (answer["kind"], answer["outcome"], answer["reason"], answer["path"]) == ("Order", "parked", "invalid", "/Order/cbc:IssueDate")
    replay = f"/operations/parked/{answer['parked']}/replay"
    again = await door.ask(OPERATOR, "POST", replay, json={})
    assert (again.status_code, again.json()["code"]) == (422, "invalid")
    mended = await door.ask(OPERATOR, "POST", replay, json={"value": sample(ORDER).decode()})
    assert mended.json()["closed_by"] == "mended"
    assert (await door.get(OPERATOR, "/orders"))["total"] == 1


async def test_what_the_token_may_not_say_is_parked(door: Door) -> None:
    assert (await door.hand_in(sample(ORDER), RIVAL))["reason"] == "forbidden"
    assert (await door.hand_in(sample(ORDER), {**SUPPLIER, "endpoints": ["*"]}))["reason"] == "forbidden"
    assert (await door.hand_in(sample(ORDER), CLIENT))["outcome"] == "processed"
    assert (await door.hand_in(sample(DESPATCH), CLIENT))["reason"] == "forbidden"
    assert (await door.hand_in(sample(DESPATCH), SUPPLIER))["outcome"] == "processed"


async def test_only_an_operator_may_name_another_tenant(door: Door) -> None:
    answer = await door.ask(CLIENT, "POST", "/documents", params={"tenant": "other"}, content=sample(ORDER))
    assert (answer.status_code, answer.json()["field"]) == (403, "tenant")
    answer = await door.ask(OPERATOR, "POST", "/documents", params={"tenant": "other"}, content=sample(ORDER))
    assert answer.json()["outcome"] == "processed"
    assert (await door.get(OPERATOR, "/orders"))["total"] == 0


@pytest.mark.parametrize(("body", "code"), [(b"", "invalid"), (b"x" * (10 * 1024 * 1024 + 1), "too_large")], ids=["empty", "big"])
async def test_bodies_that_are_no_document(door: Door, body: bytes, code: str) -> None:
    answer = await door.ask(OPERATOR, "POST", "/documents", content=body)
    assert (answer.status_code in (413, 422), answer.json()["code"]) == (True, code)


async def test_an_order_page(door: Door) -> None:
    order = await door.get(CLIENT, f"/orders/{await _order(door)}")
    assert (order["number"], order["status"], order["estimated_delivery"]) == ("4321", "overdue", "2013-03-16")
    assert (order["supplier"]["id"], order["buyer"]["id"]) == ("consortial", "iyt")
    assert (order["contract"]["number"], order["contract"]["provisional"]) == ("C-4321", True)
    line = order["lines"][1]
    shown = (line["item"], line["quantity"], line["unit"], line["ordered_by"]["name"], line["delivered"], line["delivery_date"])
    assert shown == ("Item456", "10", "EA", "Tony Erwing", "0", "2013-03-16")
    contacts = (await door.get(SUPPLIER, f"/orders/{order['id']}/contacts"))["contacts"]
    assert [(one["name"], one["email"], one["side"], one["company"]) for one in contacts] == [
        ("Karin Berg", "karin@buyer.example", "client", "iyt"),
        ("Tony Erwing", "tony@buyer.example", "client", "iyt"),
    ]


async def test_orders_are_filtered(door: Door) -> None:
    await _order(door)
    assert [
        (await door.get(CLIENT, "/orders", **query))["total"] for query in ({"number": "4321"}, {"number": "1"}, {"status": "active"})
    ] == [1, 0, 0]
    assert (await door.get(CLIENT, "/orders", status="overdue"))["orders"][0]["contract"] == "C-4321"


@pytest.mark.parametrize("path", ["", "/contacts", "/documents"])
@pytest.mark.parametrize(
    "who", [RIVAL, {**CLIENT, "tenant": "other"}, {**SUPPLIER, "tenant": "other"}], ids=["rival", "tenant", "namesake"]
)
async def test_others_do_not_see_the_order(door: Door, who: dict[str, Any], path: str) -> None:
    order = await _order(door)
    assert (await door.ask(SUPPLIER, "GET", f"/orders/{order}{path}")).status_code == 200
    assert (await door.ask(who, "GET", f"/orders/{order}{path}")).status_code == 404
    assert (await door.get(who, "/orders"))["total"] == 0


async def test_row_level_security_holds_without_the_api(door: Door) -> None:
    """The same connection that the routes use, asked for everything, without a WHERE."""
    await _order(door)
    pool = await db.open_pool(door.settings, "api")
    seen = {}
    for name, who in {"supplier": SUPPLIER, "rival": RIVAL, "other": {**CLIENT, "tenant": "other"}, "client": CLIENT}.items():
        async with db.as_principal(pool, Principal.model_validate({"tenant": "demo", **who})) as connection:
            tables = ("orders", "order_lines", "contracts", "people", "ubl_documents", "budgets", "companies")
            seen[name] = [await connection.fetchval(f"SELECT count(*) FROM {table}") for table in tables]  # noqa: S608 - names above
    async with pool.acquire() as connection:
        nobody = await connection.fetchval("SELECT count(*) FROM orders")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("ALTER TABLE orders DISABLE ROW LEVEL SECURITY")
    await pool.close()
    assert seen == {"supplier": [1, 5, 0, 2, 0, 0, 1], "rival": [0] * 7, "other": [0] * 7, "client": [1, 5, 1, 2, 1, 0, 2]}
    assert nobody == 0


async def test_documents_on_an_order(door: Door) -> None:
    path = f"/orders/{await _order(door)}/documents"
    added = await door.ask(
        SUPPLIER, "POST", path, params={"filename": "plan.pdf"}, content=b"%PDF", headers={"content-type": "application/pdf"}
    )
    assert (added.status_code, added.json()["media_type"], added.json()["size"]) == (201, "application/pdf", 4)
    id_ = added.json()["document"]
    assert [one["filename"] for one in (await door.get(CLIENT, path))["documents"]] == ["plan.pdf"]
    assert (await door.ask(CLIENT, "GET", f"{path}/{id_}")).content == b"%PDF"
    pin = await door.ask(SUPPLIER, "POST", f"{path}/pin", json={"documents": [id_]})
    plan = {"document": id_, "filename": "plan.pdf", "media_type": "application/pdf", "size": 4, "sha256": added.json()["sha256"]}
    assert pin.json()["documents"] == [{**plan, "link": False}]
    assert (await door.ask(SUPPLIER, "POST", f"{path}/pin", json={"documents": ["foreign"]})).status_code == 404
    assert (await door.ask({**SUPPLIER, "person": "jim"}, "DELETE", f"{path}/{id_}")).status_code == 404
    assert (await door.ask(CLIENT, "DELETE", f"{path}/{id_}")).status_code == 204
    gone = await door.ask(SUPPLIER, "POST", f"{path}/pin", json={"documents": [id_]})
    assert (gone.status_code, gone.json()["code"]) == (409, "document_deleted")
    assert (await door.get(CLIENT, path))["documents"] == []
    assert (await door.ask(RIVAL, "POST", path, params={"filename": "x"}, content=b"x")).status_code == 404


async def test_a_text_keeps_its_own_type_and_no_charset_that_nobody_knows(door: Door) -> None:
    path = f"/orders/{await _order(door)}/documents"
    latin = {"content": "Größe".encode("latin-1"), "headers": {"content-type": "text/plain"}}
    added = await door.ask(SUPPLIER, "POST", path, params={"filename": "note.txt"}, **latin)
    answer = await door.ask(CLIENT, "GET", f"{path}/{added.json()['document']}")
    assert (answer.headers["content-type"], answer.content) == ("text/plain", latin["content"])


async def test_the_same_document_at_once_has_one_effect(door: Door) -> None:
    answers = await asyncio.gather(*(door.hand_in(sample(ORDER)) for _ in range(4)))
    assert sorted(answer["outcome"] for answer in answers) == ["duplicate"] * 3 + ["processed"]


async def test_what_is_refused_late_while_it_is_handed_in_again_stays_parked(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """It had waited, its order came just then, and it can't follow: the second answer must not close the row that says so."""
    submitted = api._submitted
    connection = await asyncpg.connect(door.settings.dsn)

    async def then_refused_late(*given: Any) -> Any:
        answer = await submitted(*given)
        await connection.execute(
            """
            INSERT INTO parked (topic, partition, "offset", headers, value, written_at, emitter, reason, detail)
            VALUES ($1, -1, 999, '[]', $2, now(), $1, 'ambiguous', 'refused late')
            """,
            "http:demo/operator",
            sample(ORDER),
        )
        return answer

    monkeypatch.setattr(api, "_submitted", then_refused_late)
    await door.hand_in(sample(ORDER))
    assert await connection.fetchval("SELECT count(*) FROM parked WHERE closed_at IS NULL") == 1
    monkeypatch.undo()
    assert (await door.hand_in(sample(ORDER)))["outcome"] == "duplicate"
    assert await connection.fetchval("SELECT count(*) FROM parked WHERE closed_at IS NULL") == 0, "known before, and here by now"
    await connection.close()


@pytest.mark.parametrize(("path", "more"), [("/people/nina", {}), ("/companies/linz", {"side": "client"})])
async def test_two_first_records_of_one_are_two_versions(door: Door, path: str, more: dict[str, Any]) -> None:
    """With one version both would be one event that says two things, and the rules would park the second."""
    answers = await asyncio.gather(*(door.put(path, {"name": name, **more}) for name in ("One", "Other")))
    assert sorted(answer["version"] for answer in answers) == [1, 2]


async def test_a_big_refused_document_is_kept_whole(door: Door) -> None:
    """Bigger than the parked topic takes: the row has all of it, the topic what it can."""
    big = b"<broken>" + b"x" * (9 * 1024 * 1024)
    answer = await door.hand_in(big)
    assert (answer["outcome"], answer["reason"]) == ("parked", "unreadable")
    connection = await asyncpg.connect(door.settings.dsn)
    assert await connection.fetchval("SELECT value FROM parked") == big
    await connection.close()


async def test_a_big_document_is_taken_in(door: Door) -> None:
    attachment = base64.b64encode(bytes(range(256)) * 24_000).decode()
    embedded = (
        f'<cbc:EmbeddedDocumentBinaryObject mimeCode="application/pdf" filename="big.pdf">{attachment}</cbc:EmbeddedDocumentBinaryObject>'
    )
    reference = (
        f"<cac:AdditionalDocumentReference><cbc:ID>A</cbc:ID><cac:Attachment>{embedded}</cac:Attachment></cac:AdditionalDocumentReference>"
    )
    answer = await door.hand_in(sample(ORDER, **{"<cac:Contract>": reference + "<cac:Contract>"}))
    documents = (await door.get(OPERATOR, f"/orders/{answer['order']}/documents"))["documents"]
    assert [(one["filename"], one["size"]) for one in documents] == [("big.pdf", 256 * 24_000)]


@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("GET", "/orders/%00", {}),
        ("GET", "/orders/%00/documents", {}),
        ("GET", "/orders?number=%00", {}),
        ("GET", "/orders?offset=99999999999999999999", {}),
        ("GET", "/people?email=%00", {}),
        ("GET", "/explain?ref=%00", {}),
        ("GET", "/people/%00", {}),
        ("PUT", "/people/anna", {"json": {"name": "A\u0000"}}),
        ("PUT", "/people/anna", {"json": {"name": "A", "phone": "\u0000"}}),
        ("PUT", "/people/anna", {"json": {"name": "A", "email": "a\u0000@b.example"}}),
        ("PUT", "/people/anna", {"json": {"name": "A", "roles": [{"role": "\u0000"}]}}),
        ("PUT", "/companies/%00", {"json": {"name": "A"}}),
        ("PUT", "/companies/a", {"json": {"name": "A", "endpoints": ["\u0000"]}}),
        ("PUT", "/contracts/%00", {"json": {}}),
        ("PUT", "/budgets/%00", {"json": {}}),
        ("POST", "/documents?tenant=%00", {"content": b"<a/>"}),
        ("POST", "/tasks/check-budgets/run?as_of=0001-01-01", {}),
        ("POST", "/tasks/book-receipts/run?as_of=9999-12-31", {}),
        ("GET", "/control-structures?company=%00", {}),
        ("GET", "/demand-templates?assigned=%00", {}),
        ("PUT", "/demand-templates/T1", {"json": {"name": "T", "company": "iyt", "items": [{"item": "\u0000"}]}}),
        ("POST", "/quantity-requests/%00/release", {}),
        ("POST", "/carbon-copy-users/%00/log-ons", {"json": {"user": "u", "name": "U", "email": "u@acme.example"}}),
        ("POST", "/tasks/refresh-control-structures/run?as_of=0001-01-01", {}),
        ("POST", "/tasks/due-templates/run?as_of=9999-12-31", {}),
    ],
)
async def test_odd_values_get_an_answer_and_no_crash(door: Door, method: str, path: str, more: dict[str, Any]) -> None:
    await _order(door)
    answer = await door.ask(OPERATOR, method, path, **more)
    assert answer.status_code < 500, answer.text
