"""The store of documents: one suite over a folder and over a real S3 server."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3  # type: ignore[import-untyped]
import httpx
import pytest
from fastapi import FastAPI
from moto.server import ThreadedMotoServer

from postroom import problems
from postroom.blobs import Blobs, BlobsAwayError

BUCKET = "postroom-documents"


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an S3 server."""
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@dataclass
class Place:
    """A store with what a test does behind its back."""

    blobs: Blobs
    folder: Path | None = None
    bucket: Any = None

    def keys(self) -> list[str]:
        if self.folder:
            return [str(one.relative_to(self.folder)) for one in self.folder.rglob("*") if one.is_file()]
        return [one.key for one in self.bucket.objects.all()]

    def overwrite(self, key: str, data: bytes) -> None:
        if self.folder:
            (self.folder / key).write_bytes(data)
        else:
            self.bucket.put_object(Key=key, Body=data)

    def take_away(self) -> None:
        if self.folder:
            shutil.rmtree(self.folder)
        else:
            self.bucket.objects.all().delete()
            self.bucket.delete()


@pytest.fixture(params=["folder", "s3"])
async def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    if request.param == "folder":
        yield Place(Blobs(tmp_path / "blobs"), folder=tmp_path / "blobs")
        return
    url = request.getfixturevalue("s3")
    for name, value in _environment(url).items():
        monkeypatch.setenv(name, value)
    bucket = boto3.resource("s3", endpoint_url=url).Bucket(f"{BUCKET}-{uuid4().hex[:8]}")
    bucket.create()
    yield Place(Blobs(f"s3://{bucket.name}/some/prefix"), bucket=bucket)


def _environment(url: str) -> dict[str, str]:
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}
    return {**keys, "AWS_ENDPOINT_URL": url}


async def test_bytes_come_back_by_their_hash_and_lie_there_once(place: Place) -> None:
    data = bytes(range(256)) * 4_096
    digest = await place.blobs.put("acme", data)
    assert digest == sha256(data).hexdigest() == await place.blobs.put("acme", data)
    assert await place.blobs.get("acme", digest) == data
    (key,) = place.keys()
    assert key.endswith(digest)
    assert key.startswith("some/prefix/") is (place.bucket is not None)
    empty = await place.blobs.put("acme", b"")
    assert await place.blobs.get("acme", empty) == b""


async def test_another_tenant_has_another_place_whatever_its_name(place: Place) -> None:
    digest = await place.blobs.put("acme", b"ours")
    for other in ("rival", "../acme", "acme/", ""):
        with pytest.raises(KeyError):
            await place.blobs.get(other, digest)
    await place.blobs.put("../../etc", b"theirs")
    keys = place.keys()
    assert all(".." not in key for key in keys)


async def test_what_was_changed_or_is_gone_is_never_handed_out(place: Place) -> None:
    digest = await place.blobs.put("acme", b"as it was pinned")
    (key,) = place.keys()
    place.overwrite(key, b"as somebody made it")
    with pytest.raises(KeyError):
        await place.blobs.get("acme", digest)
    with pytest.raises(KeyError):
        await place.blobs.get("acme", "0" * 64)
    assert await place.blobs.put("acme", b"as it was pinned") == digest
    assert await place.blobs.get("acme", digest) == b"as it was pinned", "put back, it is good again"


async def test_a_store_that_is_away_is_not_taken_for_one_that_lost_a_document(place: Place) -> None:
    digest = await place.blobs.put("acme", b"data")
    place.take_away()
    with pytest.raises(BlobsAwayError):
        await place.blobs.get("acme", digest)
    with pytest.raises(BlobsAwayError):
        await place.blobs.put("acme", b"data")


async def test_a_server_that_does_not_answer_is_a_problem_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in _environment("http://127.0.0.1:9").items():
        monkeypatch.setenv(name, value)
    app = FastAPI()
    problems.install(app)
    blobs = Blobs(f"s3://{BUCKET}")

    @app.get("/document")
    async def document() -> str:
        return (await blobs.get("acme", "0" * 64)).decode()

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as http:
        answer = await http.get("/document")
    assert (answer.status_code, answer.json()["code"]) == (503, "documents_away")
    assert "try again" in answer.json()["detail"]


async def test_a_document_is_on_the_disk_before_it_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole under its name, its name in its folder, and that in the one above: what a power failure would else take away."""
    done: list[str] = []
    sync, replace = os.fsync, Path.replace

    def noted(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        done.append("folder" if path == tmp_path else "tenant" if path.is_dir() else path.read_bytes().decode())
        sync(descriptor)

    def renamed(self: Path, target: Path) -> Path:
        done.append("named")
        return replace(self, target)

    blobs = Blobs(tmp_path)
    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(Path, "replace", renamed)
    await blobs.put("acme", b"the bytes")
    assert done == ["the bytes", "named", "tenant", "folder"]
    await blobs.put("acme", b"more")
    assert done[4:] == ["more", "named", "tenant"]
