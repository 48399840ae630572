"""The mailer, asked for one thing: how a message would read."""

from typing import Any

import httpx

from postroom.problems import Problem

SERVER_ERROR = 500
# A preview is an extra: the rest of the answer must not wait long for it.
_TIMEOUT = httpx.Timeout(5, connect=1)


def client(url: str) -> httpx.AsyncClient:
    """A pool of connections to the mailer. `trust_env` off: a proxy of this machine is none of our business."""
    return httpx.AsyncClient(base_url=url, timeout=_TIMEOUT, limits=httpx.Limits(keepalive_expiry=3), trust_env=False)


class Mailer:
    """Asked with the caller's own token."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def preview(self, token: str, asked: dict[str, Any]) -> dict[str, str]:
        """{subject, text, html}. Raises Problem: the mailer is away, or what it says, such as that the template is missing."""
        try:
            answer = await self._http.post("/preview", json=asked, headers={"authorization": f"Bearer {token}"})
        except httpx.HTTPError as error:
            raise _away() from error
        if answer.status_code >= SERVER_ERROR:
            raise _away()
        if answer.is_error:
            body = answer.json() if "json" in answer.headers.get("content-type", "") else {}
            raise Problem(
                answer.status_code, body.get("code", "refused"), body.get("detail", "The mailer refused this."), body.get("field")
            )
        return {name: str(answer.json().get(name, "")) for name in ("subject", "text", "html")}


def _away() -> Problem:
    return Problem(503, "mailer_unavailable", "The mailer does not answer just now, so the mail is not shown; all the rest is.")
