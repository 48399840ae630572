"""The read calls of Mailpit's API (https://mailpit.axllent.org/docs/api-v1/), so that the same tests run against either."""

from collections.abc import Iterable
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from embedded.mailbox.letter import Address, Letter, Part
from embedded.mailbox.letters import Letters

_LIMIT = 50
# Shown by a browser as a page of ours, these could run scripts.
_ACTIVE = ("text/html", "text/xml", "application/xhtml+xml", "image/svg+xml", "application/xml", "text/xsl")


class Api:
    """The JSON calls over the letters."""

    def __init__(self, letters: Letters) -> None:
        self._letters = letters
        self._store = letters.store

    def routes(self) -> list[Route]:
        """Give the paths below /api/v1."""
        return [
            Route("/api/v1/info", self.info),
            Route("/api/v1/messages", self.messages),
            Route("/api/v1/messages", self.delete, methods=["DELETE"]),
            Route("/api/v1/search", self.search),
            Route("/api/v1/message/{id}", self.message),
            Route("/api/v1/message/{id}/headers", self.headers),
            Route("/api/v1/message/{id}/raw", self.raw),
            Route("/api/v1/message/{id}/part/{part}", self.part),
        ]

    async def info(self, request: Request) -> Response:
        counts = {"Messages": len(self._store.mails), "Unread": self._letters.unread()}
        return _json({"Version": "postroom", "LatestVersion": "", "Database": str(self._store.path), **counts, "Tags": {}})

    async def messages(self, request: Request) -> Response:
        start, limit = _paging(request)
        return self._summary(self._letters.page(start, limit), start, len(self._store.mails), self._letters.unread())

    async def search(self, request: Request) -> Response:
        query = request.query_params.get("query", "").strip()
        if not query:
            raise HTTPException(400, "no search query: say /api/v1/search?query=…")
        start, limit = _paging(request)
        found = await self._letters.found(query)
        unread = sum(letter.envelope.id not in self._store.read for letter in found)
        return self._summary(found[start : start + limit], start, len(found), unread)

    def _summary(self, page: Iterable[Letter], start: int, found: int, unread: int) -> Response:
        messages = [self._row(letter) for letter in page]
        counts = {"total": len(self._store.mails), "unread": self._letters.unread(), "count": len(messages)}
        return _json({**counts, "messages_count": found, "messages_unread": unread, "start": start, "tags": [], "messages": messages})

    def _row(self, letter: Letter) -> dict[str, Any]:
        return {
            **_head(letter),
            "Read": letter.envelope.id in self._store.read,
            "Created": letter.received.isoformat(),
            "Attachments": len(letter.attachments),
            "Snippet": letter.snippet,
        }

    async def message(self, request: Request) -> Response:
        """Answer one mail, which then counts as read."""
        letter = self._wanted(request)
        if letter.envelope.id not in self._store.read:
            await self._store.mark_read([letter.envelope.id])
        unsubscribe = {
            "Header": letter.header("List-Unsubscribe"),
            "HeaderPost": letter.header("List-Unsubscribe-Post"),
            "Links": [],
            "Errors": "",
        }
        content = {
            "ReturnPath": letter.envelope.sender,
            "Date": letter.date.isoformat(),
            "ListUnsubscribe": unsubscribe,
            "Text": letter.text,
            "HTML": letter.html,
            "Inline": [_part(part) for part in letter.inline],
            "Attachments": [_part(part) for part in letter.attachments],
        }
        return _json({**_head(letter), **content})

    async def headers(self, request: Request) -> Response:
        values: dict[str, list[str]] = {}
        for name, value in self._wanted(request).headers:
            values.setdefault(name.title(), []).append(value)
        return _json(values)

    async def raw(self, request: Request) -> Response:
        letter = self._wanted(request)
        answer = PlainTextResponse(self._letters.raw(letter))
        if request.query_params.get("dl") == "1":
            answer.headers["Content-Disposition"] = f'attachment; filename="{letter.envelope.id}.eml"'
        return answer

    async def part(self, request: Request) -> Response:
        """Answer an attachment's bytes; what a browser would run is only offered for download."""
        wanted = request.path_params["part"]
        part = next((part for part in self._wanted(request).parts if part.id == wanted), None)
        if part is None:
            raise HTTPException(404, "this mail has no such part")
        active = part.content_type.lower() in _ACTIVE
        answer = Response(part.content, media_type="application/octet-stream" if active else part.content_type)
        name = (part.filename or part.content_id).encode("ascii", "replace").decode().replace('"', "'").replace("\\", "_")
        answer.headers["Content-Disposition"] = f'{"attachment" if active else "inline"}; filename="{name}"'
        return answer

    async def delete(self, request: Request) -> Response:
        """Delete the mails that are named, or all."""
        body = await request.body()
        try:
            ids = orjson.loads(body).get("IDs") or [] if body else []
        except (orjson.JSONDecodeError, AttributeError) as failure:
            raise HTTPException(400, 'the body is no JSON: say {"IDs": ["…"]}, or nothing to delete all') from failure
        await self._store.delete([str(one) for one in ids])
        return PlainTextResponse("ok")

    def _wanted(self, request: Request) -> Letter:
        letter = self._letters.get(request.path_params["id"])
        if letter is None:
            raise HTTPException(404, "there is no mail with this ID")
        return letter


def _head(letter: Letter) -> dict[str, Any]:
    sender = letter.addresses("From")
    return {
        "ID": letter.envelope.id,
        "MessageID": letter.message_id,
        "From": _address(sender[0]) if sender else _address(("", letter.envelope.sender)),
        **{name: [_address(one) for one in letter.addresses(name)] for name in ("To", "Cc")},
        "Bcc": [_address(one) for one in letter.bcc],
        "ReplyTo": [_address(one) for one in letter.addresses("Reply-To")],
        "Subject": letter.header("Subject"),
        "Size": letter.size,
        "Tags": [],
        "Username": "",
    }


def _address(address: Address) -> dict[str, str]:
    return {"Name": address[0], "Address": address[1]}


def _part(part: Part) -> dict[str, Any]:
    names = {"PartID": part.id, "FileName": part.filename, "ContentType": part.content_type, "ContentID": part.content_id}
    return {**names, "Size": len(part.content), "Checksums": part.sums()}


def _paging(request: Request) -> tuple[int, int]:
    start, limit = (request.query_params.get(name, "") for name in ("start", "limit"))
    return int(start) if start.isdecimal() else 0, int(limit) if limit.isdecimal() and int(limit) else _LIMIT


def _json(value: Any) -> Response:
    return Response(orjson.dumps(value), media_type="application/json")
