"""The letters of a store: found by id, listed newest first, searched."""

import asyncio
from collections import OrderedDict

from embedded.mailbox.letter import Letter
from embedded.mailbox.search import Entry, Query, entry
from embedded.mailbox.store import Store

_KEPT = 2_000


class Letters:
    """Reads mails from the store, keeping those lately used in memory."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._kept: OrderedDict[str, Letter] = OrderedDict()
        self._entries: dict[str, Entry] = {}

    def get(self, mail: str) -> Letter | None:
        """Give the mail of this id, or the newest for `latest`."""
        if mail == "latest":
            mail = next(reversed(self.store.mails), "")
        stored = self.store.mails.get(mail)
        if stored is None:
            return None
        letter = self._kept.pop(mail, None) or Letter(stored.envelope, self.store.raw(stored))
        self._kept[mail] = letter
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return letter

    def raw(self, letter: Letter) -> bytes:
        """Give the bytes as they came."""
        return self.store.raw(self.store.mails[letter.envelope.id])

    def page(self, start: int, limit: int) -> list[Letter]:
        """List the newest mails after the first `start`."""
        ids = list(reversed(self.store.mails))[start : start + limit]
        return [letter for mail in ids if (letter := self.get(mail))]

    async def found(self, query: str) -> list[Letter]:
        """List all mails that fit, newest first; in a thread, so that mail is taken meanwhile."""
        return await asyncio.to_thread(self._found, Query(query), list(reversed(self.store.mails)))

    def _found(self, query: Query, ids: list[str]) -> list[Letter]:
        if len(self._entries) > len(ids):  # some were deleted
            self._entries = {mail: self._entries[mail] for mail in ids if mail in self._entries}
        found = (mail for mail in ids if (one := self._entry(mail)) and query.fits(one, read=mail in self.store.read))
        # Taken apart only when something of it is asked for, so that a long list costs little.
        return [Letter(stored.envelope, self.store.raw(stored)) for mail in found if (stored := self.store.mails.get(mail))]

    def _entry(self, mail: str) -> Entry | None:
        known = self._entries.get(mail)
        if known is None and (stored := self.store.mails.get(mail)):
            known = self._entries[mail] = entry(Letter(stored.envelope, self.store.raw(stored)))
        return known

    def unread(self) -> int:
        """Count the mails that nobody opened."""
        return len(self.store.mails) - len(self.store.read)
