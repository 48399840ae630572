"""How much is opened ahead on one connection."""

from datetime import timedelta

import pytest

from mailer_service.domain.job import Job
from mailer_service.sender import window as module
from mailer_service.sender.window import Window


class Clock:
    """Time as the test has it."""

    now = 1.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def served(window: Window, clock: Clock, seconds: float, mails: int) -> None:
    """So many mails, each of which takes so long."""
    for _ in range(mails):
        if not window.opened:
            window.fill([Job(f"e{n}", "a@b.example", None, 0, timedelta(), resent=False, refused_at=None, origin={}) for n in range(32)])
        job = window.take()
        assert job
        clock.now += seconds
        window.through(job)


def test_a_quick_server_has_a_full_window_and_a_slow_one_as_much_as_it_takes_in_a_few_seconds(clock: Clock) -> None:
    window = Window(32, lambda: None)
    window.connected = True
    assert window.room == 32
    served(window, clock, 0.05, 64)
    assert window.limit == 32
    served(window, clock, 1.0, 32)
    assert window.limit in {5, 6}
    served(window, clock, 8.0, 32)
    assert window.limit == 1
    window.opened.clear()
    assert window.room == 1, "one at a time, and never none"
    served(window, clock, 0.05, 64)
    assert window.limit == 32


def test_a_pause_in_which_there_was_nothing_to_do_is_not_the_servers(clock: Clock) -> None:
    window = Window(32, lambda: None)
    served(window, clock, 0.05, 32)
    assert window.take() is None
    clock.now += 3600
    served(window, clock, 0.05, 2)
    assert window.limit == 32


def taken(window: Window) -> Job:
    job = window.take()
    assert job
    return job


def test_a_mail_that_the_server_is_at_for_long_tells_it_before_its_answer(clock: Clock) -> None:
    """What waits behind it is given back then: there would be nothing left to measure by."""
    window = Window(32, lambda: None)
    served(window, clock, 0.05, 1)
    job = taken(window)
    clock.now += 2.0
    window.stall()
    window.opened.clear()
    assert window.limit == 2
    clock.now += 1.0
    window.through(job)
    assert window.limit == 2
    for _ in range(12):
        served(window, clock, 3.0, 1)
        window.opened.clear()
    assert window.limit == 1, "one mail at a time says as much as many"


def test_the_next_mail_that_is_begun_behind_the_dot_is_measured_from_the_answer_before_it(clock: Clock) -> None:
    window = Window(32, lambda: None)
    served(window, clock, 0.05, 1)
    behind = taken(window)
    for _ in range(40):
        first, behind = behind, taken(window) if window.opened else behind
        clock.now += 1.0
        window.through(first)
        window.fill([first])
    assert window.limit in {5, 6}


def test_what_waits_aside_takes_no_place(clock: Clock) -> None:
    """Two mails that have no answer for minutes, the second begun behind the dot of the first; another connection goes on meanwhile."""
    window = Window(32, lambda: None)
    window.connected = True
    served(window, clock, 0.05, 1)
    aside = taken(window), taken(window)
    clock.now += 2.0
    window.stall()
    window.opened.clear()
    clock.now += 13.0
    window.give_way()
    window.connected = True
    assert window.room == window.limit == 2
    served(window, clock, 0.05, 20)
    assert window.limit == 32
    clock.now += 600.0
    for job in aside:
        window.through(job)
    assert window.limit == 32
