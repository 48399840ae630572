"""Plays the scenes one after the other and tells the end of it."""

from collections.abc import Callable
from pathlib import Path

import httpx
from rich.console import Console
from rich.panel import Panel

from embedded.demo import causes, scenes, storm
from embedded.demo.door import Door
from embedded.demo.stage import Stage
from embedded.errors import EmbeddedError

SCENES: tuple[Callable[[Stage], None], ...] = (
    scenes.set_the_scene,
    scenes.order_comes_in,
    scenes.short_delivery,
    scenes.receipts,
    scenes.budgets,
    scenes.correspondence,
    scenes.from_outside,
    scenes.parked,
)


def run(endpoints: dict[str, str], *, once: bool, run_folder: Path) -> int:
    """Play everything; 0 when each mail came to the right person exactly once, else 1 and what was missing."""
    console = Console(highlight=False)
    stage = Stage(Door(endpoints), console)
    try:
        for scene in SCENES:
            scene(stage)
        storm.kill_while_sending(stage, run_folder)
        causes.status_messages(stage)
        stage.title("✓", "In the end")
        stage.each_once()
        _tell_duplicates(stage)
    except (EmbeddedError, httpx.HTTPError) as failure:
        console.print(Panel(str(failure), title="The scenario does not hold", border_style="red"))
        return 1
    console.print(Panel(_next(endpoints, once=once), title="Every mail came to the right person, once", border_style="green"))
    return 0


def _tell_duplicates(stage: Stage) -> None:
    services = stage.door.get(scenes.OPERATOR, "/status")["services"]
    seen = sum(sum(service.get("duplicates", {}).values()) for service in services.values())
    stage.say(f"events and documents that came again and had no second effect: {seen}")


def _next(endpoints: dict[str, str], *, once: bool) -> str:
    lines = [
        f"The page         {endpoints['gateway_url']}",
        f"Mails            {endpoints['mailbox_url']}",
        f"HTTP calls       {endpoints['gateway_url']}/docs",
        f"Why?             .venv/bin/postroom explain {scenes.ORDER}",
        "How is it?       .venv/bin/postroom status",
    ]
    return "\n".join(lines if not once else lines[:3])
