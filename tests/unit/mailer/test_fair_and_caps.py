"""Who goes next, and how many may: pure decisions."""

from datetime import UTC, datetime, timedelta

import pytest

from mailer_service.domain.caps import NO_LIMIT, Candidate, Caps, Key, Used, admit, bucket, sieve, wanted
from mailer_service.domain.fair import Lane, deal

BEGAN = datetime(2026, 11, 23, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("lanes", "room", "dealt"),
    [
        (["a/receipt"], {}, [200]),
        (["a/receipt", "b/receipt"], {}, [100, 100]),
        (["a/budget", "a/receipt", "b/receipt"], {}, [50, 50, 100]),
        (["a/correspondence", "a/receipt", "b/correspondence"], {"correspondence": 16}, [8, 50, 8]),
        (["a/correspondence", "b/correspondence"], {"correspondence": 1}, [1, None]),
        (["a/correspondence"], {"correspondence": 0}, [None]),
        ([f"t{n}/receipt" for n in range(150)], {}, [1] * 150),
    ],
)
def test_each_tenant_has_the_same_share_and_each_type_its_part_of_it(
    lanes: list[str], room: dict[str, int], dealt: list[int | None]
) -> None:
    asked = [Lane(*lane.split("/")) for lane in lanes]
    assert [deal(asked, 200, room).get(lane) for lane in asked] == dealt


def candidate(
    id_: str, address: str = "a@example.com", order: str | None = "o-1", type_: str = "goods-receipt", tenant: str = "t"
) -> Candidate:
    return Candidate(id_, tenant, address, order, type_)


def counted(
    caps: Caps, candidates: list[Candidate], used: dict[Key, int] | None = None, waiting: frozenset[Key] = frozenset()
) -> dict[Key, Used]:
    """The counters as the database answers, these candidates added."""
    return {key: Used((used or {}).get(key, 0) + n, key in waiting, BEGAN) for key, n in wanted(caps, candidates).items()}


def test_what_is_beyond_one_cap_uses_up_no_other() -> None:
    caps = Caps(recipient=2, order=10, tenant=10)
    batch = [candidate(f"e{n}") for n in range(4)] + [candidate("other", "b@example.com")]
    found = admit(caps, batch, counted(caps, batch))
    assert found.admitted == ["e0", "e1", "other"]
    assert found.over == dict.fromkeys(["e2", "e3"], Key("recipient", "t", "a@example.com"))
    assert found.refunds == {Key("recipient", "t", "a@example.com"): 2, Key("order", "t", "o-1"): 2, Key("tenant", "t", ""): 2}


def test_who_comes_later_stands_behind_who_waits_and_the_released_ones_pass() -> None:
    caps, key = Caps(tenant=10), Key("tenant", "t", "")
    counters = counted(caps, [candidate("e")], waiting=frozenset({key}))
    assert admit(caps, [candidate("e")], counters).over == {"e": key}
    assert admit(caps, [candidate("e")], counters, released=key).admitted == ["e"]


def test_what_people_send_has_a_count_of_its_own() -> None:
    caps = Caps(tenant=1)
    batch = [candidate("machine"), candidate("person", type_="correspondence"), candidate("passed-on", type_="forwarded-message")]
    found = admit(caps, batch, counted(caps, batch))
    assert (found.admitted, found.over) == (["machine", "person"], {"passed-on": Key("tenant", "t", "people:")})


def test_no_cap_is_not_counted_and_a_tenant_may_have_its_own() -> None:
    caps = Caps(tenant=5, tenants={"big": 100, "free": 0})
    assert [caps.of("tenant", tenant) for tenant in ("t", "big", "free")] == [5, 100, NO_LIMIT]
    assert wanted(caps, [candidate("e", tenant="free")]) == {}
    assert caps.keys(candidate("e", address="anna@example.com")) == [Key("tenant", "t", "")]
    assert Caps(recipient=1).keys(candidate("e", address="anna@example.com")) == [Key("recipient", "t", "anna@example.com")]


def test_a_hold_names_its_cap_and_what_releases_it() -> None:
    caps = Caps(recipient=2_000, tenant=7, period=timedelta(seconds=90))
    assert Caps(recipient=2_000).detail(Key("recipient", "t", "a@b"), BEGAN) == (
        "more than 2,000 mails an hour to this address; goes by itself, in order, from 2026-11-23 11:00:00 UTC on"
    )
    assert caps.detail(Key("tenant", "t", ""), BEGAN).startswith("more than 7 mails in 90 s of this tenant; ")


def test_the_sieve_counts_alone_those_who_may_be_beyond_their_cap() -> None:
    caps = Caps(recipient=3, order=100)
    one, other = Key("recipient", "t", "a@example.com"), Key("order", "t", "o-1")
    first = sieve(caps, b"", {one: 2, other: 2})
    assert (first.hot, first.crossed) == (set(), set())
    second = sieve(caps, first.sums.tobytes(), {one: 2, other: 2})
    assert (second.hot, second.crossed) == ({one}, {("recipient", bucket("a@example.com"))})
    third = sieve(caps, second.sums.tobytes(), {one: 1, other: 1})
    assert (third.hot, third.crossed) == ({one}, set()), "it has a counter of its own by now"


def test_what_the_sieve_lets_pass_is_admitted_and_needs_no_refund() -> None:
    caps = Caps(recipient=2, tenant=1)
    batch = [candidate("e0"), candidate("e1")]
    counters = counted(caps, batch) | {Key("recipient", "t", "a@example.com"): Used(2, waiting=False, began=BEGAN, exact=False)}
    found = admit(caps, batch, counters)
    assert (found.admitted, found.refunds) == (["e0"], {Key("tenant", "t", ""): 1})
