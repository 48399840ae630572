"""What installations have run stays as it was, and what comes new breaks no process of the version before (docs/upgrading.md)."""

import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from embedded.paths import ROOT

_LISTED = (Path(__file__).parent / "landed.txt").read_text().splitlines()
LANDED = {name: digest for digest, _, name in (line.partition("  ") for line in _LISTED if not line.startswith("#"))}
FOLDERS = [ROOT / "shared" / "postroom" / "migrations", *sorted(ROOT.glob("services/*/*/migrations"))]
NEW = [file for folder in FOLDERS for file in sorted(folder.glob("*.sql")) if str(file.relative_to(ROOT)) not in LANDED]
EXCUSE = re.compile(r"--.*\bold processes: +\w+")

BREAKS = {
    "a column, table, function, type or default that an old process may use goes": re.compile(
        r"\bDROP\s+(TABLE|COLUMN|FUNCTION|TYPE|VIEW|SEQUENCE|DEFAULT)\b", re.IGNORECASE
    ),
    "an old process knows it by its old name": re.compile(r"\bRENAME\b", re.IGNORECASE),
    "old processes have prepared statements for the old type, and the table is written anew": re.compile(
        r"\bALTER\s+(COLUMN\s+)?\w+\s+(SET\s+DATA\s+)?TYPE\b", re.IGNORECASE
    ),
    "an old process does not fill it": re.compile(r"\bSET\s+NOT\s+NULL\b", re.IGNORECASE),
    "an old process may violate it": re.compile(r"\bADD\s+(CONSTRAINT\s+\w+\s+)?(CHECK|UNIQUE|FOREIGN|PRIMARY|EXCLUDE)\b", re.IGNORECASE),
    "an old process may write the same twice": re.compile(r"\bCREATE\s+UNIQUE\s+INDEX\b", re.IGNORECASE),
}
_ADDED = re.compile(
    r"\bADD\s+(?:COLUMN\s+)?(?:IF\s+NOT\s+EXISTS\s+)?(?!CONSTRAINT\b|CHECK\b|UNIQUE\b)\w+\s+([^,;(]*(?:\([^)]*\)[^,;(]*)*)", re.IGNORECASE
)
_FILLED = re.compile(r"\b(DEFAULT|GENERATED)\b", re.IGNORECASE)
_NOT_NULL = re.compile(r"\bNOT\s+NULL\b", re.IGNORECASE)
_MADE_HERE = re.compile(r"\bCREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(\w+)", re.IGNORECASE)
_ALTERED = re.compile(r"\bALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?(\w+)", re.IGNORECASE)
_OF = re.compile(r"\b(?:ALTER\s+TABLE|INDEX\s+(?:\w+\s+)?ON)\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?(\w+)", re.IGNORECASE)


def objections(text: str) -> Iterator[str]:
    """What in a migration breaks a process that was started before it ran. A comment `old processes: …` in a statement excuses it."""
    made = set(_MADE_HERE.findall(_bare(text)))
    altered = dict.fromkeys(table for table in _ALTERED.findall(_bare(text)) if table not in made)
    if len(altered) > 1 and not EXCUSE.search(text):
        yield f"it holds one table while it waits for another, and a busy service never lets it: a file each for {', '.join(altered)}"
    for statement in _statements(text):
        bare = _bare(statement)
        of = _OF.search(bare)
        if EXCUSE.search(statement) or (of and of[1] in made):
            continue
        found = [why for why, pattern in BREAKS.items() if pattern.search(bare)]
        if any(_NOT_NULL.search(column) and not _FILLED.search(column) for column in _ADDED.findall(bare)):
            found.append("an old process does not fill it: a new column needs a default, or may be null")
        yield from (f"{why}: {' '.join(bare.split())[:120]}" for why in found)


def _statements(text: str) -> list[str]:
    """Split at semicolons outside of $$ bodies and comments; a comment belongs to the statement that it stands before or in."""
    return [part for part in re.findall(r"(?:\$\$.*?\$\$|--[^\n]*|[^;])+", text, re.DOTALL) if part.strip()]


def _bare(text: str) -> str:
    """Without comments and bodies of functions."""
    return re.sub(r"--[^\n]*|\$\$.*?\$\$", " ", text, flags=re.DOTALL)


@pytest.mark.parametrize("name", LANDED)
def test_what_has_landed_is_never_changed(name: str) -> None:
    """A migration that has run does not run again, and a golden example stands for what lies in Kafka."""
    assert sha256((ROOT / name).read_bytes()).hexdigest() == LANDED[name], f"{name} has been published as it was: write a new one"


def test_a_new_migration_breaks_no_process_of_the_version_before() -> None:
    found = {str(file.relative_to(ROOT)): told for file in NEW if (told := list(objections(file.read_text("utf-8"))))}
    assert not found, "docs/upgrading.md says how to go in two steps; or say after `-- old processes:` why nothing breaks"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_a_new_migration_comes_after_those_that_have_run(folder: Path) -> None:
    """They run in the order of their names, on a new database too: one with a smaller number would run there before, and here after."""
    old = max((Path(name).name for name in LANDED if (ROOT / name).parent == folder), default="")
    assert all(file.name > old for file in NEW if file.parent == folder)


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE t DROP COLUMN c;",
        "ALTER TABLE t ALTER COLUMN c DROP DEFAULT;",
        "ALTER TABLE t RENAME COLUMN a TO b;",
        "ALTER TABLE t RENAME TO u;",
        "ALTER TABLE t ALTER COLUMN c TYPE bigint;",
        "ALTER TABLE t ALTER c SET DATA TYPE bigint;",
        "ALTER TABLE t ALTER COLUMN c SET NOT NULL;",
        "ALTER TABLE t ADD COLUMN c text NOT NULL;",
        "ALTER TABLE t ADD COLUMN a text, ADD COLUMN c numeric(10, 2) NOT NULL;",
        "ALTER TABLE t ADD CONSTRAINT k CHECK (c > 0);",
        "ALTER TABLE t ADD UNIQUE (c);",
        "CREATE UNIQUE INDEX u ON t (c);",
        "DROP TABLE t;",
        "ALTER TABLE t ADD COLUMN c int; ALTER TABLE u ADD COLUMN c int;",
        "CREATE TABLE u (c int); ALTER TABLE u ENABLE ROW LEVEL SECURITY; ALTER TABLE t DROP COLUMN c;",
    ],
)
def test_what_breaks_old_processes_is_found(statement: str) -> None:
    assert len(list(objections(statement))) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE t ADD COLUMN c text NOT NULL DEFAULT '';",
        "ALTER TABLE t ADD COLUMN c text, ADD COLUMN d numeric(10, 2) NOT NULL DEFAULT 0;",
        "ALTER TABLE t ALTER COLUMN c DROP NOT NULL;",
        "CREATE TABLE u (c int NOT NULL); ALTER TABLE u ADD CONSTRAINT k CHECK (c > 0); CREATE UNIQUE INDEX i ON u (c);",
        "CREATE INDEX i ON t (c);",
        "-- old processes: none has ever read it\nALTER TABLE t DROP COLUMN c;",
        "-- DROP TABLE t; is what we don't do\nCREATE INDEX i ON t (c);",
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DROP TABLE x; RENAME y; END $$;",
    ],
)
def test_what_breaks_nobody_passes(statement: str) -> None:
    assert list(objections(statement)) == []


def test_the_made_up_versions_keep_to_it() -> None:
    for file in sorted((ROOT / "tests" / "faults" / "coming").glob("*.sql")):
        assert list(objections(file.read_text())) == []
