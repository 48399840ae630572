"""The six invariants of promises.md as one function; each violation names what it is about."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.faults import cast
from tests.faults.evidence import READS, Evidence
from tests.faults.expected import Accepted, Expected, Identity, Owed, Place, expected
from tests.oracle.talk import Forwarded, Hired

DOMAIN = "postroom.example"
# What no quiet hours hold back.
MANDATORY = frozenset({"carbon-copy-registration", "budget-expired", "invoice-check-failed"})
# What commlog-service shows for the mailer's words.
SHOWN = {"dead": "failed"}
# What each commits in the order of its keys; outcomes are in that of their envelope alone.
OWNS = {"po-service": {"purchasing", "directory"}, "notification-rules": {"messages"}, "commlog-service": {"commlog"}}
# So much a digest shows; of the rest it says how much that is.
DIGEST_LINES = 40
Placed = tuple[Place, tuple[Any, ...]]
"""(place, what has an order of its own: the last of it is the record's key)"""
OPEN = frozenset({"pending", "leased", "sending", "deferred"})


@dataclass(frozen=True, order=True)
class Violation:
    """`invariant` is its number in promises.md; `about` the id, place or mail."""

    invariant: int
    what: str
    about: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.what}: {self.about}"


def check(seen: Evidence) -> set[Violation]:
    """All six."""
    owed = expected([record for records in seen.topics.values() for record in records], seen.deeds)
    owed.void |= _void_forwards(seen, owed)
    return set().union(
        _one_accounted_for(seen, owed),
        _one_deeds(seen, owed),
        _one_inbox(seen, owed),
        _two_all_sent_and_nothing_beyond(seen, owed),
        _two_as_wished(seen, owed),
        _three_copies(seen),
        _four_sent_is_sent(seen),
        _five_nothing_stuck(seen),
        _six_order(seen),
        _six_hops(seen),
    )


def check_mails(seen: Evidence) -> set[Violation]:
    """What holds of mails, whatever asked for them: nobody has said what is to be sent."""
    mails = {(f"<{row['message']}@{DOMAIN}>", row["address"]) for row in seen.mailer["envelopes"]}
    beyond = (f"{mail}" for mail in seen.ledger.copies if mail not in mails)
    return set().union(
        _told(2, "sent, and no envelope asks for it", beyond),
        _three_copies(seen),
        _four_sent_is_sent(seen),
        _five_nothing_stuck(seen),
        _six_order(seen),
    )


def _void_forwards(seen: Evidence, owed: Expected) -> set[Owed]:
    told = {row["id"]: (cast.address(row["person"]), row["mark"]) for row in seen.mailer["messages"] if row["person"]}
    forwards = ((mark, deed) for mark, deed in seen.deeds.items() if isinstance(deed, Forwarded))
    return {(cast.address(deed.to), mark) for mark, deed in forwards if told.get(deed.message) in owed.void}


# 1 · accepted = processed + open parked + undecided + waiting


def _one_accounted_for(seen: Evidence, owed: Expected) -> Iterator[Violation]:
    for service, topics in READS.items():
        database = seen.databases[service]
        for topic, owner in topics.items():
            records = seen.topics.get(topic, [])
            yield from _told(1, f"{service} has neither processed nor parked", _missing(records, owner, database.intake, database.parked))
            ends = {place: end for place, end in seen.ends.items() if place[0] == topic and end > database.next_offsets.get(place, 0)}
            yield from _told(1, f"{service} has not read to the end", map(str, ends))
    rules = seen.databases["notification-rules"]
    yield from _told(1, "processed beyond what was accepted", map(str, {one for one in rules.intake if one[0] == "erp"} ^ owed.processed))
    parked = {place for place in rules.parked if place[0] == "in.erp"}
    yield from _told(1, "parked, and the oracle knows no reason", (f"{place} {rules.parked[place]}" for place in parked - owed.refused))
    yield from _told(1, "to be parked, and isn't", map(str, owed.refused - parked))
    for service, database in seen.databases.items():
        others = (f"{service} {place} {why}" for place, why in database.parked.items() if place[0] not in {"in.erp", "ubl.peppol"})
        yield from _told(1, "our own record is parked", others)
    accepted = {record.place for records in seen.topics.values() for record in records}
    yield from _told(1, "acked by the broker, and gone", map(str, seen.acked - accepted))
    yield from _told(1, "undecided, and everybody is known", [str(seen.undecided)] if seen.undecided else [])
    yield from _published(seen)


def _missing(records: Iterable[Accepted], owner: str, intake: set[Identity], parked: Mapping[Any, str]) -> Iterator[str]:
    if owner == "peppol":  # a document's identity is its content's: as many as were written, each twice or more counted once
        distinct = {record.value for record in records if record.place not in parked}
        known = {identity for identity in intake if identity[0] == owner}
        if len(distinct) != len(known):
            yield f"{len(distinct)} documents, {len(known)} in the intake"
        return
    for record in records:
        identity = (owner, record.header("ce_source"), record.header("ce_id"))
        if identity not in intake and record.place not in parked:
            yield f"{record.place} {identity}"


def _published(seen: Evidence) -> Iterator[Violation]:
    """A committed change is published; and nothing is in Kafka that no transaction has committed."""
    for service, database in seen.databases.items():
        committed = {(row["topic"], dict(row["headers"])["ce_id"]) for row in database.outbox if "ce_id" in dict(row["headers"])}
        lying = {
            (topic, one.header("ce_id")) for topic, records in seen.topics.items() for one in records if one.header("ce_source") == service
        }
        gone = {one for one in committed - lying if one[0] in seen.topics}
        yield from _told(1, f"{service} has committed it, and it isn't in Kafka", map(str, gone))
        yield from _told(1, f"{service} has published what no transaction committed", map(str, lying - committed))


def _one_deeds(seen: Evidence, owed: Expected) -> Iterator[Violation]:
    """What people did and were answered has its effect, once; and their history is whole."""
    yield from _told(1, "people were refused", seen.refused)
    yield from _told(1, "the history is not whole", seen.history)
    logs = seen.commlog.get("logs", ())
    yield from _once("log", owed.logs, [(row["mark"], row["order"]) for row in logs if not row["erased"]])
    if owed.erased != (erased := sum(row["erased"] for row in logs)):
        yield Violation(1, "erased logs", f"{owed.erased} were asked for, {erased} are there")
    orders = [(row["mark"], str(row["documents"])) for row in seen.po.get("orders", ())]
    yield from _once("order with its document", dict.fromkeys(owed.orders, "1"), orders)
    yield from _once("review", owed.reviews, [(row["mark"], row["reason"]) for row in seen.commlog.get("reviews", ())])
    shown = {(row["address"], row["mark"]): row["state"] for row in seen.commlog.get("recipients", ())}
    yield from _told(1, "recipients that commlog-service has not as they were asked for", map(str, shown.keys() ^ owed.attached.keys()))
    mark_of = {row["id"]: row["mark"] for row in seen.mailer["messages"]}
    for row in seen.mailer["envelopes"]:
        mail = (row["address"], mark_of.get(row["message"], ""))
        if mail in owed.attached and shown.get(mail) != SHOWN.get(row["state"], row["state"]):
            yield Violation(1, f"shown as {shown.get(mail)}, and is {row['state']}", str(mail))


def _once(what: str, wanted: Mapping[str, str], there: Iterable[tuple[str, str]]) -> Iterator[Violation]:
    counted = Counter(there)
    yield from _told(1, f"{what} missing", map(str, wanted.items() - counted.keys()))
    yield from _told(1, f"{what} that nobody asked for", map(str, counted.keys() - wanted.items()))
    yield from _told(1, f"{what} there more than once", (f"{one} {number}" for one, number in counted.items() if number > 1))


def _one_inbox(seen: Evidence, owed: Expected) -> Iterator[Violation]:
    """Each message lies in its person's inbox once; what is void, and nothing else, is marked so."""
    told = {row["id"]: (row["message_type"], row["mark"]) for row in seen.mailer["messages"]}
    rows = [((row["person"], *told[row["message"]]), row["withdrawn"]) for row in seen.mailer["inbox"]]
    counted = Counter(one for one, _ in rows)
    yield from _told(1, "missing in the inbox", map(str, owed.inbox - counted.keys()))
    yield from _told(1, "in the inbox beyond the oracle", map(str, counted.keys() - owed.inbox))
    yield from _told(1, "in the inbox more than once", (f"{one} {number}" for one, number in counted.items() if number > 1))
    wrong = (str(one) for one, withdrawn in rows if withdrawn != ((cast.address(one[0]), one[2]) in owed.void))
    yield from _told(1, "void and not marked so in the inbox, or marked and not void", wrong)


# 2 · the ledger ⊇ the oracle's envelopes less bounced and cancelled, and nothing beyond them


def _two_all_sent_and_nothing_beyond(seen: Evidence, owed: Expected) -> Iterator[Violation]:
    excused, cancelled = _given_up(seen)
    by_mail: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    entries_of = _digests(seen)
    for entry in seen.ledger.entries:
        for mark in {*entry.about, *(entries_of[entry.message_id] if len(entry.about) >= DIGEST_LINES else ())}:
            by_mail[entry.recipient, mark].add(entry.message_id)
    unexplained = cancelled & owed.owed.keys() - owed.void
    yield from _told(2, "cancelled, and nothing made it void", map(str, unexplained))
    lost = owed.owed.keys() - by_mail.keys() - excused - (cancelled & owed.void)
    yield from _told(2, "lost: the oracle wants it sent", (f"{to} {mark} {owed.owed[to, mark]}" for to, mark in lost))
    yield from _told(2, "sent beyond the oracle", (f"{to} {mark} {by_mail[to, mark]}" for to, mark in by_mail.keys() - owed.owed.keys()))
    yield from _told(2, "told twice, as two messages", (f"{to} {mark} {ids}" for (to, mark), ids in by_mail.items() if len(ids) > 1))


def _digests(seen: Evidence) -> defaultdict[str, list[str]]:
    """Message-ID of a digest → the marks of all that is in it, also of what it only counts."""
    mark_of = {row["id"]: row["mark"] for row in seen.mailer["messages"]}
    found: defaultdict[str, list[str]] = defaultdict(list)
    for row in seen.mailer["digest_entries"]:
        if row["digest"] and not row["cancelled"]:
            found[f"<{row['digest']}@{DOMAIN}>"].append(mark_of[row["message"]])
    return found


def _given_up(seen: Evidence) -> tuple[set[Owed], set[Owed]]:
    """(bounced, held for good or left by a person, cancelled): the mails for which it was recorded."""
    mark_of = {row["id"]: row["mark"] for row in seen.mailer["messages"]}
    mails = [((row["address"], mark_of.get(row["message"], "")), row) for row in seen.mailer["envelopes"]]
    left = {mail for mail, row in mails if row["state"] == "cancelled" and row.get("left_by_a_person")}
    cancelled = {mail for mail, row in mails if row["state"] == "cancelled"} - left
    person_of = {row["message"]: row["person"] for row in seen.mailer["inbox"]}
    left_out = (row["message"] for row in seen.mailer["digest_entries"] if row["cancelled"])
    cancelled |= {(cast.address(person_of[message]), mark_of[message]) for message in left_out if message in person_of}
    # Those alone are ever called unknown by a server; the relay's own 5xx are no bounce of anybody's.
    given_up = {mail for mail, row in mails if row["state"] in {"bounced", "held"} and ".bad" in row["address"]}
    return given_up | left, cancelled


def _two_as_wished(seen: Evidence, owed: Expected) -> Iterator[Violation]:
    """Files inside; what goes by digest in digests alone; nothing optional in somebody's quiet hours."""
    type_of = {f"<{row['id']}@{DOMAIN}>": row["message_type"] for row in seen.mailer["messages"]}
    for entry in seen.ledger.entries:
        named = f"{entry.recipient} {entry.mark} {entry.message_id}"
        for mail in ((entry.recipient, mark) for mark in entry.about):
            if missing := owed.attached.get(mail, frozenset()) - set(entry.attached):
                yield Violation(2, "sent without its attachments", f"{named} {sorted(missing)}")
            if (type_of.get(entry.message_id) == "digest") != (mail[1].startswith("FD")):
                yield Violation(2, "a digest was wished, or was not", named)
            if mail[1].startswith("FQ") and owed.owed.get(mail) not in MANDATORY and not _woken(seen, mail[1], entry.at):
                yield Violation(2, "sent in quiet hours", named)


def _woken(seen: Evidence, mark: str, at: float) -> bool:
    if not seen.clocks_are_right:  # whose clock ends them nobody can say afterwards
        return True
    begun = seen.begun.get(mark, 0)
    return any(begun <= ended and began <= at for began, ended in seen.hours)


# 3 · copies ≤ 1 + attempts that were ever unknown


def _three_copies(seen: Evidence) -> Iterator[Violation]:
    allowed = unknown_attempts(seen)
    address = {row["id"]: (f"<{row['message']}@{DOMAIN}>", row["address"]) for row in seen.mailer["envelopes"]}
    permitted = Counter({address[envelope]: number for envelope, number in allowed.items() if envelope in address})
    for mail, copies in seen.ledger.copies.items():
        if copies > 1 + permitted[mail]:
            yield Violation(3, f"{copies} copies, {permitted[mail]} attempts ever unknown", f"{mail}")
    opened = Counter(address[row["envelope"]] for row in seen.mailer["attempts"] if row["envelope"] in address)
    without = (f"{mail}: {copies} copies, {opened[mail]} attempts" for mail, copies in seen.ledger.copies.items() if copies > opened[mail])
    yield from _told(3, "sent without an attempt", without)
    bytes_of: defaultdict[str, set[str]] = defaultdict(set)
    for entry in seen.ledger.entries:
        bytes_of[entry.message_id].add(entry.sha256)
    stored = {f"<{row['message']}@{DOMAIN}>": row["sha256"] for row in seen.mailer["rendered"]}
    yield from _told(
        3, "copies with other bytes than were stored", (id_ for id_, hashes in bytes_of.items() if hashes != {stored.get(id_)})
    )


def unknown_attempts(seen: Evidence) -> Counter[str]:
    """Envelope → how many of its attempts were ever unknown: as outcomes told it, for a late reply may have corrected the row."""
    told = {
        (row["value"]["envelope"], row["value"]["attempt"])
        for row in seen.databases["mailer-service"].outbox
        if row["topic"] == "outcomes" and row["value"]["state"] == "unknown"
    }
    told |= {(row["envelope"], row["number"]) for row in seen.mailer["attempts"] if row["result"] == "unknown"}
    return Counter(envelope for envelope, _ in told)


# 4 · every row `sent` is in the ledger


def _four_sent_is_sent(seen: Evidence) -> Iterator[Violation]:
    copies = seen.ledger.copies
    mails = {row["id"]: (f"<{row['message']}@{DOMAIN}>", row["address"]) for row in seen.mailer["envelopes"]}
    sent = (row for row in seen.mailer["envelopes"] if row["state"] == "sent")
    yield from _told(4, "recorded as sent, and no server has it", (row["id"] for row in sent if not copies[mails[row["id"]]]))
    accepted = Counter(row["envelope"] for row in seen.mailer["attempts"] if row["result"] == "sent")
    yield from _told(4, "more attempts sent than copies taken", (one for one, n in accepted.items() if n > copies[mails[one]]))


# 5 · no outbox row unpublished, no envelope of a sender whose lease ran out more than 30 s ago


def _five_nothing_stuck(seen: Evidence) -> Iterator[Violation]:
    for service, database in seen.databases.items():
        rows = (f"{service} {row['topic']} {row['id']}" for row in database.outbox if not row["published"])
        yield from _told(5, "outbox row unpublished", rows)
    envelopes = seen.mailer["envelopes"]
    yield from _told(5, "envelope of a sender that is gone", (row["id"] for row in envelopes if row["orphaned"]))
    yield from _told(
        5, "at rest, and neither sent nor given up", (f"{row['id']} {row['state']}" for row in envelopes if row["state"] in OPEN)
    )


# 6 · order kept per key, up to the mailer's intake sequence


def _six_order(seen: Evidence) -> Iterator[Violation]:
    for (before, earlier), (sequence, message), key in _neighbours(seen):
        if sequence < before:
            yield Violation(6, f"came before {earlier}, which was committed earlier under {key}", message)


def _six_hops(seen: Evidence) -> Iterator[Violation]:
    """Each hop before the last one."""
    lies, late = _first_places(seen), _late(seen)
    for (place, key), last in _inversions(_decided(seen, lies, late)):
        yield Violation(6, f"told of after {last}, which was written later under {key[-1]}", str(place))
    for (place, key), last in _inversions(_published_in(seen, lies, late)):
        yield Violation(6, f"lies before {last}, which was committed earlier under {key[-1]}", str(place))


def _inversions(placed: Iterable[Placed]) -> Iterator[tuple[Placed, Place]]:
    """Those that lie before the latest of the earlier ones of their key, and that one's place."""
    last: dict[tuple[Any, ...], Place] = {}
    for place, key in placed:
        latest = last.get(key, place)
        if place < latest:
            yield (place, key), latest
        last[key] = max(latest, place)


def _decided(seen: Evidence, lies: Mapping[tuple[str, str], Place], late: Collection[tuple[str, str]]) -> Iterator[Placed]:
    """Under a key, what was written first into a partition is told of first; not what was undecided or parked, and replayed, meanwhile."""
    rules = seen.databases["notification-rules"]
    for row in rules.outbox:
        told = dict(row["headers"])
        cause = (told.get("ce_causesource", ""), told.get("ce_causeid", ""))
        place = lies.get(cause) if row["topic"] == "messages" and told.get("ce_type") == "MessageRequested.v1" else None
        if place and cause not in late and place not in rules.ever_parked:
            yield place, (*place[:2], row["key"])


def _late(seen: Evidence) -> set[tuple[str, str]]:
    """(source, id) of the events that were undecided for a while."""
    decisions = (row["value"] for row in seen.databases["notification-rules"].outbox if row["topic"] == "decisions")
    return {(one["cause"]["source"], one["cause"]["id"]) for one in decisions if one["outcome"] == "undecided"}


def _published_in(seen: Evidence, lies: Mapping[tuple[str, str], Place], late: Collection[tuple[str, str]]) -> Iterator[Placed]:
    """Under a key, what was committed first lies first in Kafka; not what was undecided, which no batch of its key's partition tells."""
    for service, topics in OWNS.items():
        for row in seen.databases[service].outbox:  # by id, as above
            told = dict(row["headers"])
            place = lies.get((service, told.get("ce_id", ""))) if row["topic"] in topics else None
            if place and (told.get("ce_causesource"), told.get("ce_causeid")) not in late:
                yield place, (service, row["topic"], row["key"])


def _first_places(seen: Evidence) -> dict[tuple[str, str], Place]:
    """(source, id) → where it lies first: whoever was killed behind an ack says it again."""
    lies: dict[tuple[str, str], Place] = {}
    for records in seen.topics.values():
        for one in records:
            lies.setdefault((one.header("ce_source"), one.header("ce_id")), one.place)
    return lies


def pairs_in_order(seen: Evidence) -> int:
    """How many pairs of messages that follow one another under a key were compared."""
    return sum(1 for _ in _neighbours(seen))


def _neighbours(seen: Evidence) -> Iterator[tuple[tuple[int, str], tuple[int, str], str]]:
    """Each message (intake sequence, id) after the latest of those that were committed before it under its key.

    Not those to somebody whom the directory did not have yet: what was undecided is told when it can be.
    """
    newcomers = {deed.person for deed in seen.deeds.values() if isinstance(deed, Hired)}
    sequence = {row["id"]: row["sequence"] for row in seen.mailer["messages"] if row["person"] not in newcomers}
    last: dict[str, tuple[int, str]] = {}
    for row in seen.databases["notification-rules"].outbox:  # by id: in the order of commits, within a key
        told = dict(row["headers"])
        message = told.get("ce_subject", "")
        if row["topic"] != "messages" or told.get("ce_type") != "MessageRequested.v1" or message not in sequence:
            continue
        this, before = (sequence[message], message), last.get(row["key"])
        if before:
            yield before, this, row["key"]
        last[row["key"]] = max(before or this, this)


def _told(invariant: int, what: str, about: Iterable[str]) -> Iterator[Violation]:
    return (Violation(invariant, what, one) for one in about)
