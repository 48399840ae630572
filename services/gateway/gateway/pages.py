"""The two pages of the door: what is here, and every operation. No script, nothing from elsewhere."""

from html import escape
from typing import Any

POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
HEADERS = {"content-security-policy": POLICY, "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 3rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; } td { padding: .3rem .8rem .3rem 0; vertical-align: top; }
code { font: .9rem ui-monospace, monospace; } .method { font-weight: 600; width: 4rem; }
"""
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
    row = '<tr><td><a href="{}">{}</a></td><td>{}</td></tr>'
    rows = "".join(row.format(*map(escape, link)) for link in links)
    return _page(
        "Postroom",
        "<p>The letters of purchasing: the right person gets the right message, once, and can see why.</p>"
        f"<table>{rows}</table>"
        "<h2>To begin</h2><p>Get a token with <code>postroom token PERSON</code> and send it as <code>Authorization: Bearer …</code>. "
        "Operators ask <code>GET /status</code>, <code>GET /parked</code> and "
        "<code>GET /explain/{order number, event or message}</code>.</p>",
    )


def operations(document: dict[str, Any]) -> str:
    """Every operation of the merged document, by tag."""
    groups: dict[str, list[str]] = {}
    for path, methods in sorted(document["paths"].items()):
        for method in _METHODS:
            if method in methods:
                one = methods[method]
                what = one.get("description") or one.get("summary", "")
                cells = f"<td><code>{escape(path)}</code></td><td>{escape(what)}</td>"
                row = f'<tr><td class="method">{method.upper()}</td>{cells}</tr>'
                groups.setdefault((one.get("tags") or ["other"])[0], []).append(row)
    away = document.get("x-unavailable", [])
    missing = f"<p>Away just now, and missing below: {escape(', '.join(away))}.</p>" if away else ""
    tables = "".join(f"<h2>{escape(tag)}</h2><table>{''.join(rows)}</table>" for tag, rows in sorted(groups.items()))
    return _page("Operations", f'<p>As one document: <a href="/openapi.json">/openapi.json</a>.</p>{missing}{tables}')


def _page(title: str, body: str) -> str:
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><link rel="stylesheet" href="/style.css">'
    return f'<!doctype html><html lang="en"><head>{head}</head><body><h1>{escape(title)}</h1>{body}</body></html>'
