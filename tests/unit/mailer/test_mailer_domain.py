"""Pure decisions of the mailer, in the words of promises.md."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer_service.domain.addresses import deliverable
from mailer_service.domain.delivery import CAP, Reply, Result, Stage, Verdict, backoff, judge, next_step

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("stage", "code", "text", "result"),
    [
        ("dot", 250, "2.0.0 queued", "sent"),
        ("rcpt", 450, "4.2.0 later", "deferred"),
        ("data", 421, "4.3.2 shutting down", "deferred"),
        ("dot", 451, "local error", "deferred"),
        ("mail", 450, "4.7.0 slow down", "deferred"),
        ("rcpt", 550, "5.1.1 no such user", "bounced"),
        ("rcpt", 550, "no such user", "bounced"),
        ("data", 554, "5.6.0 bad content", "bounced"),
        ("dot", 554, "5.6.0 bad content", "bounced"),
        ("dot", 552, "message too big", "dead"),
        ("mail", 552, "5.3.4 too big", "dead"),
        ("rcpt", 550, "5.3.4 too big", "dead"),
        ("rcpt", 552, "5.2.2 mailbox full", "bounced"),
        ("rcpt", 550, "5.7.1 looks like spam", "deferred"),
        ("rcpt", 550, "5.1.1 User unknown in relay recipient table", "bounced"),
        ("dot", 552, "5.2.3 longer than the administrator allows", "dead"),
        ("mail", 530, "5.7.0 authentication required", "relay"),
        ("mail", 554, "no", "relay"),
    ],
)
def test_what_a_reply_means(stage: Stage, code: int, text: str, result: str) -> None:
    assert judge(stage, Reply(code, text)).result == result


@pytest.mark.parametrize(
    ("text", "suppress"), [("5.1.1 unknown", True), ("5.1.10 null MX", True), ("5.2.1 disabled", False), ("gone", False)]
)
def test_only_5_1_x_suppresses_an_address(text: str, suppress: bool) -> None:  # noqa: FBT001
    assert judge("rcpt", Reply(550, text)).suppress is suppress


def test_5_7_x_bounces_once_the_relay_has_accepted_another_since() -> None:
    reply = Reply(550, "5.7.1 looks like spam")
    assert judge("rcpt", reply).in_doubt
    assert judge("rcpt", reply, relay_is_well=True) == Verdict("bounced", 550, "rcpt: 550 5.7.1 looks like spam")


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (554, "5.7.1 <a@b.example>: Relay access denied"),  # Postfix
        (550, "5.7.1 <a@b.example>... Relaying denied"),  # Sendmail
        (550, "relay not permitted"),  # Exim
        (550, "5.7.54 SMTP; Unable to relay recipient in non-accepted domain"),  # Exchange
        (553, "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)"),  # qmail
        (530, "5.7.0 Authentication required"),
        (530, "SMTP authentication is required."),
        (535, "5.7.8 Authentication credentials invalid"),
        (503, "5.5.4 Error: send AUTH command first"),
        (550, "5.1.8 <postroom@example.com>: Sender address rejected: Domain not found"),
        (553, "5.1.7 <postroom@example.com>: Sender address rejected: not owned by user mailer"),
    ],
)
def test_what_a_server_holds_against_us_never_makes_a_bounce(code: int, text: str) -> None:
    """Postfix keeps such refusals until RCPT. No recipient is to blame nor suppressed, also where the relay takes its own domain's."""
    for well in (False, True):
        verdict = judge("rcpt", Reply(code, text), relay_is_well=well)
        assert (verdict.result, verdict.in_doubt) == ("deferred", True)


@pytest.mark.parametrize(
    ("stage", "code", "text", "in_doubt"),
    [
        ("mail", 452, "4.3.1 Insufficient system storage", True),
        ("mail", 450, "4.7.1 too many mails", True),
        ("rcpt", 421, "4.7.0 closing", True),
        ("dot", 451, "4.3.0 queue file write error", True),
        ("rcpt", 451, "4.7.1 greylisted", False),
        ("rcpt", 450, "4.2.1 mailbox busy", False),
        ("dot", 451, "local error", False),
    ],
)
def test_a_4xx_that_speaks_of_the_server_leaves_in_doubt_whose_fault_it_is(stage: Stage, code: int, text: str, in_doubt: bool) -> None:  # noqa: FBT001
    assert judge(stage, Reply(code, text)).in_doubt is in_doubt


@given(attempt=st.integers(1, 500), chance=st.floats(0, 1, exclude_max=True))
def test_backoff_is_full_jitter_with_a_cap(attempt: int, chance: float) -> None:
    delay = backoff(attempt, chance)
    assert timedelta(seconds=1) <= delay <= CAP
    assert delay <= timedelta(seconds=60) * 2 ** min(attempt - 1, 20)


def step(verdict: Verdict, **changes: Any) -> Any:
    usual: dict[str, Any] = {
        "attempt": 1,
        "waited": timedelta(),
        "life": 48 * HOUR,
        "resent": False,
        "unknown_resend": timedelta(minutes=15),
        "chance": 0.5,
    }
    return next_step(verdict, **{**usual, **changes})


def test_unknown_is_resent_once_by_itself_then_waits_for_a_person() -> None:
    first = step(Verdict("unknown"))
    assert (first.state, first.delay, first.use_up_resend) == ("unknown", timedelta(minutes=15), True)
    second = step(Verdict("unknown"), resent=True)
    assert (second.state, second.delay) == ("unknown", None)


def test_life_ends_by_our_own_waiting_alone() -> None:
    assert step(Verdict("deferred"), waited=47 * HOUR).state == "deferred"
    assert step(Verdict("deferred"), waited=48 * HOUR).state == "dead"
    assert step(Verdict("relay"), waited=1_000 * HOUR).state == "deferred"
    assert not step(Verdict("relay")).ages
    assert step(Verdict("deferred")).ages
    assert step(Verdict("released"), waited=1_000 * HOUR).state == "pending"


@pytest.mark.parametrize("result", ["deferred", "lost"])
def test_what_may_be_the_relays_fault_uses_life_only_while_the_relay_takes_others(result: Result) -> None:
    doubtful = Verdict(result, in_doubt=True)
    assert (step(doubtful, waited=1_000 * HOUR).state, step(doubtful).ages) == ("deferred", False)
    assert step(doubtful, waited=48 * HOUR, relay_is_well=True).state == "dead"


@pytest.mark.parametrize(
    ("address", "usable"),
    [
        ("anna@example.com", "anna@example.com"),
        (" Anna.M+x@Example.COM ", "Anna.M+x@example.com"),
        ("anna@bücher.example", "anna@xn--bcher-kva.example"),
        ("anna@localhost", "anna@localhost"),
        ("änna@example.com", None),
        ("anna", None),
        ("@example.com", None),
        ("anna@", None),
        ("anna@exa mple.com", None),
        ("anna@example..com", None),
        ("a..b@example.com", None),
        ('"a b"@example.com', None),
        ("anna@example.com>\r\nRCPT TO:<b@example.com", None),
        ("anna@example.com\n", "anna@example.com"),
        ("a" * 65 + "@example.com", None),
        ("a@" + "b." * 130 + "com", None),
    ],
)
def test_which_addresses_can_take_mail(address: str, usable: str | None) -> None:
    assert deliverable(address) == usable


@given(st.text(max_size=80))
def test_a_usable_address_is_always_safe_on_the_wire(text: str) -> None:
    usable = deliverable(text)
    assert usable is None or (usable.isascii() and not set(usable) & set(" <>\r\n\x00"))
