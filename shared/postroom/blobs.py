"""Documents and frozen logs, by tenant and sha256: what was pinned at the click is what is sent."""

import asyncio
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, S3Store

from postroom.files import write_synced

S3 = "s3://"
# Nobody waits longer for a store that is away; retries within this time are obstore's.
ANSWERS_WITHIN = timedelta(seconds=10)


class BlobsAwayError(Exception):
    """The store does not answer, or refuses us: it is tried again later, for nothing says that the bytes are gone."""


class Blobs:
    """Content-addressed, so writing the same bytes twice is no second blob. `place` is a folder, or s3://bucket/prefix.

    For S3, credentials, region and endpoint are those of the usual AWS_… variables.
    """

    def __init__(self, place: str | Path) -> None:
        self._folder = None if str(place).startswith(S3) else Path(place)
        if self._folder:
            self._folder.mkdir(parents=True, exist_ok=True)
        self._store = LocalStore(self._folder) if self._folder else _s3(str(place))

    async def put(self, tenant: str, data: bytes) -> str:
        """Keep these bytes, through a power failure too; returns their sha256 in hex. Raises BlobsAwayError."""
        digest = sha256(data).hexdigest()
        try:
            if self._folder is None:
                await self._store.put_async(_path(tenant, digest), data)
            elif self._folder.is_dir():
                # Not by obstore, which leaves it to the kernel when the bytes reach the disk: they are told of as kept.
                await asyncio.to_thread(write_synced, self._folder / _path(tenant, digest), data)
            else:
                raise FileNotFoundError(self._folder)  # not made anew: what should be mounted there would hide it later
        except (BaseError, OSError) as error:
            raise BlobsAwayError(str(error)) from error
        return digest

    async def get(self, tenant: str, digest: str) -> bytes:
        """The bytes, checked against their hash. Raises KeyError if they are gone or aren't these bytes any more, BlobsAwayError."""
        try:
            data = bytes(await (await self._store.get_async(_path(tenant, digest))).bytes_async())
        except (NotFoundError, FileNotFoundError) as error:
            if self._is_away(error):
                raise BlobsAwayError(str(error)) from error
            raise KeyError(digest) from error
        except (BaseError, OSError) as error:
            raise BlobsAwayError(str(error)) from error
        if sha256(data).hexdigest() != digest:
            raise KeyError(digest)
        return data

    def _is_away(self, error: Exception) -> bool:
        """Whether all blobs are missing with this one: a folder that isn't mounted, a bucket that isn't there."""
        return not self._folder.is_dir() if self._folder else "NoSuchBucket" in str(error)


def _s3(url: str) -> S3Store:
    return S3Store.from_url(
        url,
        # Whether it is https is said by the endpoint, which is the operator's choice; without one it is AWS's own.
        client_options={"allow_http": True, "timeout": ANSWERS_WITHIN, "connect_timeout": timedelta(seconds=3)},
        retry_config={"max_retries": 3, "retry_timeout": ANSWERS_WITHIN},
    )


def _path(tenant: str, digest: str) -> str:
    # The tenant's name may hold anything; its hash can't leave the folder.
    return f"{sha256(tenant.encode()).hexdigest()[:32]}/{digest}"
