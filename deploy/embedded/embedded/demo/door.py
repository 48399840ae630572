"""The demo's hands: the gateway as different people, the mailbox, and Kafka through a client that knows nothing of Postroom."""

import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import httpx
import orjson
from kafka import KafkaProducer

from embedded.errors import EmbeddedError

TENANT = "demo"
_PATIENCE = 45.0
_PAGE = 500
Found = TypeVar("Found")


class Door:
    """Calls the gateway as somebody; a token each, from the local issuer."""

    def __init__(self, endpoints: dict[str, str]) -> None:
        self.endpoints = endpoints
        self._http = httpx.Client(base_url=endpoints["gateway_url"], timeout=30)
        self._mailbox = httpx.Client(base_url=endpoints["mailbox_url"], timeout=30)
        self._tokens: dict[str, str] = {}

    def call(self, who: str, method: str, path: str, **request: Any) -> Any:
        """The JSON answer; what the gateway refuses ends the demo with its words."""
        headers = {"Authorization": f"Bearer {self._token(who)}", **request.pop("headers", {})}
        response = self._http.request(method, path, headers=headers, **request)
        if not response.is_success:
            message = f"{method} {path} as {who} was answered {response.status_code}: {response.text}"
            raise EmbeddedError(message)
        return response.json() if response.content and "json" in response.headers.get("content-type", "") else response.content

    def get(self, who: str, path: str, **params: Any) -> Any:
        """Read."""
        return self.call(who, "GET", path, params=params)

    def _token(self, who: str) -> str:
        if who not in self._tokens:
            answer = self._http.post(
                "/token", json={"person": who, "tenant": TENANT}, headers={"X-Issuer-Secret": self.endpoints["issuer_secret"]}
            )
            if not answer.is_success:
                message = f"no token for {who}: {answer.text}"
                raise EmbeddedError(message)
            self._tokens[who] = answer.json()["token"]
        return self._tokens[who]

    def mails(self, to: str, subject: str = "") -> list[dict[str, Any]]:
        """What lies in the mailbox for this address, with these words in the subject, the oldest first."""
        found: list[dict[str, Any]] = []
        while page := self._search(to, subject, len(found), _PAGE)["messages"]:
            found += page
        return found[::-1]

    def count(self, to: str, subject: str) -> int:
        """How many of them there are; reading a thousand over and over would keep the mailbox from taking the rest."""
        return int(self._search(to, subject, 0, 1)["messages_count"])

    def _search(self, to: str, subject: str, start: int, limit: int) -> Any:
        query = f'to:"{to}" subject:"{subject}"' if subject else f'to:"{to}"'
        return self._mailbox.get("/api/v1/search", params={"query": query, "start": start, "limit": limit}).json()

    def total(self) -> int:
        """How many mails lie in the mailbox."""
        return int(self._mailbox.get("/api/v1/messages", params={"limit": 1}).json()["total"])

    def write(self, topic: str, records: Iterable[tuple[str, list[tuple[str, bytes]], bytes]]) -> None:
        """Write (key, headers, value) to Kafka with kafka-python, as any other system would with its own client."""
        producer = KafkaProducer(bootstrap_servers=self.endpoints["kafka"], acks="all")
        try:
            sent = [producer.send(topic, key=key.encode(), headers=headers, value=value) for key, headers, value in records]
            for one in sent:
                one.get(timeout=30)
        finally:
            producer.close()


def cloud_event(type_: str, id_: str, subject: str, data: dict[str, Any]) -> tuple[str, list[tuple[str, bytes]], bytes]:
    """A CloudEvent in binary mode, written by hand: headers and plain JSON."""
    attributes = {"specversion": "1.0", "id": id_, "source": "/erp/linz", "type": type_, "subject": subject, "tenant": TENANT}
    headers = [(f"ce_{name}", value.encode()) for name, value in attributes.items()]
    return subject, [("content-type", b"application/json"), *headers], orjson.dumps(data)


def until(what: str, look: Callable[[], Found | None], patience: float = _PATIENCE, pause: float = 0.1) -> Found:
    """Look until there is something; EmbeddedError that names what was waited for."""
    deadline = time.monotonic() + patience
    while (found := look()) is None:
        if time.monotonic() > deadline:
            message = f"waited {patience:.0f} s in vain for {what}"
            raise EmbeddedError(message)
        time.sleep(pause)
    return found
