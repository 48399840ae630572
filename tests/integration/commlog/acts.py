"""What the tests of correspondences do again and again."""

from typing import Any

import orjson
from tests.integration.commlog.conftest import House

from postroom.contracts.commlog import CorrespondenceRequested

CLIENT = {"side": "client", "company": "buyer", "person": "bea"}
RIVAL = {"company": "rival", "person": "rita"}
ABROAD = {"side": "client", "company": "buyer", "tenant": "other", "person": "olga"}
SEND = {"contacts": ["bea"], "to": ["board@buyer.example"], "subject": "Edited"}


async def log(house: House, key: str = "l1", message: str = "Late") -> str:
    return str((await house.ask("POST", "/orders/o1/logs", {"type": "General", "message": message}, key=key)).json()["log"])


async def opened(house: House, scope: str = "latest", **more: Any) -> dict[str, Any]:
    if "o1" not in house.neighbours.orders:
        house.neighbours.add("o1")
    last = await log(house)
    answer = await house.ask("POST", "/orders/o1/correspondences", {"scope": scope, "log": last, **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def send(house: House, window: str, key: str = "s1", **changes: Any) -> Any:
    return await house.ask("POST", f"/correspondences/{window}/send", {**SEND, **changes}, key=key)


async def requests(house: House) -> list[CorrespondenceRequested]:
    rows = await house.rows("SELECT value, headers FROM outbox ORDER BY id")
    return [
        CorrespondenceRequested.model_validate(orjson.loads(row["value"]))
        for row in rows
        if dict(row["headers"])["ce_type"] == "CorrespondenceRequested.v1"
    ]
