"""Documents on an order: they keep their names, are never shown as a page of ours, and a store that is away loses nothing."""

import shutil

from tests.integration.po.door import CLIENT, SUPPLIER, Door
from tests.integration.po.support import sample


async def _path(door: Door) -> str:
    for company, endpoint, side in (("iyt", "0088:7398000000124", "client"), ("consortial", "0088:7385000000124", "supplier")):
        await door.put(f"/companies/{company}", {"name": company, "side": side, "endpoints": [endpoint]})
    order = (await door.hand_in(sample("order-4321.xml")))["order"]
    return f"/orders/{order}/documents"


async def test_a_document_is_saved_under_its_name_and_not_shown(door: Door) -> None:
    path = await _path(door)
    typed = {"content-type": "text/html; charset=utf-8"}
    added = await door.ask(SUPPLIER, "POST", path, params={"filename": "Plan Ä.html"}, content=b"<script>", headers=typed)
    answer = await door.ask(CLIENT, "GET", f"{path}/{added.json()['document']}")
    assert answer.content == b"<script>"
    assert answer.headers["content-type"] == "text/html"
    assert answer.headers["content-disposition"] == "attachment; filename=\"Plan A.html\"; filename*=UTF-8''Plan%20%C3%84.html"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_store_that_is_away_is_said_and_nothing_is_lost(door: Door) -> None:
    path, folder = await _path(door), door.settings.blobs
    upload = {"params": {"filename": "plan.pdf"}, "content": b"plan"}
    document = (await door.ask(SUPPLIER, "POST", path, **upload)).json()["document"]
    shutil.move(folder, f"{folder}-away")
    for answer in (await door.ask(CLIENT, "GET", f"{path}/{document}"), await door.ask(SUPPLIER, "POST", path, **upload)):
        assert (answer.status_code, answer.json()["code"]) == (503, "documents_away")
    assert len((await door.get(CLIENT, path))["documents"]) == 1, "no row without its bytes"
    shutil.move(f"{folder}-away", folder)
    assert (await door.ask(CLIENT, "GET", f"{path}/{document}")).content == b"plan"


async def test_bytes_that_are_gone_are_said_by_name(door: Door) -> None:
    path, folder = await _path(door), door.settings.blobs
    document = (await door.ask(SUPPLIER, "POST", path, params={"filename": "plan.pdf"}, content=b"plan")).json()["document"]
    shutil.rmtree(folder)
    door.settings.blobs.mkdir()  # type: ignore[union-attr]
    answer = await door.ask(CLIENT, "GET", f"{path}/{document}")
    assert (answer.status_code, answer.json()["code"]) == (404, "document_lost")
    assert "plan.pdf" in answer.json()["detail"]
