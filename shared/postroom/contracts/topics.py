"""Every topic, declared once: the deploy step, the relay, the consumers, the docs and the tests read this."""

from collections.abc import Iterable
from dataclasses import dataclass

from postroom.contracts import examples, facts
from postroom.contracts.emitters import Emitter
from postroom.contracts.examples import Example
from postroom.contracts.fields import Fact

DAY = 24 * 3600 * 1000
FOR_EVER = -1
KB = 1024
EVENT_BYTES = 256 * KB
PARKED_BYTES = 2048 * KB  # a parked record holds what was too large for its own topic
CLIENT_BATCH = 1024 * KB


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic with its one owner; `key` is what order is kept by. Times in milliseconds, sizes in bytes.

    `documents` names the kind of raw documents that it carries instead of events.
    """

    name: str
    owner: str
    consumers: tuple[str, ...]
    key: str
    facts: tuple[type[Fact], ...] = ()
    documents: str = ""
    producers: tuple[str, ...] = ()
    partitions: int = 6
    retention_ms: int = 30 * DAY
    compacted: bool = False
    max_bytes: int = EVENT_BYTES

    @property
    def writers(self) -> tuple[str, ...]:
        """Who may write: the owner alone, unless others are named."""
        return self.producers or (self.owner,)

    @property
    def examples(self) -> tuple[Example, ...]:
        """The golden examples of what it carries: every consumer is tested with every one of them."""
        carried = [self.documents] if self.documents else [fact.TYPE for fact in self.facts]
        return tuple(example for type_ in carried for example in examples.of_type(type_))

    @property
    def settings(self) -> dict[str, str]:
        """The topic's settings as Kafka spells them; room for headers is added to the size.

        Kafka's size is that of a batch, and common clients make batches of up to 1 MiB: a record beyond `max_bytes` is the reader's to
        park. The broker unpacks whatever a client has compressed, so that each consumer can read it and the size is the real one.
        """
        return {
            "cleanup.policy": "compact" if self.compacted else "delete",
            "retention.ms": "-1" if self.compacted else str(self.retention_ms),
            "max.message.bytes": str(max(self.max_bytes, CLIENT_BATCH) + 64 * KB),
            "compression.type": "uncompressed",
            # By the broker's clock: of a writer whose clock is an hour ahead it would take nothing until that is right again.
            "message.timestamp.type": "LogAppendTime",
        }


OWNED = (
    Topic(
        "purchasing",
        owner="po-service",
        consumers=("notification-rules",),
        key="order, or the budget, template, catalog …",
        facts=facts.PURCHASING,
    ),
    Topic(
        "directory",
        owner="po-service",
        consumers=("notification-rules",),
        key="tenant/person or tenant/company",
        facts=facts.DIRECTORY,
        compacted=True,
    ),
    Topic(
        "commlog",
        owner="commlog-service",
        consumers=("notification-rules", "mailer-service"),
        key="order",
        facts=facts.COMMLOG,
    ),
    Topic(
        "messages",
        owner="notification-rules",
        consumers=("mailer-service",),
        key="the causing event's key",
        facts=facts.MESSAGES,
    ),
    Topic(
        "inbox",
        owner="mailer-service",
        consumers=("notification-rules",),
        key="the forwarded message",
        facts=facts.INBOX,
    ),
    Topic(
        "decisions",
        owner="notification-rules",
        consumers=(),
        key="the causing event's key",
        facts=facts.DECISIONS,
    ),
    Topic(
        "outcomes",
        owner="mailer-service",
        consumers=("commlog-service",),
        key="the causing event's key",
        facts=facts.OUTCOMES,
    ),
    # Not compacted: an old head is what shows that the chain was rewritten since (docs/history.md).
    Topic(
        "history",
        owner="commlog-service",
        consumers=(),
        key="the order",
        facts=facts.HISTORY,
        retention_ms=FOR_EVER,
    ),
    # Its addresses are gone from Kafka after the 30 days that every topic keeps at least.
    Topic(
        "mail",
        owner="mailer-service",
        consumers=("commlog-service",),
        key="the order",
        facts=facts.MAIL,
    ),
    # Raw bytes and headers of what can't be processed: one a consuming service, mirroring its table.
    *(
        Topic(f"parked.{service}", owner=service, consumers=(), key="topic/partition/offset", partitions=1, max_bytes=PARKED_BYTES)
        for service in ("po-service", "commlog-service", "notification-rules", "mailer-service")
    ),
)


def of_emitter(emitter: Emitter) -> tuple[Topic, ...]:
    """An external emitter's own topics: CloudEvents to the rules, raw UBL to po-service."""
    told = tuple(facts.FACTS[type_] for type_ in emitter.types)
    events = Topic(f"in.{emitter.name}", owner=emitter.name, consumers=("notification-rules",), key="subject", facts=told, partitions=3)
    if not emitter.endpoints:
        return (events,)
    return events, Topic(
        f"ubl.{emitter.name}",
        owner=emitter.name,
        consumers=("po-service",),
        key="order number",
        documents="UBL",
        partitions=3,
        max_bytes=1024 * KB,
    )


def declared(emitters: Iterable[Emitter]) -> tuple[Topic, ...]:
    """All topics of this installation."""
    return (*OWNED, *(topic for emitter in emitters for topic in of_emitter(emitter)))


def consumed_by(service: str, topics: Iterable[Topic]) -> tuple[str, ...]:
    """The names of the topics that a service reads."""
    return tuple(topic.name for topic in topics if service in topic.consumers)


def written_by(service: str) -> tuple[str, ...]:
    """The names of the topics that a service writes: each needs a lane of its relay, or its outbox rows would stay."""
    return tuple(topic.name for topic in OWNED if service in topic.writers)


_TOPIC_OF = {fact.TYPE: topic for topic in OWNED for fact in topic.facts}


def of_fact(type_: str) -> Topic:
    """The topic where this fact is published."""
    return _TOPIC_OF[type_]
