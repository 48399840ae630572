"""The process that runs customers' templates: it may be killed, and knows nothing that a template could tell."""

from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache
from typing import Any

import orjson

from mailer_service.checking.check import check
from mailer_service.checking.finding import Finding
from mailer_service.confined_loop import serve
from mailer_service.render import TEMPLATES, Renderer

Json = dict[str, Any]


class Answers:
    """Answers `check`, `mail` and `brief`; compiled templates are kept for a few versions."""

    def __init__(self) -> None:
        self._own: Json = {}
        self._renderer = lru_cache(maxsize=64)(self._new_renderer)

    def __call__(self, question: bytes) -> bytes:
        asked: Json = orjson.loads(question)
        if asked["do"] == "check":
            return orjson.dumps([asdict(one) for one in check(asked["message_type"], asked["files"], asked["layout"], asked["event"])])
        self._own = asked["own"]
        renderer = self._renderer(asked["digest"])
        return orjson.dumps([self._rendered(renderer, asked["do"], message) for message in asked["messages"]])

    def _new_renderer(self, digest: str) -> Renderer:
        return Renderer(TEMPLATES, self._own)

    @staticmethod
    def _rendered(renderer: Renderer, do: str, message: Json) -> Json:
        """One message's fault is its own; what takes too much memory or time is the whole question's."""
        try:
            return {"is": asdict(renderer.mail(message)) if do == "mail" else renderer.brief(message)}
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a template does
            return {"fault": f"{type(error).__name__}: {error}"[:1_000]}


def _load() -> Callable[[bytes], bytes]:
    # Locales and the CSS inliner are loaded now, at nobody's cost.
    assert all(isinstance(one, Finding) for one in check("warm", {}, {}, None))  # noqa: S101 - always
    return Answers()


if __name__ == "__main__":
    serve(_load)
