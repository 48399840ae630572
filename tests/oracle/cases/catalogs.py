"""Type 13: position changes and invalidity."""

from collections.abc import Iterable

from tests.oracle import events as e
from tests.oracle.case import ADMINISTRATORS, Case, away, letter, without
from tests.oracle.events import Event


def catalogs() -> Iterable[Case]:
    t, quote = "catalog-changed", "Catalog manager: Sent when changes are made to products"
    cara = letter(t, "cara", "p1")
    yield Case(t, "the catalog's manager", quote, (e.catalog(),), (cara,))
    yield Case(t, "several managers", quote, (e.catalog(managers=["cara", "cody"]),), (cara, letter(t, "cody", "p1")))
    yield Case(
        t, "no manager named: the catalog managers of the company", quote, (e.catalog(managers=[]),), (cara, letter(t, "cody", "p1"))
    )
    yield Case(
        t,
        "the manager named is inactive: the other catalog managers",
        quote,
        (e.catalog(),),
        (letter(t, "cody", "p1"),),
        people=without("cara"),
    )
    yield Case(
        t,
        "no catalog manager: the administrators",
        "the same chain applies",
        (e.catalog(),),
        tuple(letter(t, a, "p1") for a in ADMINISTRATORS),
        people=without("cara", "cody"),
    )
    yield Case(
        t, "nobody: unroutable", "An empty chain", (e.catalog(),), unroutable=1, people=without("cara", "cody", *ADMINISTRATORS, "sam")
    )
    wanted: Event = {"notify_on": ["price", "removed"]}
    two = (e.change("p1"), e.change("p2", "description"))
    yield Case(t, "only kinds that are enabled", "change kind enabled", (e.catalog(*two, **wanted),), (cara,))
    yield Case(t, "no kind that is enabled", "change kind enabled", (e.catalog(two[1], **wanted),))
    yield Case(t, "one's own change", "one's own change is skipped", (e.catalog(attributes={"actor": "cara"}),))
    yield Case(t, "another's change", "one's own change is skipped", (e.catalog(attributes={"actor": "pia"}),), (cara,))
    mine = e.catalog(managers=["cara", "cody"], attributes={"actor": "cara"})
    yield Case(t, "one's own change, the other manager's news", "one's own change is skipped", (mine,), (letter(t, "cody", "p1"),))
    yield Case(t, "the same version again", "Told once: catalog+version+R", (e.catalog(), e.catalog(e.change("p9"))), (cara,))
    handed_on = (e.catalog(), e.catalog(managers=["cody"]))
    yield Case(t, "another manager hears of the version too", "Told once: …+R", handed_on, (cara, letter(t, "cody", "p1")))
    yield Case(t, "the next version", "Told once: catalog+version+R", (e.catalog(), e.catalog(version=3)), (cara, cara))
    yield Case(t, "another catalog", quote, (e.catalog(), e.catalog(catalog="C2")), (cara, cara))
    gone = e.change("p1", "expired", valid_until="2026-11-22")
    expiry = e.catalog(gone, cause="expired")
    yield Case(t, "the price validity expires", "for example, when the price validity expires", (expiry,), (cara,))
    yield Case(
        t,
        "the same expiry in the next scan",
        "for expiry item+valid_until+R",
        (expiry, e.catalog(gone, cause="expired", version=3)),
        (cara,),
    )
    grown = e.catalog(gone, e.change("p2", "expired", valid_until="2026-11-22"), cause="expired")
    yield Case(t, "one item more: that one", "for expiry item+valid_until+R", (expiry, grown), (cara, letter(t, "cara", "p2")))
    renewed = e.catalog(e.change("p1", "expired", valid_until="2027-11-22"), cause="expired")
    yield Case(t, "renewed, and expired again", "for expiry item+valid_until+R", (expiry, renewed), (cara, cara))
    yield Case(t, "an expiry on the version of a change", "two keys", (e.catalog(), expiry), (cara, cara))
    yield Case(
        t,
        "of two managers each hears of an expiry",
        "…+R",
        (e.catalog(gone, cause="expired", managers=["cara", "cody"]),),
        (cara, letter(t, "cody", "p1")),
    )
    handed_on = (expiry, e.catalog(gone, cause="expired", managers=["cody"]))
    yield Case(t, "another manager hears of an expiry too", "…+R", handed_on, (cara, letter(t, "cody", "p1")))
    own = e.catalog(gone, cause="expired", attributes={"actor": "cara"})
    yield Case(t, "an expiry that she brought about herself", "one's own change is skipped", (own,))
    yield Case(t, "expiry is not enabled", "change kind enabled", (e.catalog(gone, cause="expired", **wanted),))
    yield Case(t, "the item of another catalog", quote, (expiry, e.catalog(gone, cause="expired", catalog="C2")), (cara, cara))
    yield Case(
        t,
        "absent: the deputy",
        "absent people with a deputy",
        (e.catalog(),),
        (letter(t, "dan", "p1", stands_for="cara"),),
        people=away("cara", "dan"),
    )
    yield Case(
        t, "a manager nobody knows yet: it waits", "people who arrive after the event", (e.catalog(managers=["later.hired"]),), undecided=1
    )
