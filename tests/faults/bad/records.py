"""Records that nobody should write, for any topic, from a seed: mutated examples mostly, so that many get as far as SQL."""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from random import Random

from tests.faults.bad import values
from tests.faults.bad.draft import Draft, Raw, fresh

from postroom.contracts import examples
from postroom.contracts.examples import Example
from postroom.contracts.topics import Topic

KB = 1024
# So many are written side by side.
AT_ONCE = 200
# The broker's limit is that of a batch (topics.py); what a record of this house may have stands in its topic.
LARGEST = 1_040 * KB
PARKED, PROCESSED, EITHER = "parked", "processed", ""


@dataclass(frozen=True)
class Bad:
    """One record to write. `fate` is what must become of it where that is certain; `at` is its timestamp in ms."""

    topic: str
    key: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    value: bytes | None
    how: str
    fate: str = EITHER
    at: int | None = None


class Records:
    """Draws records for one topic; `good` says which example of each type is certain to have its effect."""

    def __init__(self, topic: Topic, seed: int, run: str) -> None:
        self.topic = topic
        self.random = Random(f"{seed} {topic.name}")  # noqa: S311 - a seed is the point
        self._numbers = count()
        self._run = run
        self._before: list[Bad] = []
        self._others = [
            example for type_ in examples.types() if type_ not in {one.TYPE for one in topic.facts} for example in examples.of_type(type_)
        ]

    def draw(self, number: int) -> Iterator[Bad]:
        """So many of them."""
        weights = [weight for weight, _ in KINDS]
        for _ in range(number):
            make = self.random.choices(KINDS, weights)[0][1]
            one = _within_a_batch(replace(make(self), topic=self.topic.name, how=make.__name__.lstrip("_")))
            if len(one.value or b"") < KB:
                self._before = [*self._before[-2 * AT_ONCE :], one]
            yield one

    def good(self, example: Example | None = None) -> Bad:
        """An event as it should be."""
        return replace(_bad(self._draft(example), PROCESSED), topic=self.topic.name, how="good")

    def _draft(self, example: Example | None = None) -> Draft:
        chosen = example or self.random.choice(self.topic.examples)
        draft = fresh(chosen, self._id(), self.random, of_directory=self.topic.name == "directory")
        if self.topic.name == "in.budgets":
            draft.attributes["source"] = "/finance/fuzz"
        return draft

    def _id(self) -> str:
        """With a checksum: a few bytes that are bent make no other record's id of it."""
        id_ = f"{self._run}-{self.topic.name}-{next(self._numbers)}"
        return f"{id_}-{zlib.crc32(id_.encode()):08x}"


def _within_a_batch(bad: Bad) -> Bad:
    """What the broker takes of it: it refuses a batch beyond its limit, and nobody has to read that."""
    room = LARGEST - len(bad.key or b"") - sum(len(name.encode()) + len(value or b"") + 8 for name, value in bad.headers)
    return bad if len(bad.value or b"") <= room else replace(bad, value=(bad.value or b"")[:room], fate=EITHER)


def _bad(draft: Draft, fate: str = EITHER) -> Bad:
    headers, value = draft.written()
    return Bad("", draft.key, tuple(headers), value, "", fate, draft.at)


# What the data say


def _mutated(at: Records) -> Bad:
    draft = at._draft()
    draft.data = values.mutated(draft.data, at.random)
    return _bad(draft)


def _of_another_type(at: Records) -> Bad:
    draft, other = at._draft(), at._draft(at.random.choice(at._others))
    if at.random.random() < 0.5:
        return _bad(other, PARKED)
    draft.data = other.data
    return _bad(draft)


def _version(at: Records) -> Bad:
    draft = at._draft()
    name = str(draft.attributes["type"]).partition(".")[0]
    draft.attributes["type"] = at.random.choice(
        (f"{name}.v0", f"{name}.v2", f"{name}.v99", f"{name}", f"{name}.v1 ", f"{name.lower()}.v1", f"com.example.{name}.v1", "Fact", "")
    )
    return _bad(draft, PARKED)


def _constant(at: Records) -> Bad:
    draft = at._draft()
    inside, name = at.random.choice(list(values.places(draft.data)))
    inside[name] = Raw(at.random.choice(("NaN", "Infinity", "-Infinity", "1e400", "-1e999", "nan", "undefined", "01", ".5", "'x'", "True")))
    return _bad(draft, PARKED)


def _key_twice(at: Records) -> Bad:
    draft = at._draft()
    many = at.random.random() < 0.2
    pairs = [f'"k{n}": 0' for n in range(at.random.choice((1, 3_000, 15_000)) if many else 0)] + ['"twice": 1', '"twice": 2']
    draft.data["more"] = Raw("{" + ", ".join(pairs) + "}")
    return _bad(draft, PARKED)


def _deep(at: Records) -> Bad:
    draft = at._draft()
    draft.data["more"] = values.nested(at.random.choice((32, 40, 900, 1_100, 5_000, 100_000 // 5)), at.random)
    return _bad(draft, PARKED)


def _large(at: Records) -> Bad:
    """A little below and above what the topic takes, and up to the broker's limit."""
    draft = at._draft()
    limit = at.topic.max_bytes
    size = at.random.choice((limit - 2_000, limit - 100, limit, limit + 1, limit + 2_000, 2 * limit, LARGEST - 4 * KB))
    size = min(size, LARGEST - 4 * KB)
    filler = at.random.choice(("x", "é", "[],", "0,", '{"a":1},'))
    if filler.endswith(","):
        draft.data["more"] = Raw("[" + filler * ((size - 3_000) // len(filler)) + "0]")
    else:
        draft.data["more"] = filler * ((size - 3_000) // len(filler.encode()))
    draft.ascii = False
    made = _bad(draft)
    return replace(made, fate=PARKED if len(made.value or b"") > limit else EITHER)


# What the attributes and the Kafka headers say


def _attribute(at: Records) -> Bad:
    draft = at._draft()
    name = at.random.choice(("specversion", "id", "source", "type", "subject", "tenant", "time", "aggregateversion", *OPTIONAL))
    draft.attributes[name] = values.hostile(at.random)
    if draft.structured and isinstance(draft.attributes[name], str) and len(draft.attributes[name]) > 400:
        draft.structured = False
    return _bad(draft)


def _without_attribute(at: Records) -> Bad:
    draft = at._draft()
    name = at.random.choice(("specversion", "id", "source", "type", "subject"))
    if at.random.random() < 0.5:
        del draft.attributes[name]
    else:
        draft.attributes[name] = ""
    return _bad(draft, PARKED)


OPTIONAL = ("company", "actor", "correlationid", "causesource", "causeid", "traceparent", "partitionkey", "x")
_HEADERS: tuple[tuple[str, bytes | None], ...] = (
    ("ce_extra", None),
    ("odd", None),
    ("", b""),
    ("", None),
    ("binary", bytes(range(256))),
    ("not-utf-8", b"\xff\xfe\xc0\x80"),
    ("content-type", b"text/plain"),
    ("Content-Type", b"application/json; charset=utf-16"),
    ("content-type", None),
    ("reply_to", b"purchasing"),
    ("correlation_id", b"\xff"),
    ("nul\x00name", b"nul\x00value"),
    ("é😀", "é😀".encode()),
    ("x" * 30_000, b"y"),
    ("ce_", b"nothing"),
    ("CE_ID", b"upper"),
    ("parked_reason", b"none"),
    ("__class__", b"x"),
)


def _odd_headers(at: Records) -> Bad:
    """Harmless ones beside those that count."""
    draft = at._draft()
    draft.headers += at.random.choices(_HEADERS[1:], k=at.random.choice((1, 2, 5)))
    return _bad(draft)


def _many_headers(at: Records) -> Bad:
    draft = at._draft()
    draft.headers += [(f"h{n}", b"v") for n in range(at.random.choice((100, 2_000, 20_000)))]
    return _bad(draft, PROCESSED)


def _huge_header(at: Records) -> Bad:
    draft = at._draft()
    draft.headers.append(("huge", at.random.randbytes(at.random.choice((10, 100, 500, 900)) * KB)))
    return _bad(draft, PROCESSED)


def _bad_attribute_header(at: Records) -> Bad:
    draft = at._draft()
    draft.structured = False
    headers, value = draft.written()
    name = at.random.choice(("ce_id", "ce_source", "ce_type", "ce_specversion", "ce_subject"))
    worse = at.random.choice((None, b"\xff\xfe", b"\x00", b"a\x00", b"y" * 501, b"y" * 100_000, "\ud800".encode("utf-8", "surrogatepass")))
    return Bad("", draft.key, tuple((one, worse if one == name else old) for one, old in headers), value, "", PARKED)


def _attributes_twice(at: Records) -> Bad:
    """Each of them, in both modes, and other things the second time."""
    draft, other = at._draft(), at._draft()
    draft.structured, other.structured = False, at.random.random() < 0.5
    (headers, value), (more, second) = draft.written(), other.written()
    return Bad("", draft.key, tuple(at.random.sample([*headers, *more], len(headers) + len(more))), at.random.choice((value, second)), "")


def _mode_confused(at: Records) -> Bad:
    """Says structured and is binary, or the other way round; or says nothing at all."""
    draft = at._draft()
    headers, value = draft.written()
    draft.structured = not draft.structured
    others, _ = draft.written()
    return Bad("", draft.key, at.random.choice((tuple(others), (), tuple(headers[1:]))), value, "")


# What lies in Kafka beside


def _odd_key(at: Records) -> Bad:
    draft = at._draft()
    draft.key = at.random.choice((None, b"", b"\xff\x00", "é😀".encode(), b"k" * 200))
    return _bad(draft)


def _worse_key(at: Records) -> Bad:
    draft = at._draft()
    draft.key = at.random.choice((b"\x00", b"a\x00b", b"k" * 2_001, b"k" * 5_000, at.random.randbytes(10_000), b"k" * 300 * KB))
    return _bad(draft, PARKED)


def _odd_moment(at: Records) -> Bad:
    draft = at._draft()
    draft.attributes.pop("time", None)
    draft.at = at.random.choice((0, 1, 946_684_800_000, 2_000_000_000_000, 253_402_300_799_999, 253_402_300_800_000, 2**53, 2**62))
    return _bad(draft)


def _tombstone(at: Records) -> Bad:
    draft = at._draft()
    headers = tuple(draft.written()[0]) if at.random.random() < 0.5 else ()
    return Bad("", draft.key, headers, None, "", PARKED)


# What bytes there are


def _empty(at: Records) -> Bad:
    draft = at._draft()
    return Bad("", draft.key, tuple(draft.written()[0]), at.random.choice((b"", b" ", b"\n", b"\x00", b"\xef\xbb\xbf")), "", PARKED)


def _noise(at: Records) -> Bad:
    draft = at._draft()
    value = at.random.randbytes(at.random.choice((1, 10, 100, 1_000, 50_000)))
    return Bad("", at.random.randbytes(8), tuple(draft.written()[0]) if at.random.random() < 0.5 else (), value, "", PARKED)


def _cut_off(at: Records) -> Bad:
    draft = at._draft()
    headers, value = draft.written()
    return Bad("", draft.key, tuple(headers), value[: at.random.randrange(len(value))], "", PARKED)


def _flipped(at: Records) -> Bad:
    """A few bytes are others than they were."""
    draft = at._draft()
    headers, value = draft.written()
    bent = bytearray(value)
    for _ in range(at.random.choice((1, 1, 2, 5, 20))):
        bent[at.random.randrange(len(bent))] = at.random.choice((0, 0xFF, 0xC3, 0x22, 0x5C, 0x7B, 0x5D, 0x2C, at.random.randrange(256)))
    return Bad("", draft.key, tuple(headers), bytes(bent), "")


def _other_encoding(at: Records) -> Bad:
    draft = at._draft()
    headers, value = draft.written()
    text = value.decode("utf-8", "replace")
    encoded = at.random.choice(
        (
            text.encode("utf-16"),
            text.encode("utf-32"),
            b"\xef\xbb\xbf" + value,
            zlib.compress(value),
            value + value,
            value + b"\n{}",
            b"// a comment\n" + value,
            value.replace(b'"', b"'"),
            f"<event>{text}</event>".encode(),
            value[:20] + b"\xc3\x28\xa0\xa1" + value[20:],
        )
    )
    return Bad("", draft.key, tuple(headers), encoded, "", PARKED)


# What came before


def _again(at: Records) -> Bad:
    """Word by word; or under a known id and saying something else."""
    # Of those that are written at once either may come first, and the other is the one that is refused.
    if not (surely_before := at._before[:-AT_ONCE]):
        return _bad(at._draft())
    one = at.random.choice(surely_before)
    if at.random.random() < 0.5 or not one.value:
        return replace(one, fate=EITHER)
    return replace(one, value=one.value.replace(b"2026", b"2027"), fate=EITHER)


def _whole(at: Records) -> Bad:
    """Nothing is wrong with it."""
    return at.good()


KINDS: tuple[tuple[int, Callable[[Records], Bad]], ...] = (
    (36, _mutated),
    (4, _of_another_type),
    (3, _version),
    (3, _constant),
    (2, _key_twice),
    (2, _deep),
    (1, _large),
    (6, _attribute),
    (3, _without_attribute),
    (4, _odd_headers),
    (1, _many_headers),
    (1, _huge_header),
    (4, _bad_attribute_header),
    (3, _attributes_twice),
    (3, _mode_confused),
    (3, _odd_key),
    (2, _worse_key),
    (2, _odd_moment),
    (3, _tombstone),
    (2, _empty),
    (3, _noise),
    (4, _cut_off),
    (4, _flipped),
    (3, _other_encoding),
    (4, _again),
    (4, _whole),
)
