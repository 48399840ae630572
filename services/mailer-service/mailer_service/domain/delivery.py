"""What a server's reply means for an envelope."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

Stage = Literal["mail", "rcpt", "data", "dot"]
Result = Literal["sent", "deferred", "bounced", "dead", "unknown", "released", "lost", "relay"]

BASE, CAP = timedelta(seconds=60), timedelta(seconds=4_000)
QUICK = timedelta(seconds=2)
OK, PERMANENT = 250, 500
TOO_LARGE = 552
_ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server said: its code and text, enhanced status code included."""

    code: int
    text: str

    @property
    def enhanced(self) -> str:
        """The RFC 3463 status such as 5.1.1, or ''."""
        match = _ENHANCED.match(self.text)
        return match[1] if match else ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an attempt came to. `relay` is the relay's fault, `lost` a connection lost before the dot, `released` never begun."""

    result: Result
    code: int | None = None
    detail: str = ""
    suppress: bool = False
    refused_by_policy: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """Where the envelope goes, and after which time it is due again (None: not by itself)."""

    state: str
    delay: timedelta | None = None
    detail: str = ""
    use_up_resend: bool = False


def judge(stage: Stage, reply: Reply, *, accepted_since_refused: bool = False) -> Verdict:
    """Sort a reply into sent, again later, never again, or the relay's fault (promises.md, *The promise at each hop*)."""
    detail = f"{stage}: {reply.code} {reply.text}"[:1_000]
    if stage == "dot" and reply.code // 100 == OK // 100:
        return Verdict("sent", reply.code, detail)
    if reply.code < PERMANENT:
        return Verdict("deferred", reply.code, detail)
    if reply.enhanced == "5.3.4" or (reply.code == TOO_LARGE and not reply.enhanced.startswith(("5.1.", "5.2."))):
        return Verdict("dead", reply.code, f"too_large: {detail}")
    if stage == "mail":
        return Verdict("relay", reply.code, detail)
    if reply.enhanced.startswith("5.7.") and not accepted_since_refused:
        return Verdict("deferred", reply.code, detail, refused_by_policy=True)
    return Verdict("bounced", reply.code, detail, suppress=reply.enhanced.startswith("5.1."))


def backoff(attempt: int, chance: float, base: timedelta = BASE) -> timedelta:
    """Full jitter: anything up to base · 2^(attempt - 1), capped; `chance` is uniform in [0, 1)."""
    longest = min(base * (1 << min(attempt - 1, 16)), CAP)
    return max(longest * chance, timedelta(seconds=1))


def next_step(
    verdict: Verdict, *, attempt: int, waited: timedelta, life: timedelta, resent: bool, unknown_resend: timedelta, chance: float
) -> Step:
    """The envelope's next state. Only time that we chose to wait counts towards its life, so an outage of the relay doesn't."""
    match verdict.result:
        case "sent" | "bounced" | "dead":
            return Step(verdict.result, detail=verdict.detail)
        case "released":
            return Step("pending", timedelta(0), verdict.detail)
        case "unknown":
            return Step("unknown", None if resent else unknown_resend, verdict.detail, use_up_resend=not resent)
        case "relay":
            return Step("deferred", QUICK, verdict.detail)
        case "lost":
            delay = backoff(attempt, chance, QUICK)
        case _:
            delay = backoff(attempt, chance)
    if waited + delay > life:
        return Step("dead", detail=f"given up after {_hours(life)}: {verdict.detail}")
    return Step("deferred", delay, verdict.detail)


def _hours(life: timedelta) -> str:
    return f"{life / timedelta(hours=1):g} hours of trying"
