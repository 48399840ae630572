"""From a message to subject, text and HTML: templates/<message-type>/{subject.txt, body.txt, body.html} on a shared layout."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateNotFound, pass_context, select_autoescape
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from mailer_service.formats import FILTERS, formats
from mailer_service.layered import LAYOUT, Layered
from mailer_service.plain_text import shortened, wrapped
from mailer_service.rows import Row
from mailer_service.stylesheet import styling

TEMPLATES = Path(__file__).parent / "templates"
PREHEADER_CHARACTERS = 120
# A mail that is longer than 100 kB is cut by Gmail, wherever that falls; ours says how many lines it leaves out.
LINES_SHOWN = 40
TEXT_SHOWN = 20_000
SUBJECT_CHARACTERS = 140
PARTS = ("subject.txt", "body.txt", "body.html")


class MissingTemplateError(Exception):
    """There is no folder for this message type yet."""


class _Environment(ImmutableSandboxedEnvironment):
    """Facts are dicts: the item comes first, which spares an exception at each dot (and a fact may be called `items`)."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, dict):
            try:
                return obj[attribute]
            except KeyError:
                pass
        return super().getattr(obj, attribute)


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a mail says."""

    subject: str
    text: str
    html: str


class Renderer:
    """Templates, compiled once. A language has its own files in a folder below the type's (de/body.txt); English is the default.

    `own` are a customer's files (name → text), which come before the folder's.
    """

    def __init__(self, folder: Path, own: Mapping[str, str] | None = None) -> None:
        self.layers = Layered(folder, own or {})
        self.environment = _Environment(
            loader=styling(self.layers, self.layers.text(f"{LAYOUT}/style.css")),
            undefined=StrictUndefined,
            # By the end of the name: body.html is escaped, and body.html.j2 would not be.
            autoescape=select_autoescape(["html"], default=False, default_for_string=True),
            trim_blocks=True,
            lstrip_blocks=True,
            cache_size=-1,
        )
        self.environment.globals.update(LINES_SHOWN=LINES_SHOWN, TEXT_SHOWN=TEXT_SHOWN)
        self.environment.filters.update({name: pass_context(function) for name, function in FILTERS.items()})
        self._find = lru_cache(maxsize=None)(self._find_uncached)

    @property
    def message_types(self) -> list[str]:
        """The types that have a template folder."""
        return self.layers.message_types

    def _find_uncached(self, message_type: str, language: str, file: str) -> Template:
        if message_type not in self.message_types and message_type != LAYOUT:
            raise MissingTemplateError(f"no templates/{message_type}/subject.txt")
        names = [f"{message_type}/{language}/{file}", f"{message_type}/{language.partition('-')[0]}/{file}", f"{message_type}/{file}"]
        try:
            return self.environment.select_template(names)
        except TemplateNotFound as error:
            raise MissingTemplateError(f"no templates/{message_type}/{file}") from error

    def mail(self, message: Row) -> Rendered:
        """Render a message (a row of `messages`). Raises MissingTemplateError, or what the template found wrong with the facts."""
        context = self.context(message)
        subject = self._part(message, "subject.txt", context)
        text = self._part(message, "body.txt", context)
        html = self._part(message, "body.html", context)
        language = context["message"]["language"]
        page = {**context, "subject": subject, "preheader": _preheader(text)}
        return Rendered(
            subject,
            wrapped(self._find(LAYOUT, language, "mail.txt").render(page, content=text)),
            # The part was rendered with escaping on; it goes into the layout as it is.
            self._find(LAYOUT, language, "mail.html").render(page, content=Markup(html)),  # noqa: S704
        )

    def brief(self, message: Row) -> tuple[str, str]:
        """Subject and plain text for the inbox, without salutation and footer."""
        context = self.context(message)
        return self._part(message, "subject.txt", context), self._part(message, "body.txt", context)

    def page(self, name: str, context: Mapping[str, Any], language: str, zone: str) -> str:
        """Another template, such as the PDF's; a language's own lies in a folder beside it."""
        folder, _, file = name.partition("/")
        template = self.environment.select_template([f"{folder}/{language.partition('-')[0]}/{file}", name])
        if template.name == name and language.partition("-")[0] != "en":
            language = "en"  # no French date in an English sentence
        return template.render(context, formats=formats(language, zone), language=language)

    def _part(self, message: Row, file: str, context: dict[str, Any]) -> str:
        text = self._find(message["message_type"], message["language"], file).render(context).strip()
        return shortened(" ".join(text.split()), SUBJECT_CHARACTERS) if file == "subject.txt" else text

    def _spoken(self, message_type: str, language: str) -> str:
        """The language that a mail of this type is in: the recipient's if the type has words in it, else English."""
        if language.partition("-")[0] in ("en", ""):
            return language or "en"
        names = [self.name_of(message_type, language, file) for file in PARTS]
        return language if any(name.count("/") > 1 for name in names) else "en"

    def name_of(self, message_type: str, language: str, part: str) -> str:
        """The file that a part is rendered from, such as wrong-delivery/de/body.txt."""
        return self._find(message_type, language, part).name or ""

    def context(self, message: Row) -> dict[str, Any]:
        """What a template sees."""
        shown = {name: message[name] for name in ("id", "message_type", "name", "reason", "hop", "order_number")}
        links = {name: message.get(name, "") for name in ("opens_url", "unsubscribe_url")}
        language = self._spoken(message["message_type"], message["language"])
        return {
            "facts": message["facts"],
            "message": {**shown, **links, "language": language},
            "formats": formats(language, message["zone"]),
        }


def _preheader(text: str) -> str:
    """The first words of the text, which a mail program shows beside the subject."""
    first = " ".join(text.partition("\n\n")[0].split())
    return shortened(first, PREHEADER_CHARACTERS)
