"""Work that may hang or eat memory, in a process of its own that can be killed: question in, answer out."""

import asyncio
import contextlib
import os
import signal
import struct
import sys
from asyncio.subprocess import PIPE, Process

HEAD = struct.Struct(">?I")
MAX_ANSWER = 64 * 1024 * 1024
START_SECONDS = 60.0
# Whatever a long-lived interpreter piles up goes with it.
JOBS_PER_WORKER = 5_000
# What kills a worker from outside, such as the kernel where the machine is short of memory, is no fault of the question's.
TRIES = 3
END_SECONDS = 5.0
# Settings such as the database's password are none of a worker's business.
_ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "LANG", "LC_ALL", "TMPDIR")


class ConfinedError(Exception):
    """The worker failed over a question, and why; `killed` when it had to be stopped, or died over it."""

    def __init__(self, detail: str, *, killed: bool = False) -> None:
        super().__init__(detail)
        self.killed = killed


class NoWorkerError(Exception):
    """The machine can't start a worker now: nothing that was asked is at fault, and a later try may succeed."""


class _KilledFromOutsideError(ConfinedError):
    """Somebody else did it: the worker's own bounds end it by other signals."""


class Confined:
    """A worker `python -m <module>`, one question at a time, bound in memory (bytes), CPU time and wall time (seconds; cpu 0: unbound)."""

    def __init__(self, module: str, *, memory: int, seconds: float, cpu: float = 0.0, jobs: int = JOBS_PER_WORKER) -> None:
        self._command = [sys.executable, "-m", module, str(memory), str(cpu)]
        self._memory, self._seconds, self._cpu, self._per_worker = memory, seconds, cpu, jobs
        self._worker: Process | None = None
        self._jobs = 0
        self._one = asyncio.Lock()

    async def ask(self, question: bytes) -> bytes:
        """The worker's answer. Raises ConfinedError; a worker that takes too long or too much is gone then: the next call starts one.

        Raises NoWorkerError where none can be started. One that is killed from outside over it is followed by another, which is asked.
        """
        async with self._one:
            for _ in range(TRIES - 1):
                with contextlib.suppress(_KilledFromOutsideError):
                    return await self._asked(question)
            return await self._asked(question)

    async def _asked(self, question: bytes) -> bytes:
        try:
            worker = await self._running()
            async with asyncio.timeout(self._seconds):
                good, answer = await _ask(worker, question)
        except TimeoutError as error:
            await self.close()
            raise ConfinedError(f"not ready after {self._seconds:g} s", killed=True) from error
        except (asyncio.IncompleteReadError, OSError, RuntimeError) as error:  # the last: its pipe is closed
            raise self._died(await self._ended()) from error
        except BaseException:
            await self.close()
            raise
        if not good:
            # What failed over one question, perhaps for want of memory, is not asked the next.
            await self.close()
            raise ConfinedError(answer.decode("utf-8", "replace")[:2_000])
        return answer

    async def _running(self) -> Process:
        if self._jobs >= self._per_worker:
            await self.close()
        if self._worker is None or self._worker.returncode is not None:
            env = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
            try:
                self._worker = await asyncio.create_subprocess_exec(*self._command, stdin=PIPE, stdout=PIPE, env=env)
                self._jobs = 0
                async with asyncio.timeout(START_SECONDS):
                    await _answer(self._worker)  # it has imported what it needs: its start counts against nobody's time
            except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:  # the last: it died before it was asked anything
                await self.close()
                raise NoWorkerError(f"no worker could be started: {error or 'not ready in time'}") from error
        self._jobs += 1
        return self._worker

    def _died(self, code: int | None) -> ConfinedError:
        if code == -signal.SIGKILL:
            return _KilledFromOutsideError("its worker was killed again and again", killed=True)
        if code == -signal.SIGPROF:
            return ConfinedError(f"stopped after {self._cpu:g} s of computing", killed=True)
        return ConfinedError(f"the worker died over it; it may use {self._memory >> 20} MB", killed=True)

    async def _ended(self) -> int | None:
        """How the worker ended that says no more; a busy machine buries slowly. None if it lives: then it is ended here."""
        if self._worker:
            with contextlib.suppress(TimeoutError):
                code = await asyncio.wait_for(self._worker.wait(), END_SECONDS)
                await self.close()
                return code
        await self.close()
        return None

    async def close(self) -> None:
        """Kill the worker, if there is one."""
        worker, self._worker = self._worker, None
        if worker is None:
            return
        if worker.stdin:
            worker.stdin.close()
        with contextlib.suppress(ProcessLookupError):  # it has ended by itself
            worker.kill()
        await worker.wait()


async def _ask(worker: Process, question: bytes) -> tuple[bool, bytes]:
    assert worker.stdin  # noqa: S101 - PIPE was asked for
    worker.stdin.write(HEAD.pack(True, len(question)) + question)  # noqa: FBT003 - a struct's field
    await worker.stdin.drain()
    return await _answer(worker)


async def _answer(worker: Process) -> tuple[bool, bytes]:
    assert worker.stdout  # noqa: S101 - PIPE was asked for
    good, length = HEAD.unpack(await worker.stdout.readexactly(HEAD.size))
    if length > MAX_ANSWER:
        raise ConfinedError(f"an answer of {length} bytes")
    return good, await worker.stdout.readexactly(length)
