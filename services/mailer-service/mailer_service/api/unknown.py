"""Mails whose reply was lost: what an operator sees of them, and decides."""

import re
from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from mailer_service import deciding, views
from mailer_service.customer.templates import Templates
from mailer_service.deciding import Decision
from mailer_service.rows import Row
from mailer_service.store import unknown as store
from mailer_service.store.unknown import Matching
from postroom import db
from postroom.auth import Operator
from postroom.db import Pool
from postroom.problems import Problem

LIMIT, AT_ONCE = 200, 1_000
_MESSAGE_ID = re.compile(rb"^Message-ID:\s*<([^>\r\n]+)>", re.IGNORECASE | re.MULTILINE)
_Envelope = Annotated[str, Path(max_length=200)]
Text = Annotated[str, Field(max_length=500)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Reply(BaseModel):
    """What the mail server last said of this envelope, in whichever attempt."""

    code: int
    text: str
    at: datetime


class UnknownMail(BaseModel):
    """An envelope of which nobody knows whether the server has it."""

    envelope: str
    attempt: int = Field(description="the one whose reply was lost: send it back with the decision")
    message: str
    message_id: str = Field(description="what to look for in the mail server's log")
    message_type: str
    subject: str
    person: str | None
    name: str
    address: str
    order: str | None = Field(description="the order's id")
    order_number: str
    correspondence: str | None
    unknown_since: datetime
    next_attempt_at: datetime | None = Field(description="its one automatic resend; null: it waits for a person")
    detail: str = Field(description="how the reply was lost")
    last_reply: Reply | None


class UnknownPage(BaseModel):
    """The longest unknown first."""

    as_of: datetime = Field(description="send it back as `until` to decide of no more than was seen")
    for_a_person: int = Field(description="of all, not of this page")
    resent_by_themselves: int = Field(description="how many wait for their one automatic resend")
    mails: list[UnknownMail]
    next: str | None = Field(description="`after` of the page that follows; null on the last")


class Decided(_Body):
    """What shall become of it."""

    attempt: int = Field(ge=1, le=1 << 30, description="as it was shown")
    decision: Decision = Field(description="resend: once more, the same bytes; arrived: the server has it; leave: not sent any more")
    reason: Text = ""

    @model_validator(mode="after")
    def _with_reason(self) -> Self:
        _why(self.decision, self.reason)
        return self


class One(_Body):
    """An envelope, and its attempt as it was shown."""

    envelope: Annotated[str, Field(max_length=200)]
    attempt: int = Field(ge=1, le=1 << 30)


class Filter(_Body):
    """All that fit, unknown by `until`."""

    order: Text | None = None
    address: Text | None = Field(default=None, description="an address, or a whole @domain")
    message_type: Text | None = None
    until: datetime
    and_waiting: bool = Field(default=False, description="those too whose automatic resend is still to come")


class DecidedOfMany(_Body):
    """What shall become of these, or of all that match."""

    decision: Decision
    reason: Text = ""
    chosen: list[One] | None = Field(default=None, max_length=AT_ONCE)
    matching: Filter | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.chosen is None) == (self.matching is None):
            raise ValueError("name either `chosen` or `matching`")
        _why(self.decision, self.reason)
        return self


class Refused(BaseModel):
    """One that is something else by now; nothing was changed in it."""

    envelope: str
    attempt: int
    detail: str


class DecidedAnswer(BaseModel):
    """What came of it."""

    decided: int = Field(description="those that were decided so before count too")
    refused: list[Refused]
    left: int = Field(description="how many match and were more than goes at once: ask again")


class OneDecided(BaseModel):
    """It is done."""

    envelope: str
    attempt: int
    decision: Decision
    state: str


def _why(decision: Decision, reason: str) -> None:
    if decision == "leave" and not reason.strip():
        raise ValueError("say in `reason` why it is not sent any more")


def router(pool: Pool, templates: Templates) -> APIRouter:
    """The routes; `pool` is the API's, under row-level security."""
    routes = APIRouter(prefix="/unknown", tags=["mail"])

    @routes.get("", response_model=UnknownPage)
    async def unknown(
        operator: Operator,
        order: Annotated[str | None, Query(max_length=500, description="its id or number")] = None,
        address: Annotated[str | None, Query(max_length=500, description="an address, or a whole @domain")] = None,
        message_type: Annotated[str | None, Query(max_length=500)] = None,
        after: Annotated[str | None, Query(max_length=300)] = None,
        limit: Annotated[int, Query(ge=1, le=LIMIT)] = 50,
        *,
        and_waiting: bool = False,
    ) -> dict[str, Any]:
        """Mails whose reply was lost and that wait for a person: the server may have them. Look for `message_id` in its log."""
        matching = Matching(order, address, message_type, None, and_waiting)
        async with db.as_principal(pool, operator, snapshot=True) as connection:
            rows = await store.page(connection, matching, _cursor(after), limit + 1)
            person, time = await store.counts(connection)
            as_of = await connection.fetchval("SELECT now()")
        briefs = await templates.briefs(rows)
        mails = [_shown(row, row["subject"] or views.brief(briefs, row)[0]) for row in rows[:limit]]
        last = f"{rows[limit - 1]['unknown_since'].isoformat()}|{rows[limit - 1]['envelope']}" if len(rows) > limit else None
        return {"as_of": as_of, "for_a_person": person, "resent_by_themselves": time, "mails": mails, "next": last}

    @routes.post("/decisions", response_model=DecidedAnswer)
    async def decide_many(operator: Operator, body: DecidedOfMany) -> dict[str, Any]:
        """Decide of many at once, those named or all that match. The same again changes nothing more."""
        async with db.as_principal(pool, operator) as connection:
            if body.matching:
                some = await store.choose(connection, Matching(**body.matching.model_dump()), AT_ONCE + 1)
            else:
                some = list(dict.fromkeys((one.envelope, one.attempt) for one in body.chosen or ()))
            now, left = some[:AT_ONCE], some[AT_ONCE:]
            refused = await deciding.decide(connection, operator, body.decision, body.reason.strip(), now)
        told = [{"envelope": envelope, "attempt": attempt, "detail": why} for (envelope, attempt), why in refused.items()]
        return {"decided": len(now) - len(refused), "refused": told, "left": len(left)}

    @routes.post("/{envelope}/decision", response_model=OneDecided)
    async def decide(operator: Operator, envelope: _Envelope, body: Decided) -> dict[str, Any]:
        """Decide of one: send it once more, it arrived, or leave it. The same again answers the same; else 409 if it has moved on."""
        one = (envelope, body.attempt)
        async with db.as_principal(pool, operator) as connection:
            if not await store.standing(connection, [one]):
                raise Problem(404, "unknown_envelope", "There is no such envelope. Find it with GET /unknown.")
            refused = await deciding.decide(connection, operator, body.decision, body.reason.strip(), [one])
        if one in refused:
            raise Problem(409, "not_unknown", f"This can't be decided any more: {refused[one]}. Nothing was changed.")
        state = deciding.STATES[body.decision]
        return {"envelope": envelope, "attempt": body.attempt, "decision": body.decision, "state": state}

    return routes


def _cursor(after: str | None) -> tuple[datetime, str] | None:
    if after is None:
        return None
    since, _, envelope = after.partition("|")
    try:
        return datetime.fromisoformat(since), envelope
    except ValueError as error:
        raise Problem(422, "invalid", "Take `after` from the `next` of the page before.", "after") from error


def _shown(row: Row, subject: str) -> dict[str, Any]:
    found = _MESSAGE_ID.search(row["head"] or b"")
    return {
        **{name: row[name] for name in ("envelope", "attempt", "message", "message_type", "person", "name", "address", "order_number")},
        **{name: row[name] for name in ("correspondence", "unknown_since", "detail")},
        "message_id": found[1].decode("ascii", "replace") if found else "",
        "subject": subject,
        "order": row["order_id"],
        "next_attempt_at": row["due_at"],
        "last_reply": {"code": row["code"], "text": row["reply"], "at": row["at"]} if row["code"] else None,
    }
