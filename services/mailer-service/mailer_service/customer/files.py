"""What a customer's template folder may hold; pure."""

import re
from collections.abc import Iterable, Mapping
from hashlib import sha256

from mailer_service.layered import LAYOUT

Files = Mapping[str, str]
"""A folder's files: name below the message type (`subject.txt`, `de/body.html`) → text."""

PARTS = ("subject.txt", "body.txt", "body.html")
LANGUAGES = ("en", "de")
MAX_BYTES, MAX_FILES = 256 * 1024, 40
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
_FILE = re.compile(r"(?:([a-z]{2}(?:-[A-Z]{2})?)/)?(?:subject\.txt|body\.txt|body\.html|_[a-z0-9_-]{1,40}\.(?:txt|html))")
_LAYOUT_FILE = re.compile(r"(?:[a-z]{2}(?:-[A-Z]{2})?/)?_?[a-z0-9_-]{1,40}\.(?:txt|html|css)")


def wanted(message_type: str) -> tuple[str, ...]:
    """The files that a type's folder must have: each part in English, which stands at the top, and in German."""
    return () if message_type == LAYOUT else (*PARTS, *(f"de/{part}" for part in PARTS))


def is_file(message_type: str, name: str) -> bool:
    """Whether a file of this name has a meaning there: a part, or one to include, whose name begins with an underscore."""
    return (_LAYOUT_FILE if message_type == LAYOUT else _FILE).fullmatch(name) is not None


def languages(names: Iterable[str]) -> list[str]:
    """The languages that have a subject, English first."""
    folders = {name.rpartition("/")[0] for name in names if name.endswith("subject.txt")}
    return [folder or "en" for folder in sorted(folders)]


def named(message_type: str, files: Files) -> dict[str, str]:
    """The files by their whole names, as templates name each other."""
    return {f"{message_type}/{name}": text for name, text in files.items()}


def digest(files: Files) -> str:
    """Tells one version from another."""
    whole = sha256()
    for name in sorted(files):
        whole.update(f"{name}\0{len(files[name])}\0{files[name]}".encode())
    return whole.hexdigest()
