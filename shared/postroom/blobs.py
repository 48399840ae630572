"""Documents and frozen logs, by tenant and sha256: what was pinned at the click is what is sent."""

from hashlib import sha256
from pathlib import Path

from obstore.store import LocalStore


class Blobs:
    """A folder of blobs; content-addressed, so writing the same bytes twice is no second blob."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self._store = LocalStore(root)

    async def put(self, tenant: str, data: bytes) -> str:
        """Keep these bytes; returns their sha256 in hex."""
        digest = sha256(data).hexdigest()
        await self._store.put_async(_path(tenant, digest), data)
        return digest

    async def get(self, tenant: str, digest: str) -> bytes:
        """The bytes, checked against their hash. Raises KeyError if they are gone or aren't these bytes any more."""
        try:
            data = bytes(await (await self._store.get_async(_path(tenant, digest))).bytes_async())
        except FileNotFoundError as error:
            raise KeyError(digest) from error
        if sha256(data).hexdigest() != digest:
            raise KeyError(digest)
        return data


def _path(tenant: str, digest: str) -> str:
    # The tenant's name may hold anything; its hash can't leave the folder.
    return f"{sha256(tenant.encode()).hexdigest()[:32]}/{digest}"
