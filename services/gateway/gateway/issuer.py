"""The local issuer: a token for a person of the directory, to whoever knows the secret. For demos and systems without their own issuer."""

import secrets
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from gateway.routes import PO
from gateway.upstream import Upstream
from postroom.auth import Principal, issue
from postroom.problems import Problem

LIFETIME = 3600
INNER_LIFETIME = 60
OPERATOR = "operator"


class TokenRequest(BaseModel):
    """Whose token: `operator`, or a person whom po-service knows; `side` and `roles` only where the directory says nothing.

    `email` is the operator's own address, for mails that they send themselves; a person's is the directory's.
    """

    model_config = ConfigDict(extra="forbid")

    person: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")
    tenant: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")
    side: Literal["supplier", "client"] | None = None
    roles: list[str] | None = None
    email: str | None = Field(default=None, max_length=320, pattern=r"^[^\x00]+$")


class Token(BaseModel):
    """A token and whom it stands for; `expires_in` in seconds."""

    token: str
    expires_in: int = LIFETIME
    principal: Principal


@dataclass(frozen=True, slots=True)
class Issuer:
    """Signs tokens with the private key; an empty secret switches it off."""

    private_pem: bytes
    secret: str

    def check(self, given: str) -> None:
        """Raise Problem 401 unless the secret is right; compared in constant time."""
        if not self.secret:
            raise Problem(404, "issuer_off", "No tokens are issued here: POSTROOM_ISSUER_SECRET is not set. Ask your identity provider.")
        if not secrets.compare_digest(given.encode(), self.secret.encode()):
            raise Problem(401, "issuer_secret", "The header X-Issuer-Secret is missing or wrong.", "X-Issuer-Secret")

    def pass_for(self, principal: Principal) -> str:
        """A token for one call on this person's behalf, as the web page makes them."""
        return issue(principal, self.private_pem, INNER_LIFETIME)

    def operator(self, tenant: str, lifetime: int = LIFETIME, email: str | None = None) -> Token:
        """An operator's token."""
        principal = Principal(person=OPERATOR, tenant=tenant, side="operator", name="Operator", endpoints=("*",), email=email)
        return self._signed(principal, lifetime)

    async def token(self, upstream: Upstream, asked: TokenRequest) -> Token:
        """The token asked for. Raises Problem 404 for a person po-service doesn't know, 422 for one who can't sign in."""
        if asked.person == OPERATOR:
            return self.operator(asked.tenant, email=asked.email)
        inner = self.operator(asked.tenant, INNER_LIFETIME).token
        try:
            person = await upstream.ask(PO, inner, f"/people/{quote(asked.person, safe='')}", tenant=asked.tenant)
        except Problem as problem:
            if problem.status != 404:  # noqa: PLR2004 - HTTP's own number
                raise
            raise Problem(
                404, "unknown_person", f"po-service knows nobody {asked.person!r} in the tenant {asked.tenant!r}.", "person"
            ) from problem
        return self._signed(_principal(person, asked), LIFETIME)

    def _signed(self, principal: Principal, lifetime: int) -> Token:
        return Token(token=issue(principal, self.private_pem, lifetime), expires_in=lifetime, principal=principal)


def _principal(person: dict[str, Any], asked: TokenRequest) -> Principal:
    side = person.get("side") or asked.side
    if side not in ("supplier", "client", "operator"):
        raise Problem(422, "no_side", f"{asked.person!r} is neither on the supplier's nor on the client's side: say which.", "side")
    if person.get("active") is False:
        raise Problem(422, "inactive", f"{asked.person!r} is inactive in the directory and gets no token.", "person")
    held = [role["role"] if isinstance(role, dict) else role for role in person.get("roles") or []]
    return Principal(
        person=asked.person,
        tenant=asked.tenant,
        side=side,
        company=person.get("company"),
        roles=tuple(held or asked.roles or ()),
        endpoints=tuple(person.get("endpoints") or ()),
        name=person.get("name") or asked.person,
        email=person.get("email"),
    )
