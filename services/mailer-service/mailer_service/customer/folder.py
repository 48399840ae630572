"""The customer's template folder on disk: `<custom>/templates/<message-type>`."""

import os
import secrets
import shutil
from pathlib import Path

from mailer_service.customer.files import MAX_BYTES, MAX_FILES, NAME, Files, is_file
from mailer_service.layered import LAYOUT

Signature = tuple[tuple[str, int, int, int], ...]
_OLD, _NEW = ".old", ".new"


class FolderFaultError(Exception):
    """A type's folder can't be read as templates, and why."""


class Folder:
    """Reads and writes; all of it blocks, so call it in a thread."""

    def __init__(self, custom: Path) -> None:
        self.path = custom / "templates"

    def signature(self) -> Signature:
        """Names, times and sizes: another one means that something may have changed. Nothing, where there is no folder.

        Raises OSError where the folder itself can't be read.
        """
        return tuple(sorted(map(_mark, self._files())))

    def read(self) -> dict[str, Files | FolderFaultError]:
        """Each type's files, or what is wrong with its folder: one that can't be read hides no other. Raises OSError as `signature`."""
        self._recover()
        folders = sorted(path for path in self._entries(self.path) if path.is_dir())
        return {folder.name: self._read(folder) for folder in folders}

    def write(self, message_type: str, files: Files) -> None:
        """Put these files in the place of the type's folder, as a whole or not at all."""
        new, old, place = (self.path / f"{prefix}{message_type}" for prefix in (f"{_NEW}-{secrets.token_hex(4)}-", f"{_OLD}-", ""))
        try:
            for name, text in files.items():
                _write(new / name, text)
            shutil.rmtree(old, ignore_errors=True)
            # Between the two renames there is no folder: too short for a reader that waits until it sees the same twice, and
            # after a crash just there the old one is taken back (_recover).
            if place.exists():
                place.rename(old)
            new.rename(place)
        finally:
            shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)

    def remove(self, message_type: str) -> bool:
        """Take the type's folder away; False if there is none."""
        place, gone = self.path / message_type, self.path / f"{_NEW}-gone-{secrets.token_hex(4)}"
        try:
            place.rename(gone)
        except FileNotFoundError:
            return False
        shutil.rmtree(gone, ignore_errors=True)
        return True

    def _recover(self) -> None:
        for old in self.path.glob(f"{_OLD}-*"):
            place = self.path / old.name.removeprefix(f"{_OLD}-")
            if not place.exists():
                old.rename(place)

    def _files(self) -> list[Path]:
        found: list[Path] = []
        for folder in self._entries(self.path):
            try:
                found += self._inside(folder)
            except OSError:  # it may not be looked into, which reading it tells
                found.append(folder)
        return found

    def _inside(self, folder: Path) -> list[Path]:
        """A type's files, and those of its languages."""
        return [path for entry in self._entries(folder) for path in (self._entries(entry) if entry.is_dir() else [entry])]

    @staticmethod
    def _entries(folder: Path) -> list[Path]:
        """What lies there, but for hidden things, which editors, git and our own renames leave."""
        try:
            return [folder / name for name in os.listdir(folder) if not name.startswith(".") and not name.endswith("~")]  # noqa: PTH208
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _read(self, folder: Path) -> Files | FolderFaultError:
        if folder.name != LAYOUT and not NAME.fullmatch(folder.name):
            return FolderFaultError("its name is no message type: lower-case letters, digits and dashes, such as budget-warning")
        try:
            paths = self._inside(folder)
            if len(paths) > MAX_FILES:
                return FolderFaultError(f"it has {len(paths)} files; {MAX_FILES} is the most")
            return {str(path.relative_to(folder)): _text(path) for path in paths if is_file(folder.name, str(path.relative_to(folder)))}
        except (OSError, ValueError) as error:
            return FolderFaultError(str(error))


def _mark(path: Path) -> tuple[str, int, int, int]:
    """One that leads nowhere, or may not be looked at, has a mark too."""
    try:
        stat = path.stat()
    except OSError:
        return (str(path), 0, 0, 0)
    return (str(path), stat.st_mtime_ns, stat.st_size, stat.st_ino)


def _text(path: Path) -> str:
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path.name} has {path.stat().st_size} bytes; {MAX_BYTES} is the most")
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name} is not written in UTF-8: byte {error.start}") from error


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
