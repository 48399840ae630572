"""Where a template's text comes from: a customer's files first, then the house's folder."""

from collections.abc import Callable, Mapping
from pathlib import Path

from jinja2 import BaseLoader, Environment, FileSystemLoader, TemplateNotFound

LAYOUT = "_layout"
_Source = tuple[str, str | None, Callable[[], bool] | None]


class Layered(BaseLoader):
    """A message type belongs to one side as a whole, so that no mail is half the customer's; of the layout each file counts alone."""

    def __init__(self, folder: Path, own: Mapping[str, str]) -> None:
        self._folder = folder
        self._house = FileSystemLoader(folder)
        self._own = own
        self._own_types = {name.partition("/")[0] for name in own} - {LAYOUT}

    @property
    def message_types(self) -> list[str]:
        """The types that have a subject, whosever it is."""
        house = {path.parent.name for path in self._folder.glob("[!_]*/subject.txt")} - self._own_types
        return sorted(house | {one for one in self._own_types if f"{one}/subject.txt" in self._own})

    def get_source(self, environment: Environment, template: str) -> _Source:
        if template in self._own:
            # With a name, so that an error says in which file it is.
            return self._own[template], template, lambda: True
        if template.partition("/")[0] in self._own_types:
            raise TemplateNotFound(template)
        return self._house.get_source(environment, template)

    def files(self, message_type: str) -> dict[str, str]:
        """The house's files of a type: name below it → text."""
        folder = self._folder / message_type
        return {str(path.relative_to(folder)): path.read_text("utf-8") for path in sorted(folder.rglob("*.*")) if path.is_file()}

    def text(self, name: str) -> str:
        """A file's text as it stands."""
        return self._own[name] if name in self._own else (self._folder / name).read_text("utf-8")
