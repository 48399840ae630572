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
CLOSING, TOO_LARGE = 421, 552
TOO_LARGE_STATUS = frozenset({"5.3.4", "5.2.3"})
# Sign in first, or otherwise (RFC 4954); MAIL first: what a server says to us, at whichever command (Postfix keeps it until RCPT).
_OURS_TO_MEND = frozenset({503, 530, 534, 535, 538})
# The sender's address, its domain (RFC 3463): ours, and no recipient's.
_OUR_ADDRESS = frozenset({"5.1.7", "5.1.8"})
_ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")
# Postfix, Sendmail, Exim (without a status), Exchange; qmail.
_NO_RELAYING = re.compile(r"\brelay(ing|ed)?\b|\brcpthosts\b", re.IGNORECASE)


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
    """What an attempt came to. `relay` is the relay's fault, `lost` a connection lost before the dot, `released` never begun.

    `in_doubt`: as well the relay's fault as the recipient's; it is the relay's as long as that takes no mail at all.
    """

    result: Result
    code: int | None = None
    detail: str = ""
    suppress: bool = False
    in_doubt: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """Where the envelope goes, and after which time it is due again (None: not by itself); `ages`: the waiting counts towards its life."""

    state: str
    delay: timedelta | None = None
    detail: str = ""
    use_up_resend: bool = False
    ages: bool = False


def judge(stage: Stage, reply: Reply, *, relay_is_well: bool = False) -> Verdict:
    """Sort a reply into sent, again later, never again, or the relay's fault (promises.md, *The promise at each hop*).

    `relay_is_well`: it has taken another mail since this one was last refused in doubt.
    """
    detail = f"{stage}: {reply.code} {reply.text}"[:1_000]
    if stage == "dot" and reply.code // 100 == OK // 100:
        return Verdict("sent", reply.code, detail)
    if reply.code < PERMANENT:
        return Verdict("deferred", reply.code, detail, in_doubt=_of_the_relay(stage, reply))
    if reply.enhanced in TOO_LARGE_STATUS or (reply.code == TOO_LARGE and not reply.enhanced.startswith(("5.1.", "5.2."))):
        return Verdict("dead", reply.code, f"too_large: {detail}")
    if stage == "mail":
        return Verdict("relay", reply.code, detail)
    if _held_against_us(reply) or (reply.enhanced.startswith("5.7.") and not relay_is_well):
        return Verdict("deferred", reply.code, detail, in_doubt=True)
    return Verdict("bounced", reply.code, detail, suppress=reply.enhanced.startswith("5.1."))


def _held_against_us(reply: Reply) -> bool:
    """Whether a 5xx speaks of us or of relaying, whichever command it answers: it says nothing of the recipient, and never bounces."""
    if reply.code in _OURS_TO_MEND or reply.enhanced in _OUR_ADDRESS:
        return True
    # "User unknown in relay recipient table" is about the recipient.
    return bool(_NO_RELAYING.search(reply.text)) and not reply.enhanced.startswith(("5.1.", "5.2."))


def _of_the_relay(stage: Stage, reply: Reply) -> bool:
    """Whether a 4xx speaks of the server and not of one recipient: at MAIL, when it closes, or of its own state (4.3.x: RFC 3463)."""
    return stage == "mail" or reply.code == CLOSING or reply.enhanced.startswith("4.3.")


def backoff(attempt: int, chance: float, base: timedelta = BASE) -> timedelta:
    """Full jitter: anything up to base · 2^(attempt - 1), capped; `chance` is uniform in [0, 1)."""
    longest = min(base * (1 << min(attempt - 1, 16)), CAP)
    return max(longest * chance, timedelta(seconds=1))


def next_step(
    verdict: Verdict,
    *,
    attempt: int,
    waited: timedelta,
    life: timedelta,
    resent: bool,
    unknown_resend: timedelta,
    chance: float,
    relay_is_well: bool = False,
) -> Step:
    """The envelope's next state. Its life is time that we chose to wait while the relay was well: no outage of the relay counts."""
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
    ages = relay_is_well or not verdict.in_doubt
    if ages and waited + delay > life:
        return Step("dead", detail=f"given up after {_hours(life)}: {verdict.detail}")
    return Step("deferred", delay, verdict.detail, ages=ages)


def _hours(life: timedelta) -> str:
    return f"{life / timedelta(hours=1):g} hours of trying"
