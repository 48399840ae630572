"""The six invariants of promises.md as one function; each violation names what it is about."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.faults.evidence import READS, Evidence
from tests.faults.expected import Accepted, Expected, Identity, expected

DOMAIN = "postroom.example"
GONE = frozenset({"bounced", "cancelled"})
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
    owed = expected([record for records in seen.topics.values() for record in records])
    return set().union(
        _one_accounted_for(seen, owed),
        _two_all_sent_and_nothing_beyond(seen, owed),
        _three_copies(seen),
        _four_sent_is_sent(seen),
        _five_nothing_stuck(seen),
        _six_order(seen),
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


# 2 · the ledger ⊇ the oracle's envelopes less bounced and cancelled, and nothing beyond them


def _two_all_sent_and_nothing_beyond(seen: Evidence, owed: Expected) -> Iterator[Violation]:
    mark_of = {row["id"]: row["mark"] for row in seen.mailer["messages"]}
    excused = {
        (row["address"], mark_of.get(row["message"])) for row in seen.mailer["envelopes"] if row["state"] in GONE or _suppressed(row)
    }
    by_mail: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for entry in seen.ledger.entries:
        by_mail[entry.recipient, entry.mark].add(entry.message_id)
    lost = ((mail, type_) for mail, type_ in owed.owed.items() if mail not in by_mail and mail not in excused)
    yield from _told(2, "lost: the oracle wants it sent", (f"{to} {mark} {type_}" for (to, mark), type_ in lost))
    yield from _told(
        2, "sent beyond the oracle", (f"{to} {mark} {ids}" for (to, mark), ids in by_mail.items() if (to, mark) not in owed.owed)
    )
    yield from _told(2, "told twice, as two messages", (f"{to} {mark} {ids}" for (to, mark), ids in by_mail.items() if len(ids) > 1))


def _suppressed(row: Mapping[str, Any]) -> bool:
    """Held since a server had called the address unknown: another mail of the same address bounced."""
    return bool(row["state"] == "held" and ".bad" in row["address"])


# 3 · copies ≤ 1 + attempts that were ever unknown


def _three_copies(seen: Evidence) -> Iterator[Violation]:
    allowed = unknown_attempts(seen)
    address = {row["id"]: (f"<{row['message']}@{DOMAIN}>", row["address"]) for row in seen.mailer["envelopes"]}
    permitted = Counter({address[envelope]: number for envelope, number in allowed.items() if envelope in address})
    for mail, copies in seen.ledger.copies.items():
        if copies > 1 + permitted[mail]:
            yield Violation(3, f"{copies} copies, {permitted[mail]} attempts ever unknown", f"{mail}")
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
    sequence = {row["id"]: row["sequence"] for row in seen.mailer["messages"]}
    last: dict[str, tuple[int, str]] = {}
    for row in seen.databases["notification-rules"].outbox:  # by id: in the order of commits, within a key
        message = dict(row["headers"]).get("ce_subject", "")
        if row["topic"] != "messages" or message not in sequence:
            continue
        before = last.get(row["key"], (0, ""))
        if sequence[message] < before[0]:
            yield Violation(6, f"came before {before[1]}, which was committed earlier under {row['key']}", message)
        last[row["key"]] = max(before, (sequence[message], message))


def _told(invariant: int, what: str, about: Iterable[str]) -> Iterator[Violation]:
    return (Violation(invariant, what, one) for one in about)
