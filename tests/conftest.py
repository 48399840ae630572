"""The tests' Kafka, Postgres and mailbox, started once a session when a test first asks for one."""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import pytest
import structlog
from tests import infrastructure
from tests.databases import Databases, template_of
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from embedded.mailbox.server import Mailbox
from embedded.paths import ROOT
from embedded.topics import deploy_topics
from postroom.settings import ServiceSettings

HOUSE = "tests/e2e/"


def pytest_configure() -> None:
    """End by SIGTERM as by Ctrl-C, so that a run under `timeout` stops its servers and removes their data."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # As the services tell it: with every local of every frame, as structlog would show it here, one takes seconds of a test's patience.
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])


class ByHouse(LoadScopeScheduling):  # type: ignore[misc] # it has no types
    """What each worker of `make test` plays: one has the whole house and all its tests; every other file goes to whoever is free."""

    def _split_scope(self, nodeid: str) -> str:
        return HOUSE if nodeid.startswith(HOUSE) else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByHouse:
    """In the order of the collection, not by the number of tests."""
    config.option.loadscopereorder = False
    return ByHouse(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins: the tests of the whole house."""
    items.sort(key=lambda item: not item.nodeid.startswith(HOUSE))


@dataclass(frozen=True)
class MailboxAddress:
    """Where the tests' mail goes, and where it is read by Mailpit's API."""

    smtp: str
    url: str

    @property
    def smtp_port(self) -> int:
        return urlsplit(self.smtp).port or 25


@pytest.fixture(scope="session")
def infrastructure_kind() -> str:
    """`docker` or `native`; POSTROOM_TEST_INFRASTRUCTURE chooses, `auto` looks."""
    return infrastructure.chosen_kind(os.environ.get("POSTROOM_TEST_INFRASTRUCTURE", "auto"))


@pytest.fixture(scope="session")
def kafka(infrastructure_kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """host:port of a real broker with all topics made; POSTROOM_TEST_KAFKA names one that runs already."""
    emitters = ROOT / "deploy" / "emitters.yaml"
    if given := os.environ.get("POSTROOM_TEST_KAFKA"):
        deploy_topics(given, emitters)
        yield given
        return
    native = infrastructure_kind == "native"
    with infrastructure.native_kafka(tmp_path_factory.mktemp("kafka")) if native else infrastructure.docker_kafka() as bootstrap:
        deploy_topics(bootstrap, emitters)
        yield bootstrap


@pytest.fixture(scope="session")
def postgres(infrastructure_kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a real server, without a database; POSTROOM_TEST_POSTGRES names one that runs already."""
    if given := os.environ.get("POSTROOM_TEST_POSTGRES"):
        yield given
        return
    native = infrastructure_kind == "native"
    with infrastructure.native_postgres(tmp_path_factory.mktemp("postgres")) if native else infrastructure.docker_postgres() as dsn:
        yield dsn


@pytest.fixture(scope="session")
def mailbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailboxAddress]:
    """The embedded mailbox, also beside containers (Mailpit can't bounce or defer); POSTROOM_TEST_SMTP and _MAILBOX name another."""
    if given := os.environ.get("POSTROOM_TEST_SMTP"):
        yield MailboxAddress(given, os.environ["POSTROOM_TEST_MAILBOX"])
        return
    with Mailbox(tmp_path_factory.mktemp("mailbox")) as server:
        yield MailboxAddress(server.smtp, server.url)


Settings = TypeVar("Settings", bound=ServiceSettings)


class FreshDatabase(Protocol):
    """`await fresh_database(Settings, "po_service", batch_size=10)` gives settings whose database is new, migrated and its own."""

    async def __call__(self, settings_class: type[Settings], package: str, **overrides: Any) -> Settings: ...


@pytest.fixture(scope="session")
def databases(postgres: str) -> Iterator[Databases]:
    """The session's copies of migrated databases."""
    made = Databases(postgres)
    yield made
    made.close()


@pytest.fixture(scope="session")
def migrated() -> set[str]:
    """The packages whose template has been migrated."""
    return set()


@pytest.fixture
async def fresh_database(postgres: str, databases: Databases, migrated: set[str], tmp_path: Path) -> AsyncIterator[FreshDatabase]:
    """A factory of settings, each with a database of its own, dropped after the test."""
    from postroom import db  # noqa: PLC0415 - tests of other rooms need no service code

    made: list[str] = []
    common: dict[str, Any] = {"postgres": postgres, "emitters": ROOT / "deploy" / "emitters.yaml"}

    async def make(settings_class: type[Settings], package: str, **overrides: Any) -> Settings:
        if package not in migrated:
            await db.migrate(settings_class(**common, database=template_of(package)), package)
            migrated.add(package)
        made.append(await databases.take(package))
        return settings_class(
            **{**common, "blobs": tmp_path / "blobs", "heads": tmp_path / "heads.jsonl", **overrides, "database": made[-1]}
        )

    yield make
    for name in made:
        databases.give_back(name)
