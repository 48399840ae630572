"""kill -9 of each service under load: nothing lost; doubled only where an attempt is `unknown`."""

from uuid import uuid4

import pytest
from rich.console import Console
from tests.e2e.conftest import House

from embedded import control
from embedded.demo import cast, scenes, storm
from embedded.demo.door import until
from embedded.demo.scenes import received
from embedded.demo.stage import Stage
from embedded.state import read_state

EVENTS = 300


@pytest.mark.timeout(240)
@pytest.mark.parametrize("victim", ["notification-rules", "kafka", "postgres"])  # the mailer's turn is in the demo
def test_a_kill_under_load_loses_nothing(house: House, victim: str) -> None:
    """A burst, a kill in the middle of it, and afterwards each mail is there."""
    stage = Stage(house.door, Console(quiet=True))
    scenes.set_the_scene(stage)
    mark = f"KILL-{uuid4().hex[:6]}"
    unknown = storm.ever_unknown(stage)
    total, restarts = house.door.total(), _restarts(house, victim)
    events = [received(f"{mark}-{n}", f"{mark}-{n:04d}", cast.BELA, "Fuse") for n in range(EVENTS)]
    house.door.write("in.erp", events[: EVENTS // 2])
    until("the first mails", lambda: house.door.total() > total or None, pause=0.005)
    control.kill(house.run, victim)
    until("its restart", lambda: _restarts(house, victim) > restarts or None)
    until("everything being up again", lambda: _up(house) or None, patience=90)
    house.door.write("in.erp", events[EVENTS // 2 :])
    until("every mail", lambda: storm.arrived(house.door, mark, EVENTS), patience=120)
    until("the end of all attempts", lambda: storm.settled(stage), patience=60)
    copies = storm.copies_of(house.door, mark)
    assert len(copies) == EVENTS
    assert sum(copies.values()) - EVENTS <= storm.ever_unknown(stage) - unknown


def _restarts(house: House, name: str) -> int:
    return read_state(house.run).units[name].restarts


def _up(house: House) -> bool:
    return control.is_up(house.run) and all(unit.state == "up" for unit in read_state(house.run).units.values())
