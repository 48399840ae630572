"""`postroom unknown`: mails whose reply was lost, and what shall become of them."""

from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.padding import Padding
from rich.text import Text

from postroom_cli import output
from postroom_cli.client import Gateway
from postroom_cli.errors import CliError
from postroom_cli.options import DEMO, AsJson, Tenant, gateway

HELP = (
    "Mails whose reply was lost twice: the server may have them. Look for the Message-ID in its log, then say: resend, arrived, or leave."
)
app = typer.Typer(help=HELP, invoke_without_command=True)
Refs = Annotated[list[str] | None, typer.Argument(metavar="[ID]…", help="envelope/attempt, as `postroom unknown` shows it.")]
Resent = Annotated[str, typer.Argument(metavar="ENVELOPE[/ATTEMPT]", help="With its last attempt, the same again sends no copy more.")]
Order = Annotated[str | None, typer.Option("--order", metavar="ORDER", help="Of this order (id or number).")]
Address = Annotated[str | None, typer.Option("--address", metavar="ADDRESS|@DOMAIN", help="To this address, or to a whole domain.")]
Type = Annotated[str | None, typer.Option("--type", metavar="MESSAGE-TYPE", help="Of this message type.")]
Waiting = Annotated[bool, typer.Option("--waiting", help="Those too whose one automatic resend is still to come.")]
All = Annotated[bool, typer.Option("--all", help="All that wait for a decision now; with --order, --address of those alone.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it stays with the mail. `leave` needs one.")]
PAGE = "200"


@app.callback()
def list_(
    context: typer.Context,
    order: Order = None,
    address: Address = None,
    message_type: Type = None,
    tenant: Tenant = DEMO,
    *,
    waiting: Waiting = False,
    as_json: AsJson = False,
) -> None:
    """List them, the longest unknown first; with a command, decide."""
    if context.invoked_subcommand:
        return
    with gateway(context, tenant) as door:
        page: dict[str, Any] = {"next": None}
        mails: list[dict[str, Any]] = []
        while True:
            asked = {"order": order, "address": address, "message_type": message_type, "and_waiting": "true" if waiting else None}
            page = door.get("/api/unknown", or_empty=False, limit=PAGE, after=page["next"], **asked)
            mails += page["mails"]
            if not page["next"]:
                break
        page["mails"] = mails
    if as_json:
        output.as_json(page)
        return
    _show(page)


def _show(page: dict[str, Any]) -> None:
    console = output.console()
    if not page["mails"]:
        still = (
            f" {page['resent_by_themselves']} go out once more by themselves; --waiting shows them." if page["resent_by_themselves"] else ""
        )
        console.print(f"Nothing waits for a decision.{still}")
    elif console.is_terminal:
        for one in page["mails"]:
            console.print(_head(one), Padding(output.text(_facts(one)), (0, 0, 1, 2)))
    else:
        columns = ("id", "unknown since", "to", "person", "order", "message", "subject", "message-id", "what happened", "last reply")
        console.print(output.table(columns, [_row(one) for one in page["mails"]]))


def _head(one: dict[str, Any]) -> Text:
    what = f"  {output.plain(one['subject'])}"
    return Text.assemble((f"{one['envelope']}/{one['attempt']}", "bold"), what, (f"  {output.moment(one['unknown_since'])}", "yellow"))


def _facts(one: dict[str, Any]) -> str:
    who = f"to {one['address']} ({one['name']})" + (f" · order {one['order_number']}" if one["order_number"] else "")
    by_itself = f" · goes out once more at {output.moment(one['next_attempt_at'])}" if one["next_attempt_at"] else ""
    reply = f"\nlast reply: {_reply(one)}" if one["last_reply"] else ""
    return f"{who} · {one['message_type']}{by_itself}\nMessage-ID: <{one['message_id']}>\n{one['detail']}{reply}"


def _row(one: dict[str, Any]) -> tuple[Any, ...]:
    """A line a mail, for grep."""
    shown = (output.moment(one["unknown_since"]), one["address"], one["person"], one["order_number"], one["message_type"], one["subject"])
    return f"{one['envelope']}/{one['attempt']}", *shown, f"<{one['message_id']}>", one["detail"], _reply(one)


def _reply(one: dict[str, Any]) -> str:
    said = one["last_reply"]
    return f"{said['text']} ({output.moment(said['at'])})" if said else ""


def _deciding(decision: str) -> Callable[..., None]:
    """The command for one decision; the three differ in nothing else."""

    def decide(
        context: typer.Context,
        refs: Refs = None,
        order: Order = None,
        address: Address = None,
        reason: Reason = "",
        tenant: Tenant = DEMO,
        *,
        all_: All = False,
        as_json: AsJson = False,
    ) -> None:
        if bool(refs) == all_:
            raise CliError("usage", "Name ids, or --all with what they have in common.", "`postroom unknown` shows the ids.")
        body: dict[str, Any] = {"decision": decision, "reason": reason}
        with gateway(context, tenant) as door:
            if refs:
                answer = door.post("/api/unknown/decisions", json={**body, "chosen": [_chosen(ref) for ref in refs]})
            else:
                answer = _all(door, body, {"order": order, "address": address})
        _tell(answer, decision, as_json=as_json)

    return decide


def _tell(answer: dict[str, Any], decision: str, *, as_json: bool) -> None:
    """Exit code 1 where one is something else by now."""
    if as_json:
        output.as_json(answer)
    else:
        output.console().print(output.text(f"{answer['decided']} decided: {decision}", "green"))
        for one in answer["refused"]:
            output.console(stderr=True).print(output.text(f"{one['envelope']}/{one['attempt']}: {one['detail']}; left as it is.", "yellow"))
    if answer["refused"]:
        raise typer.Exit(1)


app.command("resend", help="Send it once more, the same bytes under the same Message-ID: they may get it twice.")(_deciding("resend"))
app.command("arrived", help="The server has it: recorded as sent, by your word.")(_deciding("arrived"))
app.command("leave", help="Don't send it any more; --reason says why.")(_deciding("leave"))


def _all(door: Gateway, body: dict[str, Any], matching: dict[str, str | None]) -> dict[str, Any]:
    """Batch by batch, no later ones than there are now."""
    until = door.get("/api/unknown", limit="1")["as_of"]
    fitting = {**{name: value for name, value in matching.items() if value}, "until": until}
    answer: dict[str, Any] = {"decided": 0, "refused": []}
    while True:
        one = door.post("/api/unknown/decisions", json={**body, "matching": fitting})
        answer = {"decided": answer["decided"] + one["decided"], "refused": [*answer["refused"], *one["refused"]]}
        if not one["left"]:
            return answer


def _chosen(ref: str) -> dict[str, Any]:
    envelope, slash, attempt = ref.rpartition("/")
    if not slash or not envelope or not attempt.isdecimal():
        raise CliError("bad_id", f"{ref!r} is not an envelope and an attempt.", "Such as 3f2a…/2; `postroom unknown` shows them.")
    return {"envelope": envelope, "attempt": int(attempt)}


def resend_any(context: typer.Context, ref: Resent, tenant: Tenant = DEMO, *, as_json: AsJson = False) -> None:
    """Queue an envelope again that is held, deferred, given up or uncertain; `explain` names envelopes and attempts."""
    envelope, slash, attempt = ref.partition("/")
    if slash and not attempt.isdecimal():
        raise CliError("bad_id", f"{ref!r} is not an envelope and its last attempt.", "Such as 3f2a…/2; `postroom explain` shows them.")
    with gateway(context, tenant) as door:
        answer = door.post(f"/api/envelopes/{quote(envelope, safe='')}/resend", json={"attempt": int(attempt)} if slash else None)
    if as_json:
        output.as_json(answer)
    else:
        output.console().print(output.text(f"{envelope}: was {answer['was']}, goes out now", "green"))
