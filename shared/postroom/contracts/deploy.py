"""The deploy step: makes Kafka's topics what the contracts declare. Run it as often as you like.

`python -m postroom.contracts.deploy --bootstrap HOST:PORT`
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from postroom.contracts import emitters as register
from postroom.contracts.topics import Topic, declared

_ALREADY_EXISTS = 36
_OF_THE_TOPIC = 1  # a setting's origin as DescribeConfigs numbers it: set on the topic itself
_SAFE_REPLICATION = 3
_PATIENCE_SECONDS = 30


class DeployError(Exception):
    """Kafka refused a topic; the text names it, says why and what helps."""


@dataclass(frozen=True)
class Deployed:
    """What the step did to one topic, or found."""

    topic: Topic
    news: str


def wanted(topic: Topic, replication: int) -> dict[str, str]:
    """The topic's settings; with three copies, two must have a record before it counts as written."""
    return topic.settings | ({"min.insync.replicas": "2"} if replication >= _SAFE_REPLICATION else {})


async def deploy(bootstrap: str, topics: Sequence[Topic], *, replication: int = 1, grow: bool = False) -> list[Deployed]:
    """Create what is missing, correct what differs, and add partitions only with `grow`, since that moves keys to other partitions."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, client_id="postroom-deploy")
    try:
        await admin.start()
        found = await _found(admin)
        made = await _create(admin, [topic for topic in topics if topic.name not in found], replication)
        present = [topic for topic in topics if topic.name in found]
        # A copy counts where it is, not where this run would like it.
        changed = await _correct(admin, {topic.name: wanted(topic, _copies(found[topic.name])) for topic in present})
        for topic in present:
            news = [changed.get(topic.name, ""), await _resize(admin, topic, len(found[topic.name]), grow=grow)]
            made.append(Deployed(topic, "; ".join(filter(None, news)) or "as declared"))
        return made
    finally:
        await admin.close()


async def _found(admin: AIOKafkaAdminClient) -> dict[str, Sequence[dict[str, Any]]]:
    """The partitions of each topic that the broker knows."""
    return {topic["topic"]: topic["partitions"] for topic in await admin.describe_topics()}


def _copies(partitions: Sequence[dict[str, Any]]) -> int:
    return min(len(partition["replicas"]) for partition in partitions)


async def _create(admin: AIOKafkaAdminClient, topics: Sequence[Topic], replication: int) -> list[Deployed]:
    if not topics:
        return []
    new = [NewTopic(topic.name, topic.partitions, replication, topic_configs=wanted(topic, replication)) for topic in topics]
    answer = await admin.create_topics(new)
    for name, code, message in answer.topic_errors:
        if code not in (0, _ALREADY_EXISTS):
            text = f"Kafka refuses the topic {name}: {message or for_code(code).description}"
            raise DeployError(text)
    await _until_known(admin, {topic.name for topic in topics})
    quicker = {name for name, code, _ in answer.topic_errors if code == _ALREADY_EXISTS}
    return [
        Deployed(topic, "made by another deploy step just now" if topic.name in quicker else f"created, {topic.partitions} partition(s)")
        for topic in topics
    ]


async def _until_known(admin: AIOKafkaAdminClient, names: set[str]) -> None:
    """The controller has made them; wait until the brokers know them too, for what starts next wants to use them."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while not names <= (await _found(admin)).keys():  # noqa: ASYNC110 - Kafka has no event for it
            await asyncio.sleep(0.05)


async def _correct(admin: AIOKafkaAdminClient, settings: Mapping[str, dict[str, str]]) -> dict[str, str]:
    """Give topics that differ their declared settings; → what changed, by name. Other settings of the topic stay as they are."""
    if not settings:
        return {}
    found = await _settings(admin, list(settings))
    changes = {name: {key: value for key, value in each.items() if found[name].get(key) != value} for name, each in settings.items()}
    changes = {name: change for name, change in changes.items() if change}
    # This call replaces all of a topic's own settings, hence the merge.
    resources = [ConfigResource(ConfigResourceType.TOPIC, name, configs=found[name] | change) for name, change in changes.items()]
    for response in await admin.alter_configs(resources) if resources else ():
        for code, message, _, name in response.resources:
            if code:
                text = f"Kafka refuses the settings of {name}: {message or for_code(code).description}"
                raise DeployError(text)
    return {
        name: "changed " + ", ".join(f"{key} {found[name].get(key, 'default')} → {value}" for key, value in change.items())
        for name, change in changes.items()
    }


async def _settings(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """What is set on each topic itself (not the broker's defaults)."""
    found: dict[str, dict[str, str]] = {}
    for response in await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names]):
        for code, message, _, name, entries in response.resources:
            if code:
                text = f"Kafka doesn't tell the settings of {name}: {message or for_code(code).description}"
                raise DeployError(text)
            found[name] = {entry[0]: entry[1] for entry in entries if entry[3] == _OF_THE_TOPIC}
    return found


async def _resize(admin: AIOKafkaAdminClient, topic: Topic, found: int, *, grow: bool) -> str:
    if found == topic.partitions:
        return ""
    if found > topic.partitions:
        return f"has {found} partitions, declared are {topic.partitions}: Kafka can't take partitions away"
    if not grow:
        return f"has {found} partitions, declared are {topic.partitions}: drain it, then run this with --add-partitions"
    await admin.create_partitions({topic.name: NewPartitions(topic.partitions)})
    return f"grown from {found} to {topic.partitions} partitions"


def main(
    bootstrap: Annotated[str, typer.Option(help="host:port of any broker", envvar="POSTROOM_KAFKA")] = "127.0.0.1:9092",
    emitters: Annotated[Path, typer.Option(help="the register of external emitters", envvar="POSTROOM_EMITTERS")] = Path(
        "deploy/emitters.yaml"
    ),
    *,
    replication: Annotated[int, typer.Option(min=1, help="copies of each new topic; 3 in production")] = 1,
    add_partitions: Annotated[
        bool, typer.Option("--add-partitions", help="let topics grow to their declared partitions; drain them first")
    ] = False,
) -> None:
    """Make Kafka's topics what the contracts and the register declare; prints one line a topic."""
    try:
        topics = declared(register.load(emitters).values())
        report = asyncio.run(deploy(bootstrap, topics, replication=replication, grow=add_partitions))
    except FileNotFoundError:
        _fail(f"there is no register {emitters}; name it with --emitters or POSTROOM_EMITTERS")
    except (ValueError, DeployError) as error:
        _fail(str(error))
    except (KafkaError, OSError, TimeoutError) as error:
        _fail(f"Kafka at {bootstrap} can't be reached or refuses: {error or type(error).__name__}")
    width = max(len(row.topic.name) for row in report)
    for row in sorted(report, key=lambda row: row.topic.name):
        typer.echo(f"{row.topic.name:<{width}}  {row.news}")


def _fail(text: str) -> NoReturn:
    typer.echo(text, err=True)
    raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
