"""Clients of Kafka as this house wants them."""

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from postroom.contracts.topics import PARKED_BYTES

MAX_BYTES = PARKED_BYTES + 64 * 1024  # with room for headers
AWAY = (KafkaError, OSError, TimeoutError)


def new_producer(kafka: str) -> AIOKafkaProducer:
    """A producer that neither loses nor reorders: idempotent, acked by all, and wide enough for parked records. Not started."""
    return AIOKafkaProducer(
        bootstrap_servers=kafka,
        enable_idempotence=True,
        acks="all",
        max_request_size=MAX_BYTES,
        # The default of 16 KB holds five messages (docs: performance).
        max_batch_size=256 * 1024,
        linger_ms=2,
        request_timeout_ms=10_000,
    )


async def cluster_id(kafka: str) -> str:
    """What the cluster calls itself. Raises KafkaError or OSError while it is away."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka, request_timeout_ms=5_000)
    await admin.start()
    try:
        return str((await admin.describe_cluster())["cluster_id"])
    finally:
        await admin.close()
