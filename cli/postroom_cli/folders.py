"""A folder of text files, read whole and written whole."""

from pathlib import Path

from postroom_cli.errors import CliError

MOST = 100


def read_folder(folder: Path) -> dict[str, str]:
    """The files below it: name → text. Hidden ones and editors' copies (`~`) are left out."""
    if not folder.is_dir():
        raise CliError("unreadable", f"{folder} is no folder.", "Give the folder that holds subject.txt.")
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    named = {path.relative_to(folder).as_posix(): path for path in paths}
    wanted = {name: path for name, path in named.items() if not name.endswith("~") and not any(p.startswith(".") for p in name.split("/"))}
    if not wanted or len(wanted) > MOST:
        raise CliError("unreadable", f"{folder} holds {len(wanted)} files.", "Give the folder that holds subject.txt, and nothing else.")
    return {name: _text(path) for name, path in wanted.items()}


def write_folder(folder: Path, files: dict[str, str]) -> None:
    """Write these files below it; what is there already stays, but for files of the same name."""
    for name, text in files.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        except OSError as error:
            raise CliError("unwritable", f"{path} can't be written: {error.strerror}.", "Name another folder.") from error


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CliError("unreadable", f"{path} can't be read: {error}.", "Templates are text files in UTF-8.") from error
