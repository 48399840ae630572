"""The Kafka broker's jars: resolved once by jgo, locked by sha256 in kafka.lock, downloaded once."""

import hashlib
import logging
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import requests
from jgo.maven import MavenContext

from embedded.errors import EmbeddedError
from embedded.paths import CACHE

LOCK = Path(__file__).with_name("kafka.lock")
# kafka-clients stands beside the broker, because the resolver would take an older one (it did with 3.8);
# slf4j's binding is only in Kafka's own archive (the "!" keeps its versions of other libraries out).
ROOTS = [
    "org.apache.kafka:kafka_2.13:4.3.0",
    "org.apache.kafka:kafka-clients:4.3.0",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4!",
]
_TRIES = 4
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Jar:
    """One line of the lock."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def filename(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


def read_lock() -> list[Jar]:
    """The jars of the lock file, `group:artifact:version sha256` a line."""
    lines = (line for line in LOCK.read_text().splitlines() if line and not line.startswith("#"))
    return [Jar(*re.split("[: ]", line, maxsplit=3)) for line in lines]


def complete() -> bool:
    """Whether every jar was downloaded already."""
    return all((_folder() / jar.filename).exists() for jar in read_lock())


def _folder() -> Path:
    return CACHE / f"kafka-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"


def fetch(progress: Progress = lambda _done, _all: None) -> Path:
    """The folder with every jar of the lock, each one checked; downloads only what is missing."""
    lock = read_lock()
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    missing = [jar for jar in lock if not (folder / jar.filename).exists()]
    with ThreadPoolExecutor(8) as pool, TemporaryDirectory(dir=CACHE) as scratch:
        downloads = [pool.submit(_fetch_one, jar, folder, Path(scratch)) for jar in missing]
        for done, download in enumerate(as_completed(downloads), len(lock) - len(missing) + 1):
            download.result()
            progress(done, len(lock))
    return folder


def _fetch_one(jar: Jar, folder: Path, scratch: Path) -> None:
    """Download one jar, with another try for a network that hiccups, and let it in only when its sum is right."""
    for attempt in range(1, _TRIES + 1):
        try:
            path = _download(jar, scratch / f"{jar.artifact}-{attempt}")
            break
        except (requests.RequestException, OSError, RuntimeError) as failure:
            if attempt == _TRIES:
                message = (
                    f"can't download {jar.group}:{jar.artifact}:{jar.version} after {_TRIES} tries ({type(failure).__name__}). "
                    "Kafka's jars come from Maven Central: check the network (or its proxy) and run the command again; "
                    "what was downloaded is kept."
                )
                raise EmbeddedError(message) from failure
            time.sleep(2**attempt)
    if _sha256(path) != jar.sha256:
        message = f"{jar.filename} is not the file that {LOCK.name} names (its sha256 differs); it was thrown away."
        raise EmbeddedError(message)
    shutil.move(path, folder / jar.filename)


def _download(jar: Jar, repository: Path) -> Path:
    context = MavenContext(repo_cache=repository, timeout=60)
    path: Path = context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
    return path


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _resolve() -> Iterator[str]:
    """The lines of a new lock, from the roots' dependency tree."""
    logging.getLogger("jgo").setLevel(logging.ERROR)
    with TemporaryDirectory() as repository:
        context = MavenContext(repo_cache=Path(repository), timeout=60)
        inputs, transitive = context.resolver.resolve([context.create_dependency(root) for root in ROOTS])
        wanted = [dep for dep in [*inputs, *transitive] if dep.scope in (None, "compile", "runtime")]
        for dep in sorted(wanted, key=lambda dep: (dep.groupId, dep.artifactId)):
            yield f"{dep.groupId}:{dep.artifactId}:{dep.version} {_sha256(dep.artifact.resolve())}"


if __name__ == "__main__":  # python -m embedded.jars: writes the lock anew after a change of ROOTS
    LOCK.write_text("# python -m embedded.jars writes this file.\n" + "\n".join(_resolve()) + "\n")
    sys.stdout.write(f"{len(read_lock())} jars in {LOCK.name}\n")
