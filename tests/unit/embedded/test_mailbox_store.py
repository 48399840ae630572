"""The file of mails: what was kept is there again, and what was cut off takes nothing else with it."""

import asyncio
import os
from pathlib import Path

import pytest

from embedded.mailbox.store import Store


def contents(store: Store) -> list[bytes]:
    return [store.raw(mail) for mail in store.mails.values()]


async def test_mails_reads_and_deletions_are_there_after_opening_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for number in range(3):
        await store.add("a@b.test", ["c@d.test"], b"mail %d\r\n" % number)
    first, second, third = store.mails
    await store.mark_read([second])
    await store.delete([first])
    store.close()

    again = Store(tmp_path)
    assert list(again.mails) == [second, third]
    assert contents(again) == [b"mail 1\r\n", b"mail 2\r\n"]
    assert again.read == {second}
    assert again.mails[second].envelope.recipients == ("c@d.test",)


@pytest.mark.parametrize("cut", [1, 7, 40])
async def test_a_record_that_was_cut_off_is_set_aside_and_the_others_stay(tmp_path: Path, cut: int) -> None:
    store = Store(tmp_path)
    await store.add("a@b.test", ["c@d.test"], b"whole")
    await store.add("a@b.test", ["c@d.test"], b"x" * 60)
    store.close()
    os.truncate(tmp_path / "mails", (tmp_path / "mails").stat().st_size - cut)

    again = Store(tmp_path)
    assert contents(again) == [b"whole"]
    assert b"xxx" in (tmp_path / "mails.torn").read_bytes()
    await again.add("a@b.test", ["c@d.test"], b"next")
    again.close()
    assert contents(Store(tmp_path)) == [b"whole", b"next"]


async def test_mails_that_come_together_share_one_fsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs: list[int] = []
    real = os.fdatasync

    def counted(descriptor: int) -> None:
        syncs.append(descriptor)
        real(descriptor)

    monkeypatch.setattr(os, "fdatasync", counted)
    store = Store(tmp_path)
    await asyncio.gather(*(store.add("a@b.test", ["c@d.test"], b"%d" % number) for number in range(100)))
    assert len(store.mails) == 100
    assert 1 <= len(syncs) <= 3


async def test_a_mail_that_the_disk_refuses_raises_and_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    await store.add("a@b.test", ["c@d.test"], b"first")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", full)
        with pytest.raises(OSError, match="No space left"):
            await store.add("a@b.test", ["c@d.test"], b"refused")
    await store.add("a@b.test", ["c@d.test"], b"third")
    store.close()
    assert contents(Store(tmp_path)) == [b"first", b"third"]
