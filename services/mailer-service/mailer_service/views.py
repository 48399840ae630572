"""Rows as the API shows them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mailer_service.customer.templates import Briefs
from mailer_service.links import opened
from mailer_service.rows import Row
from mailer_service.withdrawing import cut, is_void


def inbox_entry(briefs: Briefs, row: Row, forwards: Sequence[Row] = ()) -> dict[str, Any]:
    """One line of the inbox: what of it holds today, or all of it where it was withdrawn."""
    subject, text = brief(briefs, cut(row))
    return {
        "message": row["id"],
        "message_type": row["message_type"],
        "created_at": row["created_at"],
        "subject": subject,
        "sender": row["sender"] or _author(row["facts"]) or "Postroom",
        "read_at": row["read_at"],
        "withdrawn_at": row["withdrawn_at"],
        "withdrawn_reason": row["withdrawn_reason"] or None,
        "forwarded": [{"to": one["to"], "note": one["note"], "at": one["forwarded_at"]} for one in forwards],
        "opens": opened(row["opens"]),
        "order": row["order_id"],
        "order_number": row["order_number"],
        "text": text,
        "reason": row["reason"],
    }


def inbox_page(briefs: Briefs, rows: Sequence[Row], forwards: Sequence[Row]) -> list[dict[str, Any]]:
    """Lines of the inbox with what was forwarded of each."""
    of = _by("message", forwards)
    return [inbox_entry(briefs, row, of[row["id"]]) for row in rows]


def brief(briefs: Briefs, message: Row) -> tuple[str, str]:
    """Subject and text. A message that can't be shown says so in its text, and is not left out."""
    try:
        return briefs.brief(message)
    except Exception as error:  # noqa: BLE001 - a template's fault must not hide the other messages
        return message["subject"] or message["message_type"], f"This message can't be shown: {error}"


def _author(facts: dict[str, Any]) -> str:
    author = facts.get("author")
    return str(author.get("name", "")) if isinstance(author, dict) else ""


def messages(
    briefs: Briefs, found: Sequence[Row], envelopes: Sequence[Row], attempts: Sequence[Row], decided: Sequence[Row] = ()
) -> list[dict[str, Any]]:
    """Messages with their envelopes, each with its attempts and what a person decided of those whose reply was lost."""
    attempts_of, decided_of = _by("envelope", attempts), _by("envelope", decided)
    envelopes_of = _by("message", envelopes)
    return [
        {
            "message": row["id"],
            "message_type": row["message_type"],
            "tenant": row["tenant"],
            "subject": row["subject"] or brief(briefs, row)[0],
            "sha256": row["sha256"],
            "recipient": {"person": row["person"], "name": row["name"], "email": row["email"], "hop": row["hop"]},
            "cause": row["cause"],
            "correspondence": row["correspondence"],
            "order": row["order_id"],
            "order_number": row["order_number"],
            "reason": row["reason"],
            "unmailed": row["unmailed"],
            "not_before": row["not_before"],
            "digest": _digest(row, envelopes_of),
            "withdrawn": _withdrawn(row),
            "created_at": row["created_at"],
            "envelopes": [_envelope(one, attempts_of[one["id"]], decided_of[one["id"]]) for one in envelopes_of[row["id"]]],
        }
        for row in found
    ]


def _digest(row: Row, envelopes_of: Mapping[str, Sequence[Row]]) -> dict[str, Any] | None:
    """When the person's digest takes it up; which message that became, and where its mail is."""
    if not row["digest_moment"]:
        return None
    mail = row["digest_message"]
    states = [{name: envelope[name] for name in ("address", "state")} for envelope in envelopes_of.get(mail, ())] if mail else []
    return {"moment": row["digest_moment"], "message": mail, "envelopes": states}


def _withdrawn(row: Row) -> dict[str, Any] | None:
    """What became void of it, why, and by which event; `whole` if nothing is left."""
    if not row["void"]:
        return None
    about = [name for name in row["void"] if name]
    return {"whole": is_void(row), "about": about, "reason": row["void_reason"], "cause": row["void_cause"], "at": row["void_at"]}


def _envelope(row: Row, attempts: Sequence[Row], decided: Sequence[Row]) -> dict[str, Any]:
    return {
        "envelope": row["id"],
        "address": row["address"],
        "state": row["state"],
        "hold_reason": row["hold_reason"],
        "detail": row["detail"],
        "next_attempt_at": row["due_at"],
        "attempts": [
            {"attempt": attempt["number"], **{name: attempt[name] for name in ("opened_at", "settled_at", "result", "code", "detail")}}
            for attempt in attempts
        ],
        "decisions": [{name: one[name] for name in ("attempt", "decision", "reason", "person", "decided_at")} for one in decided],
    }


def _by(name: str, rows: Iterable[Row]) -> defaultdict[str, list[Row]]:
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row[name]].append(row)
    return found
