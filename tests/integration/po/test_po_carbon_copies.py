"""Who logs on for the first time with the data of a carbon-copy user becomes a person, and is told of once."""

import asyncio
from typing import Any

import pytest
from tests.integration.po.door import CLIENT, OPERATOR, SUPPLIER, Door
from tests.integration.po.told import ACME, told

FACT = "CarbonCopyUserRegistered"
COPY = {"name": "Workshop", "company": "acme", "roles": [{"role": "requester", "company": "acme"}], "language": "de"}
NINA = {"user": "nina", "name": "Nina New", "email": "nina@acme.example"}


@pytest.fixture(autouse=True)
async def workshop(door: Door) -> None:
    await door.put("/companies/acme", ACME)
    await door.put("/carbon-copy-users/workshop", COPY)


async def log_on(door: Door, carbon_copy_user: str = "workshop", key: str | None = None, **changes: Any) -> Any:
    headers = {"idempotency-key": key} if key else {}
    path = f"/carbon-copy-users/{carbon_copy_user}/log-ons"
    answer = await door.ask(OPERATOR, "POST", path, json={**NINA, **changes}, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def people_told(door: Door) -> list[str]:
    return [fact["person"] for fact in await told(door, "PersonChanged", "directory")]


@pytest.mark.parametrize("blocked", [False, True])
async def test_the_first_log_on_makes_a_copy_and_is_told(door: Door, *, blocked: bool) -> None:
    await door.put("/carbon-copy-users/workshop", {**COPY, "blocked": blocked})
    answer = await log_on(door)
    assert (answer["outcome"], answer["person"], answer["blocked"], len(answer["events"])) == ("registered", "nina", blocked, 2)
    (fact,) = await told(door, FACT)
    expected = {
        "carbon_copy_user": "workshop",
        "user": "nina",
        "name": "Nina New",
        "email": "nina@acme.example",
        "first": True,
        "blocked": blocked,
        "ce_company": "acme",
        "ce_subject": "nina",
        "ce_tenant": "demo",
    }
    assert {name: fact[name] for name in expected} == expected
    (person,) = await told(door, "PersonChanged", "directory")
    shown = await door.get(OPERATOR, "/people/nina")
    for known in (person, shown):
        assert (known["active"], known["company"], known["language"], known["zone"]) == (not blocked, "acme", "de", "Europe/Vienna")
        assert (known["name"], known["email"], known["roles"]) == (NINA["name"], NINA["email"], COPY["roles"])


async def test_a_blocked_user_is_released_as_a_person_is_changed(door: Door) -> None:
    await door.put("/carbon-copy-users/workshop", {**COPY, "blocked": True})
    await log_on(door)
    released = await door.put("/people/nina", {"name": "Nina New", "email": "nina@acme.example", "company": "acme"})
    assert (released["active"], released["version"]) == (True, 2)
    assert (await log_on(door))["blocked"] is False
    assert len(await told(door, FACT)) == 1


async def test_later_log_ons_tell_nobody_also_with_another_carbon_copy_user(door: Door) -> None:
    await door.put("/carbon-copy-users/office", COPY)
    first = await log_on(door)
    for answer in (await log_on(door), await log_on(door, name="Nina Other"), await log_on(door, "office")):
        assert (answer["outcome"], answer["events"]) == ("known", [])
    assert (await log_on(door, user="otto", email="otto@acme.example"))["outcome"] == "registered"
    assert first["outcome"] == "registered"
    assert [fact["user"] for fact in await told(door, FACT)] == ["nina", "otto"]
    assert await people_told(door) == ["nina", "otto"]
    assert (await door.get(OPERATOR, "/people/nina"))["name"] == "Nina New"


async def test_log_ons_at_once_are_one_registration(door: Door) -> None:
    answers = await asyncio.gather(*(log_on(door) for _ in range(5)))
    assert sorted(one["outcome"] for one in answers) == ["known"] * 4 + ["registered"]
    assert (len(await told(door, FACT)), await people_told(door)) == (1, ["nina"])


async def test_a_retry_with_its_key_gets_the_first_answer(door: Door) -> None:
    first, again = [await log_on(door, key="click") for _ in range(2)]
    assert (first, first["outcome"]) == (again, "registered")
    other = await door.ask(
        OPERATOR, "POST", "/carbon-copy-users/workshop/log-ons", json={**NINA, "name": "N"}, headers={"idempotency-key": "click"}
    )
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")


async def test_whoever_is_in_the_directory_already_stays_as_they_are(door: Door) -> None:
    await door.put("/people/nina", {"name": "Nina Known", "email": "n@acme.example"})
    await door.put("/carbon-copy-users/workshop", {**COPY, "blocked": True})
    assert (await log_on(door))["blocked"] is False
    (fact,) = await told(door, FACT)
    assert (fact["name"], fact["email"], fact["blocked"]) == ("Nina Known", "n@acme.example", False)
    assert (await people_told(door), (await door.get(OPERATOR, "/people/nina"))["roles"]) == (["nina"], [])


async def test_language_and_zone_may_be_the_users_own(door: Door) -> None:
    await log_on(door, language="fr-CA", zone="America/Toronto")
    person = await door.get(OPERATOR, "/people/nina")
    assert (person["language"], person["zone"]) == ("fr-CA", "America/Toronto")


REFUSED: list[tuple[str, str, dict[str, Any], int, str, str | None]] = [
    ("POST", "/carbon-copy-users/nobody/log-ons", NINA, 404, "carbon_copy_user_unknown", None),
    ("POST", "/carbon-copy-users/workshop/log-ons", {**NINA, "email": "nina"}, 422, "invalid", "email"),
    ("POST", "/carbon-copy-users/workshop/log-ons", {**NINA, "zone": "Mars/Olympus"}, 422, "invalid", "zone"),
    ("POST", "/carbon-copy-users/workshop/log-ons", {"user": "nina", "name": "Nina"}, 422, "invalid", "email"),
    ("PUT", "/carbon-copy-users/office", {**COPY, "company": "nowhere"}, 422, "company_unknown", "company"),
    ("PUT", "/carbon-copy-users/office", {**COPY, "language": "German"}, 422, "invalid", "language"),
]


async def test_what_is_refused_names_the_field(door: Door) -> None:
    for method, path, body, status, code, field in REFUSED:
        answer = await door.ask(OPERATOR, method, path, json=body)
        assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (status, code, field), answer.text
    assert await told(door, FACT) == []


async def test_log_ons_are_said_by_systems_and_seen_by_the_buying_side(door: Door) -> None:
    for who in (CLIENT, SUPPLIER):
        assert (await door.ask(who, "POST", "/carbon-copy-users/workshop/log-ons", json=NINA)).status_code == 403
        assert (await door.ask(who, "PUT", "/carbon-copy-users/workshop", json=COPY)).status_code == 403
    assert (await door.get(CLIENT, "/carbon-copy-users/workshop"))["blocked"] is False
    assert (await door.ask(SUPPLIER, "GET", "/carbon-copy-users/workshop")).status_code == 404
