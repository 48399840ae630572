"""FastStream's batch subscriber without its traps (docs/decisions/0002-traps-of-the-broker-libraries.md)."""

from collections.abc import Awaitable, Callable, Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.annotations import KafkaMessage as MessageInContext
from faststream.kafka.message import FAKE_CONSUMER, KafkaMessage
from faststream.kafka.subscriber.usecase import BatchSubscriber

Raw = tuple[ConsumerRecord[bytes, bytes], ...]
Poll = Callable[[AIOKafkaConsumer], Awaitable[Raw]]
Take = Callable[[Raw], Awaitable[None]]
Lose = Callable[[set[TopicPartition]], None]
Place = Callable[[set[TopicPartition], AIOKafkaConsumer], Awaitable[None]]


def subscribe(
    broker: KafkaBroker, group: str, topics: Sequence[str], *, poll: Poll, take: Take, place: Place, lose: Lose
) -> BatchSubscriber:
    """A subscriber that polls as `poll` does and hands raw batches to `take`; `place` seeks after each assignment, `lose` hears of its end.

    The client fetches from Kafka's own commit as soon as it is assigned: until `place` is through, `poll` must let nothing out.
    """
    holder: list[BatchSubscriber] = []  # the listener is asked for before the subscriber exists
    subscriber = broker.subscriber(
        *topics,
        batch=True,
        group_id=group,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        ack_policy=AckPolicy.MANUAL,
        no_reply=True,
        listener=_Placed(place, lose, holder),
        parser=_parse,
        decoder=_decode,
    )
    subscriber.get_msg = poll  # type: ignore[assignment,method-assign] # FastStream's own sleeps after each empty poll

    async def handle(message: MessageInContext) -> None:
        batch = message.raw_message if isinstance(message.raw_message, tuple) else (message.raw_message,)
        # The message stays in the context of every timer and connection that begins meanwhile: its records must not.
        message.raw_message = ()
        await take(batch)

    subscriber(handle)
    holder.append(subscriber)
    return subscriber


class _Placed(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka is untyped here
    """After each assignment, read on from where `place` says."""

    def __init__(self, place: Place, lose: Lose, subscriber: list[BatchSubscriber]) -> None:
        self._place = place
        self._lose = lose
        self._subscriber = subscriber

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """A batch under way is fenced by the database."""
        self._lose(revoked)

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Seek to where the database says."""
        client = self._subscriber[0].consumer
        if assigned and client is not None:
            await self._place(assigned, client)


async def _parse(batch: tuple[ConsumerRecord[bytes, bytes], ...]) -> KafkaMessage:
    """FastStream's message around the raw batch. Never raises: FastStream's own decodes headers and skips the batch if one is no UTF-8."""
    return KafkaMessage(body=b"", raw_message=batch, headers={}, message_id="", consumer=FAKE_CONSUMER)


async def _decode(_: KafkaMessage) -> None:
    """Nothing is decoded here: that is the intake's, where a refusal is parked."""
