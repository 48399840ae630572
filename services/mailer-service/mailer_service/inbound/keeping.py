"""A mail is kept: its bytes, text and files as blobs, then one row and one event in one transaction."""

from collections.abc import Sequence

from mailer_service.domain.received import Answered, Found, Received, Stored, told
from mailer_service.inbound import headers
from mailer_service.inbound.parts import File
from mailer_service.inbound.reader import MailReader
from mailer_service.store import received as store
from postroom import clock, failpoints, outbox
from postroom.blobs import Blobs
from postroom.contracts.commlog import Blob
from postroom.contracts.mail import ReceivedFile
from postroom.db import Pool


class Keeper:
    """Looks up what is answered, and keeps mails."""

    def __init__(self, pool: Pool, blobs: Blobs, reader: MailReader) -> None:
        self._pool = pool
        self._blobs = blobs
        self._reader = reader

    async def answered(self, message: str) -> Answered | None:
        """The correspondence behind a message of ours."""
        async with self._pool.acquire() as connection:
            return await store.answered(connection, message, clock.now())

    async def keep(self, raw: bytes, return_path: str, answered: Sequence[Answered]) -> list[Received]:
        """Committed when this returns; those that are new. The same mail again changes nothing."""
        found, files = await self._reader.read(raw, return_path)
        # Before the transaction: a blob that nothing names is harmless, an event whose blob is missing is not.
        stored = {tenant: await self._store(tenant, raw, found, files) for tenant in {one.tenant for one in answered}}
        failpoints.reach("inbound.stored")
        mails = [Received(one, found, stored[one.tenant], headers.line(return_path, 320), clock.now()) for one in answered]
        async with self._pool.acquire() as connection, connection.transaction():
            new = [one for one in mails if await store.add(connection, one)]
            await outbox.add(connection, [told(one) for one in new])
            failpoints.reach("inbound.added")
        failpoints.reach("inbound.kept")
        return new

    async def _store(self, tenant: str, raw: bytes, found: Found, files: Sequence[File]) -> Stored:
        listed: dict[tuple[str, str], ReceivedFile] = {}
        for file in files:
            blob = await self._put(tenant, file.content)
            listed[blob.sha256, file.filename] = ReceivedFile(**blob.model_dump(), filename=file.filename, media_type=file.media_type)
        return Stored(await self._put(tenant, raw), await self._put(tenant, found.text.encode()), tuple(listed.values()))

    async def _put(self, tenant: str, content: bytes) -> Blob:
        return Blob(sha256=await self._blobs.put(tenant, content), size=len(content))
