"""The two services this one asks; an outage there becomes a 503 that says what still works."""

from collections.abc import Sequence
from typing import Any

import httpx

from commlog_service.domain.orders import Order
from postroom.contracts.commlog import Attachment, FrozenLogs
from postroom.problems import Problem

SERVER_ERROR = 500
# A service that hangs must not hold Save for long: an order that was seen before is known here.
_TIMEOUT = httpx.Timeout(3, connect=1)
_PIN_TIMEOUT = httpx.Timeout(15, connect=2)
# The services close idle connections after 5 s: ours go first, so that no request meets a closing one.
_LIMITS = httpx.Limits(keepalive_expiry=3)
_PDF_TIMEOUT = httpx.Timeout(40, connect=2)


def client(url: str) -> httpx.AsyncClient:
    """A pool of connections to one service. `trust_env` off: a proxy of this machine is none of our business."""
    return httpx.AsyncClient(base_url=url, timeout=_TIMEOUT, limits=_LIMITS, trust_env=False)


async def _ask(http: httpx.AsyncClient, request: httpx.Request, away: Problem) -> httpx.Response:
    """The answer; what the other service refuses is passed on as its problem, an outage as `away`."""
    try:
        answer = await http.send(request)
    except httpx.TransportError as error:
        raise away from error
    if answer.status_code >= SERVER_ERROR:
        raise away
    if answer.is_error:
        body = answer.json() if "json" in answer.headers.get("content-type", "") else {}
        raise Problem(
            answer.status_code, body.get("code", "refused"), body.get("detail", "The order's service refused this."), body.get("field")
        )
    return answer


class PoService:
    """Orders, their contacts and documents, asked with the caller's own token: po-service decides who may see them."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def order(self, token: str, order_id: str) -> Order:
        """The order with its people. Raises Problem 404 where the caller may not see it, 503 while po-service is away."""
        found = await self._get(token, f"/orders/{order_id}/parties")
        return Order.model_validate({**found, "people": found["contacts"]})

    async def documents(self, token: str, order_id: str) -> list[dict[str, Any]]:
        """The documents on the order, the only ones that can be attached."""
        found: list[dict[str, Any]] = (await self._get(token, f"/orders/{order_id}/documents"))["documents"]
        return found

    async def pin(self, token: str, order_id: str, documents: Sequence[str]) -> list[Attachment]:
        """Hold these documents by hash for a mail. Raises Problem 404 for a foreign one, 409 for one deleted meanwhile."""
        if not documents:
            return []
        request = self._http.build_request(
            "POST", f"/orders/{order_id}/documents/pin", json={"documents": list(documents)}, headers=_bearer(token), timeout=_PIN_TIMEOUT
        )
        answer = (await _ask(self._http, request, _po_away())).json()
        return [Attachment.model_validate(one) for one in answer["documents"]]

    async def _get(self, token: str, path: str) -> Any:
        return (await _ask(self._http, self._http.build_request("GET", path, headers=_bearer(token)), _po_away())).json()


class MailerService:
    """The PDF of a set of logs."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def pdf(self, token: str, frozen: FrozenLogs) -> bytes:
        """application/pdf. Raises Problem 503 while mailer-service is away."""
        away = Problem(
            503, "mailer_unavailable", "The PDF can't be made while the mail service is away. Nothing is lost: try again in a moment."
        )
        content = frozen.model_dump_json().encode()
        headers = {**_bearer(token), "content-type": "application/json"}
        request = self._http.build_request("POST", "/pdf", content=content, headers=headers, timeout=_PDF_TIMEOUT)
        return (await _ask(self._http, request, away)).content


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def _po_away() -> Problem:
    return Problem(
        503,
        "po_unavailable",
        "The order service can't be reached just now. What was saved is safe: try this again in a moment.",
    )
