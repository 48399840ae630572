"""What a killed process leaves behind in its group, and the others would wait for until its session runs out: its next life removes it.

Not by static membership (docs/decisions/0022): two processes that were given one name by mistake would throw each other out for ever.
Here the later one removes the earlier one once, at its start, and the earlier one joins again as anybody does.
"""

import structlog
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import for_code
from aiokafka.protocol.group import LeaveGroupRequest

from postroom.settings import ServiceSettings

log = structlog.get_logger()


def client_id(settings: ServiceSettings) -> str:
    """What Kafka knows this process by: its service, and which of its processes it is, if it was told."""
    return f"{settings.service}/{settings.instance}" if settings.instance else settings.service


async def leave(settings: ServiceSettings) -> None:
    """Remove what bears our own name from our group, before we join it. Raises KafkaError or OSError while the broker is away."""
    if not settings.instance:
        return
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka, request_timeout_ms=5_000)
    await admin.start()
    try:
        coordinator = await admin.find_coordinator(settings.service)
        described = await admin.describe_consumer_groups([settings.service], coordinator)
        members = [member for answer in described for group in answer.groups for member in group[5]]
        for id_, client, *_ in members:
            if client == client_id(settings):
                answer = await admin._send_request(LeaveGroupRequest(settings.service, id_), coordinator)  # noqa: SLF001 - it has no method
                log.info("an earlier self has left the group", member=id_, answer=for_code(answer.error_code).__name__)
    finally:
        await admin.close()
