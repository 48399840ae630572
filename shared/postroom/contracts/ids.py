"""Ids that the same cause always gives again, so that a retry can't make a second thing."""

from uuid import UUID, uuid5

NAMESPACE = UUID("6f1d2c0e-3b57-5d0a-9c1e-706f7374726d")


def stable(*parts: object) -> str:
    """uuid5 over the parts; the separator can't occur in text, so ("ab", "c") and ("a", "bc") differ."""
    return str(uuid5(NAMESPACE, "\x1f".join(str(part) for part in parts)))


def path(outer: str, inner: str) -> str:
    """A thing within a thing, such as an order's line: "4711/1". A slash in an id is written otherwise, so that no two are alike."""
    return "/".join(part.replace("%", "%25").replace("/", "%2F") for part in (outer, inner))
