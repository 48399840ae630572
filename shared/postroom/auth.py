"""Who asks: a signed token, verified the same way by every service."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, Literal

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, ValidationError

from postroom.problems import Problem

ISSUER = AUDIENCE = "postroom"
# Fixed: a token must not choose how it is checked.
ALGORITHM = "EdDSA"
_LEEWAY_SECONDS = 5


class Principal(BaseModel):
    """A signed-in person, or a system. `endpoints` are the Peppol endpoints whose documents they may hand in (`*` for any)."""

    model_config = ConfigDict(frozen=True)

    person: str
    tenant: str
    side: Literal["supplier", "client", "operator"]
    company: str | None = None
    roles: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    name: str = ""
    email: str | None = None


def issue(principal: Principal, private_pem: bytes, lifetime: int = 3600) -> str:
    """A token of this principal, good for `lifetime` seconds. Real time: a token's life is no business time."""
    now = datetime.now(UTC)
    claims: dict[str, Any] = {
        **principal.model_dump(mode="json", exclude={"person"}),
        "sub": principal.person,
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": now,
        "nbf": now,
        "exp": now + timedelta(seconds=lifetime),
    }
    return jwt.encode(claims, private_pem, algorithm=ALGORITHM)


@lru_cache(maxsize=8)
def _key(public_pem: bytes) -> Any:
    """Read once: a service checks a token at each request, and reading its key takes as long as the check."""
    return load_pem_public_key(public_pem)


def verify(token: str, public_pem: bytes) -> Principal:
    """Who the token stands for. Raises Problem 401 that says what is wrong with it."""
    try:
        claims = jwt.decode(
            token,
            _key(public_pem),
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            leeway=_LEEWAY_SECONDS,
            options={"require": ["iss", "aud", "exp", "nbf", "sub"]},
        )
        return Principal.model_validate({**claims, "person": claims["sub"]})
    except (jwt.InvalidTokenError, ValidationError) as error:
        raise Problem(401, "token_invalid", f"The token can't be accepted: {error}. Get a new one and try again.") from error


def caller(request: Request) -> Principal:
    """The principal of the request's bearer token."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Problem(401, "token_missing", "Send a token in the header Authorization: Bearer …")
    return verify(token.strip(), request.app.state.issuer_public)


Caller = Annotated[Principal, Depends(caller)]


def _operator(principal: Caller) -> Principal:
    if principal.side != "operator":
        raise Problem(403, "forbidden", "This is for operators only.")
    return principal


Operator = Annotated[Principal, Depends(_operator)]
