"""The inside of a confined worker: answers questions until stdin ends, under limits that the kernel keeps."""

import logging
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import BinaryIO

from mailer_service.confined import HEAD, MAX_ANSWER


def serve(load: Callable[[], Callable[[bytes], bytes]]) -> None:
    """Answer with what `load` gives, which is called under the memory limit. The pipe is taken first, so that no print gets into it."""
    memory, cpu = int(sys.argv[1]), float(sys.argv[2])
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.disable(logging.WARNING)
    answer = load()
    _write(out, good=True, result=b"")
    while head := sys.stdin.buffer.read(HEAD.size):
        question = sys.stdin.buffer.read(HEAD.unpack(head)[1])
        # Nobody handles the signal, so the kernel ends us wherever we are; computing counts, waiting for a busy machine doesn't.
        signal.setitimer(signal.ITIMER_PROF, cpu)
        good, result = _answered(answer, question)
        signal.setitimer(signal.ITIMER_PROF, 0)
        _write(out, good=good, result=result)


def _answered(answer: Callable[[bytes], bytes], question: bytes) -> tuple[bool, bytes]:
    try:
        result = answer(question)
    except MemoryError:
        return False, f"it needs more memory than the {int(sys.argv[1]) >> 20} MB that it may use".encode()
    except Exception as error:  # noqa: BLE001 - whatever the question does to the libraries is the question's failure
        return False, f"{type(error).__name__}: {error}".encode("utf-8", "replace")
    if len(result) > MAX_ANSWER:
        return False, f"it makes {len(result)} bytes; {MAX_ANSWER} is the most".encode()
    return True, result


def _write(out: BinaryIO, *, good: bool, result: bytes) -> None:
    out.write(HEAD.pack(good, len(result)) + result)
    out.flush()
