"""The scenario of `make demo`, twice on the same data: the second time everything is a duplicate, and nothing is sent twice."""

import pytest
from tests.e2e.conftest import House

from embedded.demo import run


@pytest.mark.timeout(300)
def test_the_scenario_holds_and_again_sends_nothing_twice(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """Each scene's mails come once; played again, status counts duplicates and the mailbox has not one mail more."""
    assert run(house.endpoints, once=True, run_folder=house.run) == 0, capsys.readouterr().out
    mails, duplicates = house.door.total(), _duplicates(house)
    assert run(house.endpoints, once=True, run_folder=house.run) == 0, capsys.readouterr().out
    assert house.door.total() == mails
    assert _duplicates(house) >= duplicates + 1000


def _duplicates(house: House) -> int:
    services = house.postroom_json("status")["services"]
    return sum(sum(service.get("duplicates", {}).values()) for service in services.values())
