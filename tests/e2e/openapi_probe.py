"""schemathesis against the gateway's OpenAPI document, in a tenant of its own: `python -m tests.e2e.openapi_probe` (make schemathesis).

What it makes up can't touch the other tenants' data: they are the same house's, and other tests go on in them.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from embedded.demo import cast, scenes
from embedded.demo.door import until

TENANT = "probe"
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
SIDES = {"operator": "operator", "client": cast.CLARA, "supplier": cast.FRIDA}
# Left out, each for its reason.
EXCLUDED = {
    "/api/inbox/events": "it never ends",
    "/parked/{service}/{number}/{action}": "it would replay or discard what other tests have parked, whatever its tenant",
    "/parked/{service}/{action}": "the same, of many",
    "/api/templates/{message_type}": "PUT and DELETE change the mails of the whole house; GET goes with them, for a path is left out whole",
    "/api/tasks/{name}/run": "it would run the tasks of all tenants as of made-up days, and tell of everything that is due by then",
}
_DOWNLOAD = "/api/orders/{order_id}/documents/{document}"
_DOCUMENTS = Path(scenes.__file__).parent / "documents"


_ITEM = {"item": "SALT-25", "name": "Road salt", "unit": "BG"}
_ROLES = [{"person": cast.BELA, "role": "requester"}]
_PARTIES = {"company": cast.BUYER, "supplier": cast.SUPPLIER}
_MAINTAINED: dict[str, dict[str, Any]] = {
    **{f"companies/{id_}": company for id_, company in cast.COMPANIES.items()},
    # Addresses of its own: other tests count the mails that the demo's people get.
    **{f"people/{id_}": {**person, "email": f"{id_}@probe.example"} for id_, person in cast.PEOPLE.items()},
    **{f"budgets/{id_}": {**cast.BUDGET, **budget} for id_, budget in cast.BUDGETS.items()},
    f"contracts/{scenes.CONTRACT}": cast.CONTRACT,
    "demand-templates/salt": {"kind": "quantity-request", "name": "Salt", "company": cast.BUYER, "items": [_ITEM], "assigned": _ROLES},
    "control-structures/card": {"kind": "credit-card", "company": cast.BUYER, "code": "4242", "name": "Fleet", "valid_until": "2036-10-31"},
    "carbon-copy-users/workshop": {"name": "Workshop", "company": cast.BUYER, "blocked": True},
    "invoices/R-1": {"number": "R-1", "orders": [scenes.ORDER], "amount": "4890.00", "currency": "EUR", **_PARTIES},
    "catalogs/office": {"name": "Office", "managers": [cast.HANA], **_PARTIES},
    "requisitions/REQ-1": {"contract": scenes.CONTRACT, "requester": cast.ANNA, "name": "Salt", "quantity": "2", "unit": "BG", "net": "9"},
}
_PARAMETERS = {
    "companies": "company",
    "people": "person",
    "budgets": "budget",
    "contracts": "contract",
    "demand-templates": "template",
    "control-structures": "structure",
    "carbon-copy-users": "user",
    "invoices": "invoice",
    "catalogs": "catalog",
    "requisitions": "item",
}


@dataclass(frozen=True)
class Outcome:
    """What a run found; `text` is schemathesis' own report."""

    side: str
    failed: bool
    text: str


class Probe:
    """The house's door in the tenant of the probe."""

    def __init__(self, endpoints: dict[str, Any], tenant: str = TENANT) -> None:
        self._tenant = tenant
        self._endpoints = endpoints
        self.url: str = endpoints["gateway_url"]
        self._http = httpx.Client(base_url=self.url, timeout=30, trust_env=False)

    def token(self, person: str) -> str:
        secret = {"X-Issuer-Secret": self._endpoints["issuer_secret"]}
        answer = self._http.post("/token", json={"person": person, "tenant": self._tenant}, headers=secret)
        return str(answer.raise_for_status().json()["token"])

    def ask(self, person: str, method: str, path: str, **request: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token(person)}", **request.pop("headers", {})}
        answer = self._http.request(method, path, headers=headers, **request)
        assert answer.is_success, f"{method} {path} as {person} was answered {answer.status_code}: {answer.text}"
        return answer.json()

    def furnish(self) -> dict[str, list[str]]:
        """Something of each kind, so that not every id is unknown; the values of each path parameter."""
        for path, body in _MAINTAINED.items():
            self.ask("operator", "PUT", f"/api/{path}", json=body)
        for name in ("order.xml", "despatch-short.xml"):
            order = self.ask("operator", "POST", "/api/documents", content=(_DOCUMENTS / name).read_bytes())["order"]
        log = {"type": "Delivery", "message": "The rest follows."}
        self.ask(cast.FRIDA, "POST", f"/api/orders/{order}/logs", json=log, headers={"Idempotency-Key": "probe"})
        window = self.ask(cast.FRIDA, "POST", f"/api/orders/{order}/correspondences", json={"scope": "all"})["id"]
        documents = [one["document"] for one in self.ask(cast.FRIDA, "GET", f"/api/orders/{order}/documents")["documents"]]
        # Of the despatch that was short: it has come through Kafka, the rules and the mailer.
        messages = until("the message in Clara's inbox", lambda: self.ask(cast.CLARA, "GET", "/api/inbox")["messages"] or None)
        of_paths: dict[str, list[str]] = {}
        for kind, id_ in (path.split("/")[:2] for path in _MAINTAINED):
            of_paths.setdefault(_PARAMETERS[kind], []).append(id_)
        return {
            **of_paths,
            "order_id": [order],
            "order": [order],
            "correspondence": [window],
            "document": documents,
            "message": [messages[0]["message"]],
            "message_type": ["wrong-delivery"],
            "request": ["salt"],
            "ref": [order, scenes.ORDER],
        }

    def document(self) -> dict[str, Any]:
        """What the gateway says it answers."""
        found: dict[str, Any] = self._http.get("/openapi.json").raise_for_status().json()
        return found

    def left_out(self) -> int:
        """How many of the documented operations are not asked."""
        paths = self.document()["paths"]
        return sum(len(paths[path]) for path in EXCLUDED)

    def run(self, side: str, known: dict[str, list[str]], examples: int, seed: int, *phases: str) -> Outcome:
        """All operations with this side's token, `examples` made-up calls each."""
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder) / "schemathesis.toml"
            config.write_text(_config(known), "utf-8")
            left_out = [argument for path in EXCLUDED for argument in ("--exclude-path", path)]
            program = [str(Path(sys.executable).with_name("st")), "--config-file", str(config), "run", f"{self.url}/openapi.json"]
            chosen = ["--checks", ",".join(CHECKS), "--phases", ",".join(phases), "--max-examples", str(examples), "--seed", str(seed)]
            # One worker: in several threads, Python 3.11's ast stumbles inside Hypothesis.
            bounds = ["--no-shrink", "--continue-on-failure", "--request-timeout", "20", "--no-color", "--workers", "1"]
            header = ["--header", f"Authorization: Bearer {self.token(SIDES[side])}"]
            done = subprocess.run([*program, *chosen, *left_out, *bounds, *header], capture_output=True, text=True, check=False, cwd=folder)
        return Outcome(side, done.returncode != 0, done.stdout + done.stderr)


def _config(known: dict[str, list[str]]) -> str:
    """Two of three ids are known ones."""
    parts = ["[dictionaries]"]
    parts += [f"{name} = {{ values = {json.dumps(values)} }}" for name, values in known.items() if values]
    parts += ["[parameters]"]
    parts += [f'"path.{name}" = {{ dictionary = "{name}", probability = 0.67 }}' for name, values in known.items() if values]
    # A document is what somebody put there, also where its type says JSON and its bytes don't.
    parts += ["[[operations]]", f'include-name = "GET {_DOWNLOAD}"', "checks.response_schema_conformance.enabled = false"]
    return "\n".join(parts)


def main() -> int:
    """A long run against the house of .run; 1 when something doesn't hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, default=Path(".run"), help="the installation's folder")
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--phases", default="examples,coverage,fuzzing")
    parser.add_argument("--sides", default=",".join(SIDES))
    arguments = parser.parse_args()
    # Another tenant each time: what the run before made of its own may refuse to be furnished again.
    probe = Probe(json.loads((arguments.run / "endpoints.json").read_bytes()), f"{TENANT}-{uuid4().hex[:8]}")
    known = probe.furnish()
    failed = False
    for side in arguments.sides.split(","):
        outcome = probe.run(side, known, arguments.examples, arguments.seed, *arguments.phases.split(","))
        print(f"=== as {side}, seed {arguments.seed}\n{outcome.text}")  # noqa: T201 - what the command is for
        failed = failed or outcome.failed
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
