"""How the sink behaves: rules that a run lays into a file, and the sink reads within a moment."""

import json
import re
from binascii import crc32
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Any

Stage = str  # greeting, ehlo, starttls, auth, mail, rcpt, data, dot; size: the SIZE that EHLO announces


@dataclass(frozen=True)
class Rule:
    """At this stage say this: a reply; DROP, to hang up; TAKE+DROP (at the dot), to take the mail and hang up; or "", the usual reply.

    WRONG (at starttls): present a certificate for somebody else. `to` is a pattern of recipients; `one_in` picks one recipient in so
    many, always the same ones; `chance` one asking in so many, drawn; `times`: only so often for each recipient (a greylisting server:
    once); `over`: only mails of more bytes, as told at MAIL or as they came; `seconds` go by before the reply.
    """

    stage: Stage
    say: str = ""
    to: str = ""
    one_in: int = 1
    chance: float = 1.0
    times: int = 0
    over: int = 0
    seconds: float = 0.0


@dataclass
class Behaviour:
    """The rules in force; the first that fits decides."""

    rules: list[Rule] = field(default_factory=list)
    seed: int = 0
    asked: Counter[tuple[Stage, str]] = field(default_factory=Counter)
    random: Random = field(default_factory=Random)

    def choose(self, stage: Stage, recipient: str, size: int = 0) -> Rule | None:
        """What to do now, if not the usual."""
        self.asked[stage, recipient] += 1
        return next((rule for rule in self.rules if rule.stage == stage and self._fits(rule, recipient, size)), None)

    def _fits(self, rule: Rule, recipient: str, size: int) -> bool:
        if rule.over and size <= rule.over:
            return False
        if rule.to and not re.search(rule.to, recipient):
            return False
        if rule.one_in > 1 and crc32(recipient.encode()) % rule.one_in:
            return False
        if rule.times and self.asked[rule.stage, recipient] > rule.times:
            return False
        return self.random.random() < rule.chance


def lay(file: Path, seed: int, *rules: Rule) -> None:
    """Let the sink behave so from now on."""
    new = file.with_suffix(".new")
    new.write_text(json.dumps({"seed": seed, "rules": [asdict(rule) for rule in rules]}))
    new.replace(file)


def read(file: Path) -> Behaviour:
    """What was laid there."""
    laid: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"seed": 0, "rules": []}
    return Behaviour([Rule(**rule) for rule in laid["rules"]], laid["seed"], Counter(), Random(laid["seed"]))  # noqa: S311 - a seed is the point
