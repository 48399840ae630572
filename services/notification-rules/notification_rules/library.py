"""The rules in force: the house's table and the customer's files, read again when one of them changes."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import structlog

from notification_rules.domain import rulebook
from notification_rules.domain.expressions import RuleError
from notification_rules.domain.rulebook import Rulebook

log = structlog.get_logger()
Marks = dict[Path, tuple[int, int]]


class Library:
    """`rulebook` is in force, `files` are the customer's in it, `faults` says by file what can't be used.

    A file that can't be used stays as it last could; one that never could is left out.
    """

    def __init__(self, house: str, folder: Path | None = None) -> None:
        """Raises RuleError when the house's own table can't be used."""
        self.house = house
        self.rulebook = rulebook.parse(house)
        self.files: dict[str, str] = {}
        self.faults: dict[str, str] = {}
        self._folder = folder
        self._seen: Marks | None = None

    def recall(self, files: Mapping[str, str]) -> None:
        """The customer's files as they were in force when the service ended: a faulty one is no reason to forget its rules."""
        self.files = dict(files)
        self.rulebook, _, _ = settled(self.house, files, {})

    def marks(self) -> Marks:
        """Each file with its time and size: others mean that something has changed, or is being changed just now."""
        return _marks(self._folder.glob("*.yaml") if self._folder else ())

    def look(self) -> None:
        """Read the folder, if anything in it has changed."""
        marks = self.marks()
        if marks == self._seen:
            return
        before = self.faults
        if self._folder and self.files and not self._folder.is_dir():
            # Not mounted, maybe: a rule goes out of force when its file is removed, and not with all the others.
            gone = f"{self._folder} is not there; remove files one by one, or all of them and leave the folder"
            found, unreadable = dict(self.files), {self._folder.name: gone}
        else:
            found, unreadable = _texts(marks, self.files)
        rulebook, self.files, refused = settled(self.house, found, self.files)
        # What waits for a rule that is gone just now is decided by the one that it had replaced.
        self.rulebook = replace(rulebook, in_place_of={**self.rulebook.in_place_of, **rulebook.in_place_of})
        self._seen, self.faults = marks, {**refused, **unreadable}
        for file, fault in self.faults.items():
            if before.get(file) != fault:
                log.error("a file of rules can't be used; what was last good stays in force", fault=fault)
        log.info("the customer's rules were read", in_force=sorted(self.files))


def settled(house: str, found: Mapping[str, str], good: Mapping[str, str]) -> tuple[Rulebook, dict[str, str], dict[str, str]]:
    """The rules, the files they are made of, and the faults of the others: each of these as it was last good, or left out."""
    files, faults = dict(found), dict[str, str]()
    while True:
        try:
            return replace(rulebook.parse(house, files), complete=not faults), files, faults
        except RuleError as error:
            if error.file not in files:
                raise  # the house's own
            text = files.pop(error.file)
            faults.setdefault(error.file, str(error))
            if good.get(error.file, text) != text:
                files[error.file] = good[error.file]


def _marks(paths: Iterable[Path]) -> Marks:
    """Each file with its time and size; one that vanishes meanwhile is gone."""
    marks = {}
    for path in paths:
        try:
            stat = path.stat()
        except OSError:
            continue
        marks[path] = (stat.st_mtime_ns, stat.st_size)
    return marks


def _texts(paths: Iterable[Path], good: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """What the files say, and the faults of those that say nothing or can't be read, which count as they were."""
    found, faults = {}, {}
    for path in paths:
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            faults[path.name] = f"{path.name}: can't be read: {error}"
        else:
            if text.strip():
                found[path.name] = text
                continue
            # As an editor leaves it for a moment, or a full disk for good.
            faults[path.name] = f"{path.name}: is empty; to take its rules out of force, remove it"
        if path.name in good:
            found[path.name] = good[path.name]
    return found, faults
