"""The command `postroom`: its commands, and how their failures are told."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from typer._click.exceptions import ClickException  # Typer's own copy of click; it is named nowhere else

from postroom_cli import audit, output, parked, preferences, restore, rules, tasks, templates, unknown
from postroom_cli.emit import emit
from postroom_cli.errors import FAILED, CliError
from postroom_cli.explain import explain
from postroom_cli.imports import import_
from postroom_cli.settings import Settings
from postroom_cli.status import status
from postroom_cli.tokens import token

_EPILOG = (
    "Exit codes: 0 done; 1 answered, and the answer is no (parked, refused, nothing known); 2 could not be asked (usage, address, token). "
    "Addresses come from the options, the environment (POSTROOM_*), or the nearest .run/endpoints.json upward from here."
)
_INTERRUPTED = 130

app = typer.Typer(name="postroom", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, epilog=_EPILOG)
app.command("import")(import_)
app.command()(emit)
app.command()(explain)
app.add_typer(parked.app, name="parked")
app.add_typer(unknown.app, name="unknown")
app.command("resend")(unknown.resend_any)
app.add_typer(restore.app, name="restore")
app.add_typer(tasks.app, name="task")
app.add_typer(rules.app, name="rules")
app.add_typer(templates.app, name="templates")
app.add_typer(preferences.app, name="preferences")
app.add_typer(audit.app, name="audit")
app.command()(token)
app.command()(status)


@app.callback()
def root(
    context: typer.Context,
    gateway: Annotated[str | None, typer.Option("--gateway", metavar="URL", help="The gateway's address.")] = None,
    kafka: Annotated[str | None, typer.Option("--kafka", metavar="HOST:PORT", help="Kafka's address (for emit).")] = None,
    endpoints: Annotated[Path | None, typer.Option("--endpoints", metavar="FILE", help="Another endpoints.json than the nearest.")] = None,
) -> None:
    """Postroom's letters of purchasing: hand in documents and events, and see what became of them."""
    given = {"gateway_url": gateway, "kafka": kafka, "endpoints": endpoints}
    context.obj = Settings().model_copy(update={name: value for name, value in given.items() if value is not None})


def run(arguments: Sequence[str]) -> int:
    """Run the command; → its exit code. A failure is one sentence on stderr, or JSON with --json."""
    machine = "--json" in arguments
    try:
        return int(app(list(arguments), standalone_mode=not machine) or 0)
    except CliError as error:
        output.failure(error, machine=machine)
        return error.exit_code
    except ClickException as error:
        output.failure(CliError("usage", error.format_message(), "postroom --help names the commands and options."), machine=machine)
        return FAILED
    except (KeyboardInterrupt, typer.Abort):
        return _INTERRUPTED
    except SystemExit as done:
        return int(done.code or 0)
    except BrokenPipeError:
        # The reader (head, less) has gone; Python's own flush at the end must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def main() -> None:
    """The entry point of .venv/bin/postroom."""
    sys.exit(run(sys.argv[1:]))
