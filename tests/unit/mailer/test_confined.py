"""A worker that is killed from outside over a question, as the kernel does where memory is short, costs nobody the answer."""

import asyncio
from pathlib import Path

import psutil
import pytest

import mailer_service
from mailer_service.confined import TRIES, Confined, ConfinedError, NoWorkerError

PACKAGE = Path(mailer_service.__path__[0]).parent
WORKER = """
import os, signal, sys, time
from pathlib import Path
from mailer_service.confined_loop import serve

def answer(question):
    deaths = Path(sys.argv[0]).with_name("deaths")
    left = int(deaths.read_text()) - 1
    deaths.write_text(str(left))
    if left >= 0:
        os.kill(os.getpid(), int(question))
        time.sleep(30)
    return b"done"

serve(lambda: answer)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "dying_worker.py").write_text(WORKER)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{PACKAGE}")
    return tmp_path


async def _asked(folder: Path, deaths: int, signal: bytes = b"9") -> bytes:
    (folder / "deaths").write_text(str(deaths))
    confined = Confined("dying_worker", memory=1 << 30, seconds=30)
    try:
        return await confined.ask(signal)
    finally:
        await confined.close()


async def test_who_is_killed_from_outside_is_followed_by_another_that_answers(folder: Path) -> None:
    assert await _asked(folder, TRIES - 1) == b"done"


async def test_not_for_ever(folder: Path) -> None:
    with pytest.raises(ConfinedError, match="killed again and again") as failed:
        await _asked(folder, TRIES)
    assert failed.value.killed


async def test_what_dies_by_its_own_bounds_is_not_asked_again(folder: Path) -> None:
    """SIGPROF is how its computing time ends."""
    with pytest.raises(ConfinedError, match="of computing"):
        await _asked(folder, 1, b"27")
    assert (folder / "deaths").read_text() == "0"


async def test_closing_leaves_no_process(folder: Path) -> None:
    before = {child.pid for child in psutil.Process().children()}
    await _asked(folder, 0)
    await asyncio.sleep(0)
    assert {child.pid for child in psutil.Process().children()} <= before


async def test_a_machine_that_can_start_nothing_is_nobodys_fault_and_a_later_try_succeeds(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by reading: a template was called broken until the next release."""
    (folder / "deaths").write_text("0")
    confined, start = Confined("dying_worker", memory=1 << 30, seconds=30), asyncio.create_subprocess_exec

    async def none_left(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", none_left)
    with pytest.raises(NoWorkerError, match="temporarily unavailable"):
        await confined.ask(b"9")
    monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
    assert await confined.ask(b"9") == b"done"
    await confined.close()
