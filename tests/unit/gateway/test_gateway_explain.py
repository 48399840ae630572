"""Of very much, explain tells the newest, and of nothing that was sent that it is still on its way."""

from typing import Any, cast

import pytest

from gateway.explain import AT_ONCE, MOST_MESSAGES, explain, newest
from gateway.routes import COMMLOG, MAILER, RULES
from gateway.upstream import Upstream

LIMIT = 200


class House:
    """The services, as `explain` asks them: each answers with its newest, the mailer with 200 messages at most."""

    def __init__(self, events: int, people: int, sends: int = 0) -> None:
        decided = [[{"outcome": "message", "message": f"m{n}-{p}"} for p in range(people)] for n in range(events)]
        self.events: list[dict[str, Any]] = [{"id": f"e{n}", "accepted_at": f"{n:06}", "decisions": decided[n]} for n in range(events)]
        self.sends: list[dict[str, Any]] = [{"send": f"s{n}"} for n in range(sends)]
        self.mails = [
            {"message": one["message"], "cause": event["id"], "correspondence": None} for event in self.events for one in event["decisions"]
        ] + [{"message": f"of-{one['send']}", "cause": one["send"], "correspondence": one["send"]} for one in self.sends]
        self.longest = 0

    async def ask(self, service: str, _token: str, path: str, **given: Any) -> Any:
        if path == "/operations/parked":
            return {"parked": []}
        if service == RULES:
            return {"events": self.events[-LIMIT:], "more": len(self.events) > LIMIT}
        if service == COMMLOG:
            return {"logs": [], "correspondences": self.sends, "more": False}
        if service == MAILER:
            ids, causes = given.get("message", []), given.get("cause", [])
            self.longest = max(self.longest, len(ids), len(causes))
            return {"messages": [one for one in self.mails if one["message"] in ids or one["cause"] in causes or "ref" in given][-LIMIT:]}
        return {}

    async def explained(self) -> dict[str, Any]:
        return await explain(cast("Upstream", self), "token", "4711")


@pytest.mark.parametrize(("events", "people", "sends"), [(1, 1, 0), (199, 3, 150), (250, 4, 0), (3, 300, 1)])
async def test_each_message_of_what_is_told_is_looked_up(events: int, people: int, sends: int) -> None:
    house = House(events, people, sends)
    told = await house.explained()
    decisions = [one for event in told["events"] for one in event["decisions"]]
    assert len(decisions) == min(events, LIMIT) * people
    assert [one for one in decisions if isinstance(one["message"], str)] == []
    assert [len(one["messages"]) for one in told["correspondences"]] == [1] * sends
    assert told["events"][-1]["id"] == f"e{events - 1}"
    assert told["more"] == (events > LIMIT)
    assert house.longest <= AT_ONCE


async def test_what_the_mailer_has_not_heard_of_is_on_its_way() -> None:
    house = House(events=3, people=2)
    house.mails = [one for one in house.mails if one["message"] != "m2-1"]
    decisions = [one for event in (await house.explained())["events"] for one in event["decisions"]]
    assert [one["message"] for one in decisions if isinstance(one["message"], str)] == ["m2-1"]


async def test_older_events_are_left_out_where_there_are_more_messages_than_can_be_looked_up() -> None:
    house = House(events=30, people=100)
    told = await house.explained()
    assert [event["id"] for event in told["events"]] == [f"e{n}" for n in range(10, 30)]
    assert told["more"]
    assert len(newest(House(events=1, people=MOST_MESSAGES + 1).events)) == 1, "the newest is told, however many it told"
