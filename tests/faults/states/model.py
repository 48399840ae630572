"""Who may do what with a mail, as promises.md says it: a pure model, without a line of the mailer's code."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

Due = Literal["now", "later", "never"]
# What a result makes of a mail: its state, and when it is due again. `unknown` hangs on whether its one resend is used up.
RESULTS: dict[str, tuple[str, Due]] = {
    "sent": ("sent", "never"),
    "bounced": ("bounced", "never"),
    "dead": ("dead", "never"),
    "deferred": ("deferred", "later"),
    "lost": ("deferred", "later"),
    "relay": ("deferred", "later"),
    "released": ("pending", "now"),
}
FINAL = frozenset({"sent", "bounced", "cancelled"})


@dataclass
class Mail:
    """One envelope; `results` has each attempt's, '' while it is open, `told` (attempt, state) as often as it was said.

    `accepted` is an earlier attempt whose 250 came while the last one was on the wire.
    """

    state: str = "pending"
    holder: str = ""
    due: Due = "now"
    attempts: int = 0
    accepted: int = 0
    resent: bool = False
    void: bool = False
    results: dict[int, str] = field(default_factory=dict)
    tokens: dict[int, str] = field(default_factory=dict)
    told: Counter[tuple[int, str]] = field(default_factory=Counter)
    ever_unknown: set[int] = field(default_factory=set)
    copies: int = 0
    by_word: bool = False
    decided: dict[int, str] = field(default_factory=dict)

    def go(self, state: str, due: Due = "never", *, tell: bool = True, by: int = 0) -> None:
        """To this state, out of everybody's hands; `by` an earlier attempt than the last."""
        self.state, self.due, self.holder = state, due, ""
        if state == "unknown":
            self.ever_unknown.add(self.attempts)
        if tell and state != "pending":
            self.told[by or self.attempts, state] += 1

    def take(self, sender: str) -> None:
        assert self.due == "now"
        self.state, self.due, self.holder = "leased", "never", sender

    def open(self, sender: str, number: int, token: str) -> bool:
        """An attempt is opened by who has the mail leased, and by nobody else; asked again, the one that opened it hears so again."""
        if self.state == "leased" and self.holder == sender and number == self.attempts + 1:
            self.state, self.attempts = "sending", number
            self.results[number], self.tokens[number] = "", token
            return True
        return self.state == "sending" and self.holder == sender and self.attempts == number and self.tokens[number] == token

    def settle(self, number: int, result: str, *, resent: bool) -> None:
        """A result settles its own attempt, and the mail moves by its last one. Late, only news counts; `sent` always does."""
        if self.results[number] in ("", "unknown"):
            self.results[number] = result
        if number < self.attempts:
            if result == "sent":
                self.was_accepted(number)
            return
        late = self.state == "unknown" and result != "unknown"
        sent_after_all = self.state in ("leased", "pending", "held", "cancelled") and result == "sent"
        if not (self.state == "sending" or late or sent_after_all):
            return
        self.resent |= result == "unknown"
        if self.accepted:
            self.go("sent", by=self.accepted)
        elif result == "unknown":
            self.go("unknown", "never" if resent else "later")
        else:
            self.go(*RESULTS[result])

    def was_accepted(self, number: int) -> None:
        """The server has it by an earlier attempt: nothing more goes out, but for what is on the wire."""
        if self.state == "sending":
            self.accepted = number
        elif self.state not in ("sent", "bounced"):
            self.accepted = number
            self.go("sent", by=number)

    def never_begun(self, sender: str, number: int, token: str) -> None:
        """Its own attempt, opened without the sender's hearing of it, is taken back."""
        its_own = self.state == "sending" and self.holder == sender and self.attempts == number and self.tokens[number] == token
        if its_own and not self.accepted:
            self.results[number] = "released"
            self.go("pending", "now")

    def decide(self, attempt: int, decision: str) -> bool:
        """A person's word on this attempt: the same twice is one, another comes too late; → whether it is as they want it."""
        if attempt in self.decided:
            return self.decided[attempt] == decision
        if self.state != "unknown" or self.attempts != attempt:
            return False
        self.decided[attempt] = decision
        self.by_word |= decision == "arrived"
        self.go({"resend": "pending", "arrived": "sent", "leave": "cancelled"}[decision], "now" if decision == "resend" else "never")
        return True

    def lose_its_sender(self) -> None:
        """Leased: nothing happened. Sending: nobody knows."""
        if self.state == "leased":
            self.go("pending", "now")
        elif self.state == "sending":
            self.results[self.attempts] = "unknown"
            if self.accepted:
                self.go("sent", by=self.accepted)
            else:
                self.go("unknown", "never" if self.resent else "later")
            self.resent = True

    def broken_promises(self) -> Iterable[str]:
        """What holds at every moment, whatever happened."""
        if self.copies > 1 + len(self.ever_unknown):
            yield f"{self.copies} copies, {len(self.ever_unknown)} attempts ever unknown"
        if self.state == "sent" and not self.copies and not self.by_word:
            yield "sent, and no server has it"
        if self.state in ("pending", "deferred") and self.due == "never":
            yield "waits for nothing"
        # Held, let go and held again is told again, though no attempt was between.
        if any(n > 1 for (_, state), n in self.told.items() if state != "held"):
            yield f"told twice: {self.told}"
        if self.state not in ("pending", "leased", "sending") and not any(state == self.state for _, state in self.told):
            yield f"{self.state}, and nobody was told"
