"""The gateway as the command sees it: one call, one JSON answer, or a CliError."""

from collections.abc import Iterator
from typing import Any, Self

import httpx
import orjson

from postroom_cli.errors import FAILED, REFUSED, CliError
from postroom_cli.settings import Settings

OPERATOR = "operator"
_TIMEOUT = httpx.Timeout(60, connect=5)


class Gateway:
    """A session with the gateway as the operator of a tenant, or as a person of it; use it as a context manager."""

    def __init__(self, settings: Settings, tenant: str, person: str | None = None) -> None:
        self.url = settings.gateway_address()
        self.tenant = tenant
        self._settings = settings
        self._person = person or OPERATOR
        # Whoever names a person means that person, whose token POSTROOM_TOKEN need not be.
        self._token: str | None = settings.token.get_secret_value() if settings.token and not person else None
        self._http = httpx.Client(base_url=self.url, timeout=_TIMEOUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, *, or_empty: bool = False, **query: str | None) -> Any:
        """The answer to a GET; a query value None is left out. With `or_empty`, {} where nothing is known by that name."""
        try:
            return self._call("GET", path, params={name: value for name, value in query.items() if value is not None})
        except CliError as error:
            if or_empty and error.status == httpx.codes.NOT_FOUND:
                return {}
            raise

    def post(self, path: str, **request: Any) -> Any:
        """The answer to a POST; `request` is what httpx takes (json, content, params, headers)."""
        return self._call("POST", path, **request)

    def lines(self, path: str, **query: str | None) -> Iterator[Any]:
        """The answer to a GET that is a stream of JSON lines, each as it comes. Raises CliError also where it breaks off."""
        headers = {"Authorization": f"Bearer {self._signed_in()}"}
        given = {name: value for name, value in query.items() if value is not None}
        try:
            with self._http.stream("GET", path, params=given, headers=headers) as response:
                if not response.is_success:
                    response.read()
                    _answer(response)
                yield from (orjson.loads(line) for line in response.iter_lines() if line)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise self._unreachable(error) from error

    def put(self, path: str, **request: Any) -> Any:
        """The answer to a PUT."""
        return self._call("PUT", path, **request)

    def delete(self, path: str) -> Any:
        """The answer to a DELETE."""
        return self._call("DELETE", path)

    def reachable_at(self, email: str) -> None:
        """Sign in as an operator with this address (local issuer)."""
        self._token = str(self.token(OPERATOR, email=email)["token"])

    def token(self, person: str, **more: str) -> dict[str, Any]:
        """A token of this person from the local issuer: {token, expires_in, principal}; `more` is what else the token shall say."""
        secret = self._settings.secret()
        if not secret:
            hint = "Set POSTROOM_TOKEN to a token of your issuer, or run this inside the folder of a local installation."
            raise CliError("no_issuer", "There is no token, and no local issuer to get one from.", hint)
        body = {"person": person, "tenant": self.tenant, **more}
        return dict(self._send("POST", "/token", json=body, headers={"X-Issuer-Secret": secret}))

    def _call(self, method: str, path: str, **request: Any) -> Any:
        headers = {**request.pop("headers", {}), "Authorization": f"Bearer {self._signed_in()}"}
        return self._send(method, path, headers=headers, **request)

    def _signed_in(self) -> str:
        if self._token is None:
            self._token = str(self.token(self._person)["token"])
        return self._token

    def _send(self, method: str, path: str, **request: Any) -> Any:
        try:
            response = self._http.request(method, path, **request)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise self._unreachable(error) from error
        return _answer(response)

    def _unreachable(self, error: Exception) -> CliError:
        detail = f"The gateway at {self.url} does not answer: {error or type(error).__name__}."
        return CliError("unreachable", detail, "Is Postroom running? `make up` starts it, `make status` shows it.")


def _answer(response: httpx.Response) -> Any:
    try:
        body = orjson.loads(response.content) if response.content else None
    except orjson.JSONDecodeError as error:
        detail = f"{response.request.url} answered {response.status_code} with something that is no JSON."
        raise CliError("no_json", detail, "Is that address really Postroom's gateway?") from error
    if response.is_success:
        return body
    raise _refusal(response, body if isinstance(body, dict) else {})


def _refusal(response: httpx.Response, problem: dict[str, Any]) -> CliError:
    """A problem+json answer as an error; what only a retry or another token can help is FAILED."""
    status = response.status_code
    detail = str(problem.get("detail") or problem.get("title") or f"{response.request.url.path} answered {status}.")
    hint = ""
    if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        hint = "Check POSTROOM_TOKEN (it may have run out), or unset it to take the local issuer's."
    unasked = status >= httpx.codes.INTERNAL_SERVER_ERROR or bool(hint)
    exit_code = FAILED if unasked else REFUSED
    return CliError(
        str(problem.get("code") or f"http_{status}"), detail, hint, exit_code=exit_code, field=problem.get("field"), status=status
    )
