"""Who gets a correspondence: ticked contacts and typed addresses, each address once."""

from collections.abc import Sequence

from email_validator import EmailNotValidError, validate_email

from commlog_service.domain.orders import Person
from postroom.contracts.commlog import CorrespondenceRecipient
from postroom.contracts.errors import Refused

MAX_RECIPIENTS = 200
# 64 of a local part, the @, 255 of a domain (RFC 5321); the library looks at longer ones letter by letter.
LONGEST = 320


def mailbox(address: str) -> str:
    """What duplicates collapse by. RFC 5321 lets the local part be case-sensitive; no mail system in use is."""
    return address.casefold()


def checked_address(text: str, field: str) -> str:
    """The address as it is sent to (an international domain in its ASCII form), or Refused naming it. No DNS: a domain may be internal."""
    if len(text.strip()) > LONGEST:
        detail = f"{text.strip()[:100]!r} … is no e-mail address: it is longer than {LONGEST} characters. Nothing was sent."
        raise Refused("invalid_address", detail, field)
    try:
        found = validate_email(text.strip(), check_deliverability=False, allow_smtputf8=False, globally_deliverable=False)
    except EmailNotValidError as error:
        raise Refused("invalid_address", f"{text.strip()[:100]!r} is no e-mail address: {error} Nothing was sent.", field) from error
    if "." not in found.domain:
        raise Refused("invalid_address", f"{text.strip()[:100]!r} is no e-mail address: its domain has no dot. Nothing was sent.", field)
    return found.ascii_email or found.normalized


def recipients(people: Sequence[Person], ticked: Sequence[str], typed: Sequence[str]) -> list[CorrespondenceRecipient]:
    """Contacts first, then typed addresses; Refused when one is wrong or there is none."""
    known = {person.person: person for person in people}
    found: dict[str, CorrespondenceRecipient] = {}
    for place, person_id in enumerate(ticked):
        recipient = _contact(known.get(person_id), person_id, f"contacts.{place}")
        found.setdefault(mailbox(recipient.address), recipient)
    for place, text in enumerate(typed):
        address = checked_address(text, f"to.{place}")
        found.setdefault(mailbox(address), CorrespondenceRecipient(address=address))
    if not found:
        raise Refused("no_recipient", "Tick a contact or type an address: there is nobody to send to.", "to")
    if len(found) > MAX_RECIPIENTS:
        raise Refused("too_many_recipients", f"{len(found)} recipients; one correspondence goes to {MAX_RECIPIENTS} at most.", "to")
    return list(found.values())


def _contact(person: Person | None, person_id: str, field: str) -> CorrespondenceRecipient:
    if person is None:
        raise Refused("unknown_contact", f"{person_id[:100]!r} is no contact of this order. Nothing was sent.", field)
    if not person.email:
        raise Refused("no_address", f"{person.name or person.person} has no e-mail address: untick this contact. Nothing was sent.", field)
    address = checked_address(person.email, field)
    return CorrespondenceRecipient(address=address, name=person.name, kind="contact", person=person.person)
