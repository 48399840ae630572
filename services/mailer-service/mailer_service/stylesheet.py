"""CSS is inlined when a template is loaded, not when a mail is rendered: mail programs drop style sheets."""

import re

import css_inline
from jinja2 import BaseLoader, Environment
from jinja2.loaders import FunctionLoader

JINJA = re.compile(r"\{%.*?%\}|\{#.*?#\}|(\{\{.*?\}\})", re.DOTALL)
_MARK = re.compile(r"<!--jinja:(\d+)-->|jinja-(\d+)-value")
# What is the same in every mail is put in when the template is loaded.
_PLAIN = re.compile(r'\{% include "([^"]*_plain[^"]*)" %\}')
_inliner = css_inline.CSSInliner(load_remote_stylesheets=False)


def inlined(source: str, css: str) -> str:
    """The template with the rules of `css` at its tags. Statements travel as comments, which are allowed between a table's rows."""
    kept: list[str] = []

    def hide(match: re.Match[str]) -> str:
        kept.append(match[0])
        number = len(kept) - 1
        return f"jinja-{number}-value" if match[1] else f"<!--jinja:{number}-->"

    hidden = JINJA.sub(hide, source)
    whole = hidden.lstrip().lower().startswith("<!doctype")
    styled = (
        css_inline.CSSInliner(load_remote_stylesheets=False, extra_css=css).inline(hidden)
        if whole
        else _inliner.inline_fragment(hidden, css)
    )
    return _MARK.sub(lambda match: kept[int(match[1] or match[2])], styled)


def styling(loader: BaseLoader, css: str) -> BaseLoader:
    """A loader whose .html templates have their CSS inlined, except below a folder or file that begins with `_plain`."""
    plain = Environment()  # noqa: S701 - only asked for sources, renders nothing

    def load(name: str) -> str:
        source, _, _ = loader.get_source(plain, name)
        if not name.endswith(".html") or "_plain" in name:
            return source
        return _PLAIN.sub(lambda match: loader.get_source(plain, match[1])[0], inlined(source, css))

    return FunctionLoader(load)
