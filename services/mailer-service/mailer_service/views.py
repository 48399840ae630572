"""Rows as the API shows them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from mailer_service.render import Renderer
from mailer_service.rows import Row


def inbox_entry(renderer: Renderer, row: Row) -> dict[str, Any]:
    """One line of the inbox. A message that can't be shown says so in its text; it is not left out."""
    try:
        subject, text = renderer.brief(row)
    except Exception as error:  # noqa: BLE001 - a template's fault must not hide the other messages
        subject, text = row["subject"] or row["message_type"], f"This message can't be shown: {error}"
    sender = row["facts"].get("author", {})
    return {
        "message": row["id"],
        "message_type": row["message_type"],
        "created_at": row["created_at"],
        "subject": subject,
        "sender": sender.get("name", "Postroom") if isinstance(sender, dict) else "Postroom",
        "read_at": row["read_at"],
        "order": row["order_id"],
        "order_number": row["order_number"],
        "text": text,
        "reason": row["reason"],
    }


def messages(renderer: Renderer, found: Sequence[Row], envelopes: Sequence[Row], attempts: Sequence[Row]) -> list[dict[str, Any]]:
    """Messages with their envelopes, each with its attempts."""
    attempts_of = _by("envelope", attempts)
    envelopes_of = _by("message", envelopes)
    return [
        {
            "message": row["id"],
            "message_type": row["message_type"],
            "tenant": row["tenant"],
            "subject": row["subject"] or inbox_subject(renderer, row),
            "sha256": row["sha256"],
            "recipient": {"person": row["person"], "name": row["name"], "email": row["email"], "hop": row["hop"]},
            "cause": row["cause"],
            "correspondence": row["correspondence"],
            "order": row["order_id"],
            "order_number": row["order_number"],
            "reason": row["reason"],
            "unmailed": row["unmailed"],
            "created_at": row["created_at"],
            "envelopes": [_envelope(envelope, attempts_of[envelope["id"]]) for envelope in envelopes_of[row["id"]]],
        }
        for row in found
    ]


def inbox_subject(renderer: Renderer, row: Row) -> str:
    """The subject of a message that was never mailed, or its type where it has none."""
    try:
        return renderer.brief(row)[0]
    except Exception:  # noqa: BLE001 - the same: shown without
        return str(row["message_type"])


def _envelope(row: Row, attempts: Sequence[Row]) -> dict[str, Any]:
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
    }


def _by(name: str, rows: Iterable[Row]) -> defaultdict[str, list[Row]]:
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row[name]].append(row)
    return found
