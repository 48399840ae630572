"""The links of a house as a process of its own: `python -m tests.faults.proxy FOLDER` serves what FOLDER/links.json lists.

Each link listens on `port` and leads to `target`; as `mode` says it passes on, is `cut` (reset, and refused), `frozen` (half-open:
accepted, and nothing comes through), `stuck` (what is open now stays half-open for good, and new connections pass) or `slow` (each
piece waits `seconds`).
"""

import asyncio
import contextlib
import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

import uvloop

LOOK_SECONDS, PIECE = 0.05, 1 << 16


@dataclass(frozen=True)
class Link:
    """Where it listens, where it leads, how it is."""

    port: int
    target: int
    mode: str = "pass"
    seconds: float = 0.0


def lay(file: Path, links: dict[str, Link]) -> None:
    """Let the links be so from now on."""
    new = file.with_suffix(".new")
    new.write_text(json.dumps({name: asdict(link) for name, link in links.items()}))
    new.replace(file)


def read(file: Path) -> dict[str, Link]:
    """What was laid there."""
    return {name: Link(**link) for name, link in json.loads(file.read_text()).items()}


@dataclass
class Served:
    """One link as it is now. `open` is the gate of the connections that come now; each keeps the one that it came by."""

    link: Link
    open: asyncio.Event = field(default_factory=asyncio.Event)
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    def become(self, link: Link) -> None:
        self.link = link
        if link.mode in {"frozen", "stuck"}:
            self.open.clear()
        if link.mode == "stuck":
            self.open = asyncio.Event()  # nobody opens the old one any more
        if link.mode != "frozen":
            self.open.set()
        if link.mode == "cut":
            for writer in self.writers:
                writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.writers.add(writer)
        try:
            if self.link.mode != "cut":
                await self._joined(reader, writer)
        finally:
            self.writers.discard(writer)
            writer.transport.abort()

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        gate = self.open
        with contextlib.suppress(OSError):
            await gate.wait()
            there, back = await asyncio.open_connection("127.0.0.1", self.link.target)
            self.writers.add(back)
            try:
                pumps = [asyncio.create_task(self._pump(gate, *pair)) for pair in ((reader, back), (there, writer))]
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
                for pump in pumps:
                    pump.cancel()
            finally:
                self.writers.discard(back)
                back.close()

    async def _pump(self, gate: asyncio.Event, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while True:
                piece = await reader.read(PIECE)
                await gate.wait()  # also before the end of it is told: who hung up is not heard of either
                if not piece:
                    return
                if self.link.seconds:
                    await asyncio.sleep(self.link.seconds)
                writer.write(piece)
                await writer.drain()


async def run(file: Path) -> None:
    """Until cancelled."""
    served = {name: Served(link) for name, link in read(file).items()}
    for one in served.values():
        one.become(one.link)
        await asyncio.start_server(one.serve, "127.0.0.1", one.link.port, backlog=200)
    known = 0
    while True:
        if (changed := file.stat().st_mtime_ns) != known:  # noqa: ASYNC240 - a file of a few bytes
            known = changed
            for name, link in read(file).items():
                if served[name].link != link:
                    served[name].become(link)
        await asyncio.sleep(LOOK_SECONDS)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(run(Path(sys.argv[1]) / "links.json"))
