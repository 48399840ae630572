"""Types 1 and 7: due templates, and replies to quantity requests."""

from collections.abc import Iterable

from tests.oracle import events as e
from tests.oracle.case import ADMINISTRATORS, THEIRS, Case, away, chain, letter, without
from tests.oracle.letters import Void


def due_templates() -> Iterable[Case]:
    t, quote = "due-template", "Buyer, Requester: Sent when a template or quantity request is due"
    both = (letter(t, "rita", "T1"), letter(t, "bea", "T1"))
    yield Case(t, "buyers and requesters who are assigned; the approver isn't asked", quote, (e.template(),), both)
    yield Case(t, "a quantity request as well", quote, (e.template(kind="quantity-request"),), both)
    one = [{"person": "ron", "role": "requester"}, {"person": "ron", "role": "buyer"}]
    yield Case(t, "assigned twice: one message", "nobody twice within one type", (e.template(assigned=one),), (letter(t, "ron", "T1"),))
    yield Case(t, "nobody is assigned", "role holders who are not assigned get nothing", (e.template(assigned=[]),))
    yield Case(t, "not active", "active, within validity, not withdrawn", (e.template(active=False),))
    yield Case(t, "withdrawn", "active, within validity, not withdrawn", (e.template(withdrawn=True),))
    yield Case(t, "validity is over", "within validity", (e.template(valid_until="2026-11-22"),))
    yield Case(t, "validity ends on the day", "within validity", (e.template(valid_until="2026-11-23"),), both)
    yield Case(t, "not valid yet", "within validity", (e.template(valid_from="2026-11-24"),))
    yield Case(t, "valid from the day", "within validity", (e.template(valid_from="2026-11-23"),), both)
    yield Case(t, "the same occurrence again", "Told once: template+occurrence+R", (e.template(), e.template()), both)
    twice = (letter(t, "rita", "T1"),)
    alone = [{"person": "rita", "role": "requester"}]
    again = (e.template(assigned=alone), e.template(assigned=alone, occurrence="2026-12-23"))
    yield Case(t, "the next occurrence", "Told once: template+occurrence+R", again, twice * 2)
    late = (e.template(assigned=alone), e.template())
    yield Case(t, "one who is assigned later hears of it too", "Told once: …+R", late, both)
    yield Case(
        t,
        "another template on the same day",
        quote,
        (e.template(assigned=alone), e.template(assigned=alone, template="T2")),
        (*twice, letter(t, "rita", "T2")),
    )
    foreign = e.template(assigned=[{"person": "4711", "role": "buyer"}], attributes=THEIRS)
    yield Case(t, "another system, which calls her 4711", "or by an alias", (foreign,), twice)
    same = (e.template(assigned=alone), e.template(assigned=alone, attributes=THEIRS))
    yield Case(t, "two systems' templates T1 are two", "two systems with a budget B1 are two budgets", same, twice * 2)
    gone = e.event("TemplateWithdrawn.v1", {"template": "T1"})
    yield Case(
        t, "withdrawn afterwards", "What became void is withdrawn before sending", (e.template(), gone), both, frozenset({Void(t, "T1")})
    )
    other = e.template(assigned=[{"person": "rita", "role": "requester"}])
    yield Case(
        t,
        "inactive: the administrators",
        "the same chain applies",
        (other,),
        tuple(letter(t, a, "T1") for a in ADMINISTRATORS),
        people=without("rita"),
    )
    yield Case(
        t,
        "absent: the deputy",
        "absent people with a deputy",
        (other,),
        (letter(t, "dan", "T1", stands_for="rita"),),
        people=away("rita", "dan"),
    )
    unknown = [{"person": "later.hired", "role": "buyer"}]
    yield Case(t, "somebody nobody knows yet: it waits", "people who arrive after the event", (e.template(assigned=unknown),), undecided=1)
    yield Case(t, "nobody left: unroutable", "An empty chain", (other,), unroutable=1, people=without("rita", *ADMINISTRATORS, "sam"))


def quantity_replies() -> Iterable[Case]:
    t, quote = "quantity-request-reply", "Sent when a requester submits a reply to a quantity request"
    pia = letter(t, "pia", "Q1/rita")
    yield Case(t, "the purchaser who released the request", quote, (e.reply(),), (pia,))
    yield Case(t, "after the validity", "within validity", (e.reply(valid_until="2026-11-22"),))
    yield Case(t, "on the last day", "within validity", (e.reply(valid_until="2026-11-23"),), (pia,))
    yield Case(t, "before the validity", "within validity", (e.reply(valid_from="2026-11-24"),))
    yield Case(t, "on the first day", "within validity", (e.reply(valid_from="2026-11-23"),), (pia,))
    yield Case(t, "the same again", "Told once: reply+revision+R", (e.reply(), e.reply()), (pia,))
    yield Case(t, "a changed reply", "Told once: reply+revision+R", (e.reply(), e.reply(revision=2)), (pia, pia))
    other = (e.reply(), e.reply(reply="Q1/ron", requester="ron"))
    yield Case(t, "another requester's reply", quote, other, (pia, letter(t, "pia", "Q1/ron")))
    handed_on = (e.reply(), e.reply(purchaser="max"))
    yield Case(t, "another purchaser", "Told once: …+R", handed_on, (pia, letter(t, "max", "Q1/rita")))
    yield from chain(t, e.reply, "purchaser", "pia", ("Q1/rita",))
