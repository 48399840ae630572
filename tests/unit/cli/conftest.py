"""A gateway of the tests' own: it answers what it is told to, and remembers what it was asked."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from postroom_cli.app import run

Answer = tuple[int, Any]
SECRET = "the-issuer's-secret"


@dataclass
class Asked:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class FakeGateway:
    """`answers`: (method, path) → (status, JSON), or a list of them, one a request; after `fail_after` requests po-service is away."""

    url: str = ""
    answers: dict[tuple[str, str], Answer | list[Answer]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    fail_after: int = 1_000

    def handle(self, request: Asked) -> tuple[int, Any]:
        self.asked.append(request)
        if len(self.asked) > self.fail_after:
            return 503, {"code": "unavailable", "detail": "po-service is away; try again in a moment."}
        if (request.method, request.path) == ("POST", "/token"):
            if request.headers.get("x-issuer-secret") != SECRET:
                return 401, {"code": "wrong_secret", "detail": "That is not the issuer's secret."}
            asked = json.loads(request.body)
            return 200, {"token": f"token-of-{asked['person']}@{asked['tenant']}", "expires_in": 3600, "principal": asked}
        missing = (404, {"code": "not_found", "detail": "There is no such thing."})
        answer = self.answers.get((request.method, request.path), missing)
        return answer.pop(0) if isinstance(answer, list) else answer


def _handler(gateway: FakeGateway) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, answer = gateway.handle(Asked(self.command, self.path, headers, body))
            content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = _do  # noqa: N815 - the base class's names

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    return Handler


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGateway]:
    """A gateway whose address stands in .run/endpoints.json of the working folder's parent."""
    made = FakeGateway()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(made))
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    (tmp_path / ".run").mkdir()
    (tmp_path / ".run" / "endpoints.json").write_text(json.dumps({"gateway_url": made.url, "issuer_secret": SECRET}))
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass(frozen=True)
class Ran:
    """What a run of the command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Ran]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """`cli("status", "--json")` runs the command in this process, in a clean environment."""
    for name in ("ENDPOINTS", "GATEWAY_URL", "KAFKA", "TOKEN", "ISSUER_SECRET", "TENANT", "EMITTER"):
        monkeypatch.delenv(f"POSTROOM_{name}", raising=False)

    def call(*arguments: str) -> Ran:
        capsys.readouterr()
        code = run(arguments)
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return call
