"""Which addresses a mail can go to."""

import re

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
MAX_LOCAL, MAX_ADDRESS = 64, 254


def deliverable(address: str) -> str | None:
    """The address as SMTP takes it (international domains as xn--), or None: RFC 5321 dot-atoms only, no quoting, no SMTPUTF8."""
    local, at, domain = address.strip().rpartition("@")
    if not at or len(local) > MAX_LOCAL or not _LOCAL.fullmatch(local):
        return None
    try:
        domain = domain if domain.isascii() else domain.encode("idna").decode()
    except UnicodeError:
        return None
    labels = domain.split(".")
    if not all(_LABEL.fullmatch(label) for label in labels) or len(local) + len(domain) >= MAX_ADDRESS:
        return None
    return f"{local}@{domain.lower()}"
