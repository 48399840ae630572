"""A token is believed only if it is ours, whole, and of now."""

from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from postroom import auth
from postroom.auth import Principal
from postroom.problems import Problem

ANNA = Principal(person="anna", tenant="demo", side="client", roles=("requester",), endpoints=("*",), name="Anna", email="anna@example.com")


def pair() -> tuple[bytes, bytes]:
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


PRIVATE, PUBLIC = pair()


def test_a_token_says_who_it_was_issued_to() -> None:
    """The same principal comes out."""
    assert auth.verify(auth.issue(ANNA, PRIVATE), PUBLIC) == ANNA


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "somebody"},
        {"aud": "elsewhere"},
        {"exp": datetime.now(UTC) - timedelta(days=1)},
        {"nbf": datetime.now(UTC) + timedelta(days=1)},
        {"exp": None},
        {"nbf": None},
        {"side": "king"},
    ],
)
def test_a_wrong_claim_is_refused(changes: dict[str, object]) -> None:
    """Issuer, audience, times, and a side that doesn't exist."""
    claims = {**jwt.decode(auth.issue(ANNA, PRIVATE), options={"verify_signature": False}), **changes}
    token = jwt.encode({name: value for name, value in claims.items() if value is not None}, PRIVATE, algorithm="EdDSA")
    with pytest.raises(Problem) as refused:
        auth.verify(token, PUBLIC)
    assert refused.value.status == 401


def test_another_key_and_other_algorithms_are_refused() -> None:
    """A stranger's signature, none at all, and the public key used as a secret."""
    claims = jwt.decode(auth.issue(ANNA, PRIVATE), options={"verify_signature": False})
    tokens = [
        auth.issue(ANNA, pair()[0]),
        jwt.encode(claims, "", algorithm="none"),
        jwt.encode(claims, "x" * 64, algorithm="HS256"),
        "a.b.c",
        "",
    ]
    for token in tokens:
        with pytest.raises(Problem):
            auth.verify(token, PUBLIC)
