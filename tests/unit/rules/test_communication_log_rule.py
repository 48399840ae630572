"""A communication log's own event: New communication log, to the other side's people on the order, in-app only, never e-mail."""

from tests.unit.rules.rules_support import decided, directory, event, log_created, person, reasons, told

from notification_rules.domain.letters import requested
from postroom.contracts.commlog import CorrespondenceRequested
from postroom.contracts.outcomes import EnvelopeOutcome

PEOPLE = directory(person("anna"), person("ben"), person("gone", active=False))


def test_the_other_sides_people_are_told_in_the_inbox_only() -> None:
    outcome = decided(log_created(["anna", "ben"]), PEOPLE)
    assert told(outcome) == [("anna", "contact on the order"), ("ben", "contact on the order")]
    assert {tuple(requested(one).data.model_dump()["channels"]) for one in outcome.messages.values()} == {("inbox",)}


def test_a_log_that_is_not_visible_tells_nobody() -> None:
    outcome = decided(log_created(["anna"], visible=False), PEOPLE)
    assert (told(outcome), reasons(outcome)) == ([], ["the log is not visible to the other side"])


def test_nobody_on_the_other_side() -> None:
    assert reasons(decided(log_created([]), PEOPLE)) == ["nobody on the other side of this order is to be notified"]


def test_a_contact_who_has_left_does_not_keep_the_others_waiting() -> None:
    outcome = decided(log_created(["gone", "ben"]), PEOPLE)
    assert told(outcome) == [("ben", "contact on the order")]
    assert reasons(outcome) == ["this contact can't be reached (the contact on the order gone is inactive)"]
    assert outcome.undecided == []


def test_once_per_log_and_person() -> None:
    taken: set[tuple[str, str, str]] = set()
    decided(log_created(["anna"]), PEOPLE, taken)
    again = decided(log_created(["anna", "ben"]), PEOPLE, taken)
    assert told(again) == [("ben", "contact on the order")]
    assert reasons(again) == ["this person has been told of this log before"]
    assert told(decided(log_created(["anna"], log="log-2"), PEOPLE, taken)) == [("anna", "contact on the order")]


def test_a_correspondence_is_the_mailers_and_the_decision_says_so() -> None:
    data = {"correspondence": "c", "order": {"id": "o", "number": "1"}, "subject": "s", "scope": "all", "log_count": 1}
    sender = {"person": "p", "name": "P", "side": "client"}
    more = {"logs": {"sha256": "0" * 64, "size": 1}, "recipients": [{"address": "a@b.example"}], "requested_at": "2026-11-23T12:00:00Z"}
    outcome = decided(event(CorrespondenceRequested.model_validate({**data, **more, "sender": sender})), PEOPLE)
    assert reasons(outcome) == ["a person chose its recipients; the mailer takes it as it is"]


def test_a_type_without_a_rule_says_so() -> None:
    cause = {"emitter": "e", "source": "s", "id": "i", "type": "t"}
    data = {"message": "m", "envelope": "e", "address": "a@b.example", "state": "sent", "at": "2026-11-23T12:00:00Z", "cause": cause}
    assert reasons(decided(event(EnvelopeOutcome.model_validate(data)), PEOPLE)) == ["no rule names this event type"]
