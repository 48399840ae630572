"""HTTP calls that nobody should make, from a seed, down to the bytes: broken JSON, odd headers, wrong lengths, bodies that never end.

What a well-made request with odd values is answered, schemathesis asks (tests/e2e/openapi_probe.py); its furnished tenant is used here too.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import quote

from tests.e2e.openapi_probe import EXCLUDED
from tests.faults.bad import values
from tests.faults.bad.draft import Raw, text_of

ANSWER_SECONDS = 30.0
MAX_DEPTH = 6
METHODS = ("get", "put", "post", "delete", "patch")
_ODD = (
    "",
    "a b",
    "é😀",
    "\x00",
    "..",
    "%",
    "x" * 300,
    "x" * 5_000,
    "'; --",
    "-1",
    "9" * 30,
    "true",
    "null",
    "[]",
    "\u202e",
    "a\r\nX: y",
    "NaN",
)


@dataclass(frozen=True)
class Call:
    """`pieces` are sent one after another with `pause` seconds between them; `hangs` leaves the request unfinished and goes."""

    method: str
    path: str
    how: str
    pieces: tuple[bytes, ...]
    pause: float = 0.0
    hangs: bool = False


@dataclass(frozen=True)
class Answer:
    """`status` is 0 where the connection was closed without one."""

    call: Call
    status: int
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        """What it says of itself, if it is JSON."""
        with contextlib.suppress(ValueError):
            found = json.loads(self.body)
            return found if isinstance(found, dict) else {}
        return {}


@dataclass(frozen=True)
class _Operation:
    method: str
    path: str
    parameters: tuple[dict[str, Any], ...]
    media_type: str
    schema: dict[str, Any]


class Calls:
    """Draws calls of the documented operations; `known` are values of path parameters, `tokens` one of each side."""

    def __init__(self, document: Mapping[str, Any], known: Mapping[str, Sequence[str]], tokens: Sequence[str], seed: int) -> None:
        self.random = Random(f"{seed} calls")  # noqa: S311 - a seed is the point
        self.known = known
        self.tokens = tokens
        self.schemas = document["components"]["schemas"]
        self.operations = [
            _operation(method, path, one)
            for path, methods in document["paths"].items()
            for method, one in methods.items()
            if method in METHODS and path not in EXCLUDED
        ]
        self.with_body = [one for one in self.operations if one.media_type]

    def draw(self, number: int) -> Iterator[Call]:
        """So many of them."""
        weights = [weight for weight, _ in KINDS]
        for _ in range(number):
            make = self.random.choices(KINDS, weights)[0][1]
            yield make(self)

    def path(self, one: _Operation, *, odd: float = 0.15) -> str:
        """With known ids mostly, and some of its query."""
        path = one.path
        for parameter in one.parameters:
            name = parameter["name"]
            if parameter["in"] == "path":
                known = self.known.get(name)
                value = self.random.choice(_ODD) if not known or self.random.random() < odd else self.random.choice(known)
                path = path.replace(f"{{{name}}}", quote(value, safe="") or "%20")
        query = [
            f"{quote(parameter['name'])}={quote(self.random.choice((*_ODD, '1', '2026-11-23')), safe='')}"
            for parameter in one.parameters
            if parameter["in"] == "query" and self.random.random() < 0.3
        ]
        return path + ("?" + "&".join(query) if query else "")

    def value(self, schema: Mapping[str, Any], depth: int = 0) -> Any:
        """Something that the schema allows, as far as it is told here."""
        if "$ref" in schema:
            schema = self.schemas[schema["$ref"].rpartition("/")[2]]
        for several in ("anyOf", "oneOf", "allOf"):
            if several in schema:
                return self.value(self.random.choice(schema[several]), depth)
        if "enum" in schema or "const" in schema:
            return self.random.choice(schema.get("enum", [schema.get("const")]))
        type_ = schema.get("type")
        if type_ in {"object", "array"} and depth < MAX_DEPTH:
            return self._with_inner(schema, depth + 1)
        return self._simple(str(type_), str(schema.get("format")))

    def _with_inner(self, schema: Mapping[str, Any], depth: int) -> Any:
        if schema["type"] == "array":
            return [self.value(schema.get("items", {}), depth) for _ in range(max(1, schema.get("minItems", 1)))]
        wanted, named = schema.get("required", ()), schema.get("properties", {}).items()
        return {name: self.value(one, depth) for name, one in named if name in wanted or self.random.random() < 0.5}

    def _simple(self, type_: str, format_: str) -> Any:
        texts = ("12.50", "EUR", "2026-11-23", "2026-11-23T09:00:00Z", *(one for many in self.known.values() for one in many))
        simple = {"integer": self.random.randrange(1, 5), "number": 1.5, "boolean": self.random.random() < 0.5, "null": None}
        return simple[type_] if type_ in simple else "2026-11-23" if format_ == "date" else self.random.choice(texts)

    def body(self, one: _Operation) -> Any:
        return self.value(one.schema)

    def headers(self, *more: tuple[str, str | bytes]) -> list[bytes]:
        token = self.random.choice(self.tokens)
        lines: list[tuple[str, str | bytes]] = [("Host", "127.0.0.1"), ("Authorization", f"Bearer {token}"), ("Connection", "close")]
        if self.random.random() < 0.7:
            lines.append(("Idempotency-Key", f"bad-{self.random.randrange(10**9)}"))
        return [name.encode() + b": " + (value if isinstance(value, bytes) else value.encode()) for name, value in (*lines, *more)]


def _operation(method: str, path: str, one: Mapping[str, Any]) -> _Operation:
    content = one.get("requestBody", {}).get("content", {})
    media_type = next(iter(content), "")
    return _Operation(method.upper(), path, tuple(one.get("parameters", ())), media_type, content.get(media_type, {}).get("schema", {}))


def _call(one: _Operation, path: str, headers: Sequence[bytes], body: bytes | None, how: str, **more: Any) -> Call:
    length = [b"Content-Length: %d" % len(body)] if body is not None else []
    head = b"\r\n".join([f"{one.method} ".encode() + path.encode() + b" HTTP/1.1", *headers, *length]) + b"\r\n\r\n"
    return Call(one.method, one.path, how, (head + (body or b""),), **more)


# What the body says


def _json(at: Calls, text: bytes, how: str, one: _Operation | None = None) -> Call:
    one = one or at.random.choice(at.with_body)
    return _call(one, at.path(one, odd=0.05), at.headers(("Content-Type", one.media_type)), text, how)


def _mutated(at: Calls) -> Call:
    one = at.random.choice(at.with_body)
    return _json(at, text_of(values.mutated(at.body(one), at.random)), "mutated", one)


def _odd_json(at: Calls) -> Call:
    """Constants, keys twice, depth: what some readers of JSON let through."""
    one = at.random.choice(at.with_body)
    body = at.body(one)
    odd = at.random.choice(
        (
            Raw("NaN"),
            Raw("1e400"),
            Raw("9" * 5_000),
            Raw('{"a":1,"a":2}'),
            *(values.nested(depth, at.random) for depth in (100, 5_000, 100_000)),
        )
    )
    if isinstance(body, dict) and body:
        body[at.random.choice(list(body))] = odd
        if at.random.random() < 0.2:
            body["twice"] = Raw('1, "twice": 2')
    else:
        body = odd
    return _json(at, text_of(body), "odd JSON", one)


def _broken_json(at: Calls) -> Call:
    one = at.random.choice(at.with_body)
    text = text_of(at.body(one)) or b"{}"
    cut = text[: at.random.randrange(len(text))]
    broken = at.random.choice(
        (
            cut,
            text + text,
            b"",
            b"\x00",
            b"\xef\xbb\xbf" + text,
            text.decode().encode("utf-16"),
            text.replace(b'"', b"'"),
            text[:1] + b"\xff\xfe" + text[1:],
            at.random.randbytes(200),
            b'"' + b"x" * 1_000_000 + b'"',
            b"[" * 1_000_000,
            b"null",
            b"[]",
            b'"text"',
            b"0",
        )
    )
    return _json(at, broken, "broken JSON", one)


def _large(at: Calls) -> Call:
    size = at.random.choice((1, 11, 26)) * 1024 * 1024
    return _json(at, at.random.choice((b" " * size, b'{"a":"' + b"x" * size + b'"}')), "large body")


def _content_type(at: Calls) -> Call:
    one = at.random.choice(at.with_body)
    type_ = at.random.choice(
        (
            "text/plain",
            "application/xml",
            "multipart/form-data",
            "multipart/form-data; boundary=x",
            "application/x-www-form-urlencoded",
            "",
            "application/json; charset=utf-16",
            "*/*",
            "application/json, text/html",
            "x" * 1000,
            "é",
            "application/cloudevents+json",
        )
    )
    return _call(one, at.path(one), at.headers(("Content-Type", type_.encode("latin-1"))), text_of(at.body(one)), "content type")


# What the head says


def _odd_path(at: Calls) -> Call:
    one = at.random.choice(at.operations)
    odd = at.random.choice(
        (
            "%00",
            "%2f",
            "..%2f..",
            "%",
            "%zz",
            "%ff%fe",
            "x" * 10_000,
            "x" * 70_000,
            "//",
            "/../../etc/passwd",
            "%0d%0aX:%20y",
            ";a=b",
            "%ED%A0%80",
            "?",
            "#",
        )
    )
    path = at.path(one)
    place = at.random.randrange(1, len(path) + 1)
    return _call(one, path[:place] + odd + path[place:], at.headers(), None, "path")


def _odd_values(at: Calls) -> Call:
    one = at.random.choice(at.operations)
    return _call(one, at.path(one, odd=0.6), at.headers(), None, "values in path and query")


def _odd_query(at: Calls) -> Call:
    one = at.random.choice(at.operations)
    path = at.path(one, odd=0.0).partition("?")[0]
    odd = at.random.choice(
        ("a=%00", "limit=-1", "limit=" + "9" * 40, "a=" + "x" * 60_000, "&".join(f"a{n}=1" for n in range(3_000)), "%", "=", "a=%ff%fe")
    )
    names = [parameter["name"] for parameter in one.parameters if parameter["in"] == "query"]
    return _call(one, f"{path}?{odd}" + "".join(f"&{name}=%00" for name in names[:1]), at.headers(), None, "query")


def _odd_headers(at: Calls) -> Call:
    one = at.random.choice(at.operations)
    odd: tuple[tuple[str, str | bytes], ...] = at.random.choice(
        (
            (("X-Huge", "x" * 50_000),),
            (("X-Huge", "x" * 200_000),),
            tuple((f"X-{n}", "y") for n in range(2_000)),
            (("X-Bytes", bytes(range(128, 256))),),
            (("X-Nul", b"a\x00b"),),
            (("Idempotency-Key", "é" * 100),),
            (("Idempotency-Key", ""),),
            (("Idempotency-Key", "x" * 300),),
            (("Idempotency-Key", b"\xff\xfe"),),
            (("If-Match", '"x'), ("If-None-Match", "*")),
            (("Range", "bytes=-1"), ("Accept", "image/x-nothing"), ("Accept-Language", "x" * 5_000)),
            (("Traceparent", "00-zz"), ("X-Forwarded-For", "'; --"), ("Forwarded", "for=\x7f")),
            (("Host", "evil.example"), ("Host", "other.example")),
            (("Upgrade", "websocket"), ("Sec-WebSocket-Key", "x"), ("Connection", "upgrade")),
            (("Connection", "authorization"),),
            (("Cookie", "a=b; " * 1_000),),
            (("bad name", "x"),),
        )
    )
    return _call(one, at.path(one), at.headers(*odd), None, "headers")


def _odd_token(at: Calls) -> Call:
    one = at.random.choice(at.operations)
    token = at.random.choice(at.tokens)
    header, claims, signature = token.split(".")
    odd = at.random.choice(
        (
            "",
            "Bearer",
            "Bearer ",
            f"Basic {token}",
            f"Bearer {header}.{claims}.",
            f"Bearer {claims}.{header}.{signature}",
            "Bearer a.b.c",
            f"Bearer {token}x",
            "Bearer " + "x" * 30000,
            "Bearer é",
            f"Bearer eyJhbGciOiJub25lIn0.{claims}.",
            f"Bearer {header}.e30.{signature}",
        )
    )
    headers = [b"Host: 127.0.0.1", b"Connection: close", b"Authorization: " + odd.encode("latin-1")]
    return _call(one, at.path(one), headers, None, "token")


# How it is sent


def _wrong_length(at: Calls) -> Call:
    """Announces more or less than comes, or nonsense."""
    one = at.random.choice(at.with_body)
    body = text_of(at.body(one))
    length = at.random.choice(
        (b"0", b"1", b"%d" % (len(body) // 2), b"-1", b"x", b"1e3", b"9" * 30, b"+5", b"5, 5", b"0x10", b"%d" % (len(body) + 50))
    )
    head = b"\r\n".join(
        [f"{one.method} {at.path(one)} HTTP/1.1".encode(), *at.headers(("Content-Type", one.media_type)), b"Content-Length: " + length]
    )
    return Call(one.method, one.path, "length", (head + b"\r\n\r\n" + body,), hangs=True)


def _chunked(at: Calls) -> Call:
    one = at.random.choice(at.with_body)
    body = text_of(at.body(one))
    chunks, hangs = at.random.choice(
        (
            (b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body), False),
            (b"".join(b"1\r\n%c\r\n" % byte for byte in body[:2_000]) + b"0\r\n\r\n", False),
            (b"%x;ext=%s\r\n%s\r\n0\r\nTrailer: x\r\n\r\n" % (len(body), b"y" * 1_000, body), False),
            (b"%x\r\n%s\r\n" % (len(body), body), True),
            (b"zz\r\n%s\r\n0\r\n\r\n" % body, False),
            (b"-5\r\n%s\r\n0\r\n\r\n" % body, False),
            (b"ffffffffffffffff\r\n" + body, True),
            (b"%x\r\n%s" % (len(body) + 10, body), True),
            (b"0\r\n\r\n", False),
        )
    )
    more: tuple[tuple[str, str | bytes], ...] = (("Content-Type", one.media_type), ("Transfer-Encoding", "chunked"))
    if at.random.random() < 0.2:
        more = (*more, at.random.choice((("Content-Length", "5"), ("Transfer-Encoding", "gzip"), ("Expect", "100-continue"))))
    head = b"\r\n".join([f"{one.method} {at.path(one)} HTTP/1.1".encode(), *at.headers(*more)])
    return Call(one.method, one.path, "chunked", (head + b"\r\n\r\n" + chunks,), hangs=hangs)


def _slow(at: Calls) -> Call:
    """In small pieces; some never send the last."""
    one = at.random.choice(at.with_body)
    whole = _json(at, text_of(at.body(one)), "slow", one).pieces[0]
    step = max(1, len(whole) // 8)
    pieces = tuple(whole[start : start + step] for start in range(0, len(whole), step))
    hangs = at.random.random() < 0.5
    return Call(one.method, one.path, "slow, half sent" if hangs else "slow", pieces[:-2] if hangs else pieces, 0.05, hangs)


def _no_http(at: Calls) -> Call:
    pieces = at.random.choice(
        (
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"GET\r\n\r\n",
            b"\r\n\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"EHLO me\r\n",
            b"x" * 200000,
            b"GET /api/orders HTTP/1.1\nHost: x\n\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"POST http://evil.example/ HTTP/1.1\r\nHost: a\r\n\r\n",
            b"\xff" * 100,
        )
    )
    return Call("", "", "no HTTP", (pieces,), hangs=True)


KINDS: tuple[tuple[int, Callable[[Calls], Call]], ...] = (
    (30, _mutated),
    (12, _odd_json),
    (12, _broken_json),
    (1, _large),
    (5, _content_type),
    (6, _odd_path),
    (8, _odd_values),
    (4, _odd_query),
    (6, _odd_headers),
    (4, _odd_token),
    (5, _wrong_length),
    (5, _chunked),
    (2, _slow),
    (2, _no_http),
)


async def make(host: str, port: int, call: Call) -> Answer:
    """What is answered, in raw HTTP; raises TimeoutError where nothing comes and the connection stays."""
    reader, writer = await asyncio.open_connection(host, port, limit=2**20)
    try:
        with contextlib.suppress(ConnectionError):  # it may answer and close before it has all
            for piece in call.pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(call.pause)
            if call.hangs:
                writer.write_eof()
        async with asyncio.timeout(ANSWER_SECONDS):
            return _answer(call, await _all_of(reader))
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def _all_of(reader: asyncio.StreamReader) -> bytes:
    found = b""
    with contextlib.suppress(ConnectionError):
        while more := await reader.read(2**16):
            found += more
    return found


def _answer(call: Call, raw: bytes) -> Answer:
    while raw.startswith(b"HTTP/1.1 100"):
        raw = raw.partition(b"\r\n\r\n")[2]
    head, _, body = raw.partition(b"\r\n\r\n")
    status = head.split(b" ", 2)[1] if head.startswith(b"HTTP/1.1 ") else b"0"
    return Answer(call, int(status), body)
