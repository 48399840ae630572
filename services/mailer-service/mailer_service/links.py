"""Where a message leads: to the thing it speaks of, and out of its kind."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from mailer_service.rows import Row

# The gateway's paths of what po-service holds.
_PATHS = {
    "order": "/api/orders/{}",
    "budget": "/api/budgets/{}",
    "contract": "/api/contracts/{}",
    "company": "/api/companies/{}",
    "person": "/api/people/{}",
    "control-structure": "/api/control-structures/{}",
    "template": "/api/demand-templates/{}",
    "quantity-request": "/api/quantity-requests/{}/replies",
    "catalog": "/api/catalogs/{}",
    "invoice": "/api/invoices/{}",
    "carbon-copy-user": "/api/carbon-copy-users/{}",
}


def opened(opens: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What a click opens, with its path at the gateway; another system's things (emitter/id) are not there, and have none."""
    if opens is None:
        return None
    path = _PATHS.get(opens["what"]) if "/" not in opens["id"] else None
    return {**opens, "href": path.format(quote(opens["id"], safe="")) if path else None}


class Links:
    """The links of a mail. `public` is the gateway's address; `page` a pattern such as https://portal.example/{what}/{id}, or ''."""

    def __init__(self, public: str, page: str) -> None:
        self._public = public.rstrip("/")
        self._page = page

    def document(self, send: str, document: str) -> str:
        """Where a document that found no room in the mail is opened, after signing in."""
        return f"{self._public}/sends/{quote(send, safe='')}/documents/{quote(document, safe='')}"

    def of(self, message: Row) -> dict[str, str]:
        """`unsubscribe_url` and `opens_url` of this message, each '' where there is none."""
        token, opens = message["unsubscribe"], message["opens"]
        ours = self._page and opens and "/" not in opens["id"]
        return {
            "unsubscribe_url": f"{self._public}/unsubscribe/{quote(token, safe='')}" if token else "",
            "opens_url": self._page.format(what=quote(opens["what"], safe=""), id=quote(opens["id"], safe="")) if ours else "",
        }
