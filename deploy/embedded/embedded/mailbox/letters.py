"""The letters of a store: found by id, listed newest first, searched."""

import asyncio
from collections import OrderedDict

from embedded.mailbox.letter import Letter
from embedded.mailbox.search import Query
from embedded.mailbox.store import Store

_KEPT = 2_000


class Letters:
    """Reads mails from the store, keeping those lately used in memory."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._kept: OrderedDict[str, Letter] = OrderedDict()

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
        stored = (self.store.mails.get(mail) for mail in ids)
        letters = (Letter(one.envelope, self.store.raw(one)) for one in stored if one)
        return [letter for letter in letters if query.fits(letter, read=letter.envelope.id in self.store.read)]

    def unread(self) -> int:
        """Count the mails that nobody opened."""
        return len(self.store.mails) - len(self.store.read)
