"""`python -m embedded up | down | status | kill NAME | demo [--once] | clean`: everything on this machine, without Docker."""

import argparse
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from embedded import control
from embedded.display import console, print_addresses, print_status
from embedded.errors import EmbeddedError
from embedded.paths import RUN
from embedded.state import read_state
from embedded.supervisor import Supervisor

# A kill in the demo leaves attempts `unknown`; nobody wants to watch the 15 minutes until they are sent again.
_DEMO = {"POSTROOM_UNKNOWN_RESEND_SECONDS": "5"}


def up(run: Path, *, infrastructure_only: bool) -> int:
    """Start everything in the background; nothing to do when it runs."""
    if control.is_up(run):
        console.print("Everything runs already.")
    else:
        console.print(
            f"[green]✓[/] Everything is up after {control.start(run, services=not infrastructure_only):.1f} s; `make down` stops it."
        )
    print_addresses(control.endpoints(run), run)
    return 0


def down(run: Path) -> int:
    """Stop everything; the data stay."""
    console.print("[green]✓[/] Stopped; the data stay (`make clean` removes them)." if control.stop(run) else "Nothing runs.")
    return 0


def status(run: Path) -> int:
    """Show what runs; 1 when not everything does."""
    if not control.is_up(run):
        state = read_state(run)
        console.print(f"Not up. {state.failure}".strip())
        print_status(state)
        return 1
    state = read_state(run)
    print_status(state)
    print_addresses(control.endpoints(run), run)
    return 0 if all(unit.state == "up" for unit in state.units.values()) else 1


def demo(run: Path, *, once: bool) -> int:
    """Start everything anew with the demo's settings, play the scenario, stay until Ctrl-C, stop everything."""
    from embedded import demo as scenario  # noqa: PLC0415 - it needs the clients of Kafka and HTTP, the other commands don't

    if control.stop(run):
        console.print("What was running is started anew with the demo's settings; its data stay.")
    os.environ.update(_DEMO)
    try:
        console.print(f"[green]✓[/] Everything is up after {control.start(run, dies_with_us=True):.1f} s")
        failed = scenario.run(control.endpoints(run), once=once, run_folder=run)
        if not once:
            console.print("Look around; [bold]Ctrl-C[/] stops everything.")
            _wait_for_ctrl_c()
    finally:
        down(run)
    return failed


def _wait_for_ctrl_c() -> None:
    with suppress(KeyboardInterrupt):
        signal.pause()
    console.print()


def supervise(run: Path, *, infrastructure_only: bool) -> int:
    """Be the parent of everything, until SIGTERM."""
    Supervisor(run, services=not infrastructure_only).run()
    return 0


def clean(run: Path) -> int:
    """Stop everything and remove the data."""
    control.stop(run)
    control.clean(run)
    console.print("The data are gone; what was downloaded stays in .venv.")
    return 0


def kill(run: Path, name: str) -> int:
    """Kill -9 one process; the supervisor starts it again."""
    console.print("Killed {} (process {}); it is started again.".format(*control.kill(run, name)))
    return 0


def main() -> int:
    """Read the command line and do it; what can't be done is told without a traceback."""
    parser = argparse.ArgumentParser(prog="python -m embedded", description=__doc__)
    parser.add_argument("--run", type=Path, default=RUN, help="the folder of data and logs")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, command in {"down": down, "status": status, "clean": clean}.items():
        commands.add_parser(name, help=command.__doc__)
    for name, starts in {"up": up, "supervise": supervise}.items():
        only = "Kafka, Postgres and the mailbox; the services are started elsewhere, say by a debugger"
        commands.add_parser(name, help=starts.__doc__).add_argument("--infrastructure-only", action="store_true", help=only)
    commands.add_parser("kill", help=kill.__doc__).add_argument("name", help="such as mailer-service, kafka, postgres")
    commands.add_parser("demo", help=demo.__doc__).add_argument("--once", action="store_true", help="stop after the scenario")
    given = vars(parser.parse_args())
    function = globals()[given.pop("command")]
    try:
        code: int = function(**{**given, "run": given["run"].resolve()})
    except EmbeddedError as failure:
        console.print(f"[red]✗[/] {failure}", soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        return 130  # as a shell has it
    return code


if __name__ == "__main__":
    sys.exit(main())
