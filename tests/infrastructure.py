"""Where the tests' Kafka and Postgres come from: addresses that were given, else containers, else native processes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
from docker.errors import DockerException
from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from embedded.kafka import Kafka
from embedded.ports import free_port
from embedded.postgres import Postgres
from embedded.unprivileged import remove

KAFKA_IMAGE = "apache/kafka:4.3.0"
POSTGRES_IMAGE = "postgres:18"
KINDS = ("auto", "docker", "native")


def chosen_kind(asked: str) -> str:
    """What `auto` means here: docker when an engine answers, else native."""
    if asked not in KINDS:
        message = f"POSTROOM_TEST_INFRASTRUCTURE is {asked!r}: it may be one of {', '.join(KINDS)}"
        raise ValueError(message)
    if asked != "auto":
        return asked
    return "docker" if _engine_answers() else "native"


def _engine_answers() -> bool:
    try:
        client = docker.from_env(timeout=5)
        try:
            return bool(client.ping())
        finally:
            client.close()
    except DockerException:
        return False


@contextmanager
def native_kafka(folder: Path) -> Iterator[str]:
    """A broker of this machine, its data in the folder; yields host:port."""
    with Kafka(folder) as broker:
        yield broker.bootstrap


@contextmanager
def native_postgres(folder: Path) -> Iterator[str]:
    """A server of this machine, its data in the folder; yields its address without a database.

    It makes a database for each test, and no test pulls the plug: the disk needn't have all of it. The whole houses of tests/e2e sync.
    """
    try:
        with Postgres(folder, durable=False) as server:
            yield server.dsn
    finally:
        # Where the server's user can't enter the tests' folder, the data lie elsewhere, behind this link.
        if (folder / "outside").is_symlink():
            remove(folder / "outside")


@contextmanager
def docker_kafka() -> Iterator[str]:
    """The official image, one node; the port is chosen here, for the broker must tell it to its clients."""
    port = free_port()
    listeners = {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENERS": f"PLAINTEXT://:{port},CONTROLLER://:9093",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    }
    container = DockerContainer(KAFKA_IMAGE).with_bind_ports(port, port)
    host = container.get_container_host_ip()
    container.with_envs(**listeners, KAFKA_ADVERTISED_LISTENERS=f"PLAINTEXT://{host}:{port}")
    container.waiting_for(LogMessageWaitStrategy("Kafka Server started").with_startup_timeout(90))
    with container:
        yield f"{host}:{port}"


@contextmanager
def docker_postgres() -> Iterator[str]:
    """The official image; yields its address without a database."""
    with PostgresContainer(POSTGRES_IMAGE, driver=None) as server:
        yield server.get_connection_url().rsplit("/", 1)[0]
