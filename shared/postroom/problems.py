"""Every error of every HTTP call has one form: problem+json (RFC 9457) with a code, the field and the way out."""

from http import HTTPStatus
from typing import Any

import asyncpg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from postroom.blobs import BlobsAwayError
from postroom.contracts.errors import Refused, told

MEDIA_TYPE = "application/problem+json"
# Refused, cut, starting, stopping, a standby, too slow, or somebody else was faster: nothing was done, and the caller may try it again.
DATABASE_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    ConnectionError,
    TimeoutError,
)
log = structlog.get_logger()


class Problem(Exception):  # noqa: N818 - it is an answer, and RFC 9457 calls it so
    """Raise it anywhere below a route: `code` is for programs, `detail` for people, `field` names what to mend."""

    def __init__(self, status: int, code: str, detail: str, field: str | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.field = field
        self.more = more


def answer(problem: Problem) -> JSONResponse:
    """The problem as an HTTP answer."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
        "field": problem.field,
        **problem.more,
    }
    return JSONResponse(body, status_code=problem.status, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Let all errors of this app become problems."""

    @app.exception_handler(Problem)
    async def _problem(_: Request, error: Problem) -> JSONResponse:
        return answer(error)

    @app.exception_handler(Refused)
    async def _refused(_: Request, error: Refused) -> JSONResponse:
        return answer(Problem(422, error.reason, error.detail, error.path or None))

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
        others = [{"field": ".".join(str(part) for part in one["loc"][1:]), "detail": told(one["msg"])} for one in error.errors()]
        return answer(Problem(422, "invalid", f"{field}: {told(first['msg'])}", field, errors=others))

    @app.exception_handler(asyncpg.DataError)
    async def _no_such_value(request: Request, error: asyncpg.DataError) -> JSONResponse:
        # SQLSTATE class 22, and what the driver can't encode: a NUL in a text or a path, a number beyond its column.
        log.warning("the database can't take a value", method=request.method, path=request.url.path, error=str(error))
        return answer(Problem(422, "invalid", f"A value of this request can't be taken: {error}. Nothing was changed.", _with_nul(request)))

    for away in DATABASE_AWAY:
        app.add_exception_handler(away, _database_away)

    @app.exception_handler(BlobsAwayError)
    async def _blobs_away(request: Request, error: BlobsAwayError) -> JSONResponse:
        log.warning("the store of documents is away", method=request.method, path=request.url.path, error=str(error)[:500])
        return answer(Problem(503, "documents_away", "The store of documents does not answer. Nothing is lost: try again in a moment."))

    @app.exception_handler(ClientDisconnect)
    async def _broken_off(_: Request, __: ClientDisconnect) -> JSONResponse:
        return answer(Problem(400, "incomplete_body", "The body broke off, or its pieces are not as HTTP has them. Send it whole.", "body"))

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> JSONResponse:
        return answer(Problem(error.status_code, HTTPStatus(error.status_code).phrase.lower().replace(" ", "_"), str(error.detail)))

    @app.exception_handler(Exception)
    async def _unforeseen(request: Request, error: Exception) -> JSONResponse:
        log.error("request failed", method=request.method, path=request.url.path, exc_info=error)
        return answer(Problem(500, "internal", "Something went wrong on our side; nothing was changed. Try again, or ask an operator."))


async def _database_away(request: Request, error: Exception) -> JSONResponse:
    log.warning("the database is away", method=request.method, path=request.url.path, error=str(error) or type(error).__name__)
    detail = "The database does not answer. Try again in a moment; with an Idempotency-Key, or the same document, nothing is done twice."
    return answer(Problem(503, "database_away", detail))


def _with_nul(request: Request) -> str | None:
    """The parameter that holds a NUL, which no text in Postgres can; None where the value stands in the body."""
    parameters = [*request.query_params.multi_items(), *request.path_params.items()]
    return next((name for name, value in parameters if "\x00" in str(value)), None)
