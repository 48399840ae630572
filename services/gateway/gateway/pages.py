"""The two pages of the door: what is here, and every operation. No script, nothing from elsewhere."""

import re
from html import escape
from typing import Any

POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
HEADERS = {"content-security-policy": POLICY, "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
STYLE = """
:root { --ground: #f5f6f4; --sheet: #fff; --ink: #1b2420; --line: #dfe4e1; --accent: #1f6f5c; color-scheme: light dark; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #121715; --sheet: #1a211e; --ink: #e5ebe8; --line: #2d3733; --accent: #6fc7af; }
}
body { max-width: 72rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; font: 16px/1.5 system-ui, sans-serif; }
body { background: var(--ground); color: var(--ink); }
a { color: var(--accent); } h1 { font-size: 1.6rem; margin: 0 0 .5rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
h2::first-letter, nav a::first-letter { text-transform: uppercase; }
nav { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; }
table { width: 100%; border-collapse: collapse; background: var(--sheet); border: 1px solid var(--line); }
td { padding: .5rem 1rem; vertical-align: top; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
code { font: .9em ui-monospace, monospace; } .command { white-space: nowrap; }
button { padding: .7rem 1.2rem; font: inherit; font-weight: 600; color: var(--ground); background: var(--accent); border: 0; }
button { border-radius: .4rem; cursor: pointer; }
.name { width: 14rem; }
.method { width: 4rem; padding-right: 0; font-weight: 600; color: var(--accent); } .path { width: 26rem; }
@media (max-width: 46rem) { td, .method, .path, .name { display: block; width: auto; padding: .1rem .8rem; border: 0; }
  tr { display: block; padding: .5rem 0; border-top: 1px solid var(--line); } .command { white-space: normal; } }
"""
_VIEWPORT = '<meta name="viewport" content="width=device-width, initial-scale=1">'
_CODE = re.compile("`([^`]*)`")
_METHODS = ("get", "post", "put", "patch", "delete")


def landing(mailbox_url: str) -> str:
    """Where to go from here."""
    links = [
        ("/docs", "All operations", "orders, documents, communication logs, correspondence, inbox, tasks"),
        ("/openapi.json", "The OpenAPI document", "for clients and generators"),
        ("/health", "Health", "whether the door is open"),
    ]
    if mailbox_url.startswith(("http://", "https://")):
        links.append((mailbox_url, "The mailbox", "what was mailed, in a development setup"))
    row = '<tr><td class="name"><a href="{}">{}</a></td><td>{}</td></tr>'
    rows = "".join(row.format(*map(escape, link)) for link in links)
    asks = [
        ("/status", "how the installation does: lag, outbox, mails by state"),
        ("/parked", "what could not be processed, and why"),
        ("/explain/{order number, event or message}", "what became of it: who was told, by which rule, or why nobody was"),
    ]
    questions = "".join(_row("get", path, what) for path, what in asks)
    return _page(
        "Postroom",
        "<p>The letters of purchasing: the right person gets the right message, once, and can see why.</p>"
        f"<table>{rows}</table>"
        '<h2>To begin</h2><p>Get a token with <code class="command">postroom token PERSON</code> '
        'and send it as <code class="command">Authorization: Bearer …</code>.</p>'
        f"<h2>What operators ask</h2><table>{questions}</table>",
    )


def operations(document: dict[str, Any]) -> str:
    """Every operation of the merged document, by tag."""
    groups: dict[str, list[str]] = {}
    for path, methods in sorted(document["paths"].items()):
        for method in _METHODS:
            if method in methods:
                one = methods[method]
                what = one.get("description") or one.get("summary", "")
                groups.setdefault((one.get("tags") or ["other"])[0], []).append(_row(method, path, what))
    away = document.get("x-unavailable", [])
    missing = f"<p>Away just now, and missing below: {escape(', '.join(away))}.</p>" if away else ""
    tags = [(tag, escape(tag.replace(" ", "-")), rows) for tag, rows in sorted(groups.items())]
    contents = "".join(f'<a href="#{id_}">{escape(tag)}</a>' for tag, id_, _ in tags)
    tables = "".join(f'<h2 id="{id_}">{escape(tag)}</h2><table>{"".join(rows)}</table>' for tag, id_, rows in tags)
    told = f"{sum(map(len, groups.values()))} operations, as one document:"
    top = f'<p><a href="/">Postroom</a> · {told} <a href="/openapi.json">/openapi.json</a></p>'
    return _page("Operations", f"{top}{missing}<nav>{contents}</nav>{tables}")


def notice(title: str, text: str, *, language: str, button: str = "") -> str:
    """A few words to a person who came by a link, and the one thing to do, if there is one; it posts to the page's own address."""
    form = f'<form method="post"><button>{escape(button)}</button></form>' if button else ""
    return _page(title, f"<p>{escape(text)}</p>{form}", language)


def _row(method: str, path: str, what: str) -> str:
    """One operation; what stands in backticks is code."""
    told = _CODE.sub(r"<code>\1</code>", escape(what))
    return f'<tr><td class="method">{method.upper()}</td><td class="path"><code>{escape(path)}</code></td><td>{told}</td></tr>'


def _page(title: str, body: str, language: str = "en") -> str:
    head = f'<meta charset="utf-8">{_VIEWPORT}<title>{escape(title)}</title><link rel="stylesheet" href="/style.css">'
    return f'<!doctype html><html lang="{language}"><head>{head}</head><body><h1>{escape(title)}</h1>{body}</body></html>'
