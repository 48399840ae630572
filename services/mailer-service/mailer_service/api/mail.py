"""What became of messages, a PDF of logs, and an operator's resend."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from mailer_service import views
from mailer_service.customer.templates import Templates
from mailer_service.pdf import PdfFailedError, Pdfs
from mailer_service.store import envelopes, reading, unknown
from postroom import db
from postroom.auth import Caller, Operator
from postroom.contracts.commlog import FrozenLogs
from postroom.db import Pool
from postroom.problems import Problem

LIMIT = 200
RESENDABLE = "held, unknown, dead and deferred envelopes can be resent"


class Again(BaseModel):
    """Which attempt was seen."""

    model_config = ConfigDict(extra="forbid")

    attempt: int = Field(ge=0, le=1 << 30, description="how many the envelope had had; a later one is another question")


def router(pool: Pool, templates: Templates, pdfs: Pdfs) -> APIRouter:
    """The routes; `pool` is the API's, under row-level security."""
    routes = APIRouter(tags=["mail"])
    _add_messages(routes, pool, templates)

    @routes.post("/pdf", response_class=Response, responses={200: {"content": {"application/pdf": {}}}})
    async def pdf(_: Caller, logs: FrozenLogs) -> Response:
        """The logs as a PDF; nothing is sent or stored."""
        try:
            content = await pdfs.logs(logs)
        except PdfFailedError as error:
            raise Problem(422, "pdf_failed", f"There is {error}") from error
        return Response(content, media_type="application/pdf")

    return routes


def _add_messages(routes: APIRouter, pool: Pool, templates: Templates) -> None:
    @routes.get("/messages")
    async def messages(
        operator: Operator,
        ref: str | None = None,
        cause: Annotated[list[str] | None, Query()] = None,
        message: Annotated[list[str] | None, Query()] = None,
        limit: Annotated[int, Query(ge=1, le=LIMIT)] = LIMIT,
    ) -> dict[str, Any]:
        """Messages by id, order, order number, correspondence (`ref`), causing or withdrawing event, with all attempts: the newest."""
        async with db.as_principal(pool, operator) as connection:
            found = await reading.messages(connection, ref, cause or [], message or [], limit)
            # Those of the digests too, in which some of these were sent.
            of = await reading.envelopes(connection, [id_ for row in found for id_ in (row["id"], row["digest_message"]) if id_])
            attempts = await reading.attempts(connection, [row["id"] for row in of])
            decided = await unknown.decisions(connection, [row["id"] for row in of])
        return {"messages": views.messages(await templates.briefs(found), found, of, attempts, decided)}

    @routes.post("/envelopes/{envelope}/resend")
    async def resend(operator: Operator, envelope: str, again: Again | None = None) -> dict[str, Any]:
        """Queue an envelope again, due at once; a suppressed address is good again by that. Of `unknown` ones, see GET /unknown first.

        Said twice of the same attempt it is one: name it, and an answer that was lost can be asked for again without a copy more.
        """
        async with db.as_principal(pool, operator) as connection:
            found = await envelopes.standing(connection, envelope)
            if found is None:
                raise Problem(404, "unknown_envelope", "There is no such envelope. Find it with GET /messages?ref=.")
            state, attempts = found["state"], found["attempts"]
            if again and again.attempt != attempts:
                detail = f"Nothing was changed: the envelope has had {attempts} attempts, and is {state}. See GET /messages?ref=."
                raise Problem(409, "attempted_since", detail, "attempt")
            if again and found["goes_out"]:
                return {"envelope": envelope, "state": state, "was": state}
            row = await envelopes.resend(connection, envelope)
            if row is None:
                raise Problem(409, "not_resendable", f"The envelope is {state}; {RESENDABLE}.")
            if state == "unknown":
                await unknown.note(connection, [(envelope, row["attempts"], row["tenant"])], "resend", "", operator.person)
            await envelopes.lift_suppression(connection, row["tenant"], row["address"])
            await envelopes.wake_senders(connection)
        return {"envelope": envelope, "state": "pending", "was": state}
