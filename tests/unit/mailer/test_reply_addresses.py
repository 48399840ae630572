"""The address that a correspondence is answered to: ours is known in any spelling of case, and nothing else is."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from mailer_service.domain.addresses import MAX_LOCAL, deliverable
from mailer_service.domain.reply_addresses import ReplyAddresses
from mailer_service.settings import Settings

OLD, NEW = "an-old-secret-long-enough", "a-new-secret-long-enough"
ADDRESSES = ReplyAddresses("Reply.Example", [OLD])
MESSAGE = str(uuid4())


@given(st.uuids(), st.sampled_from([str.upper, str.lower, str.title, str.swapcase]))
def test_an_address_names_its_message_whatever_a_mail_system_does_to_its_case(message: UUID, spelled: object) -> None:
    address = ADDRESSES.of(str(message))
    assert ADDRESSES.message(spelled(address)) == str(message)  # type: ignore[operator]
    assert deliverable(address) == address
    assert len(address.rpartition("@")[0]) <= MAX_LOCAL


def test_no_character_of_an_address_can_be_changed() -> None:
    address = ADDRESSES.of(MESSAGE)
    token = range(len("reply+"), address.index("@"))
    for place in token:
        for other in "abcdefghijklmnopqrstuvwxyz234567":
            changed = f"{address[:place]}{other}{address[place + 1 :]}"
            assert (ADDRESSES.message(changed) is None) == (changed != address), changed


@given(st.text(max_size=80) | st.text(alphabet="abcdefghijklmnopqrstuvwxyz234567=+", max_size=60).map("reply+{}@reply.example".format))
def test_any_other_text_is_no_address_of_ours(text: str) -> None:
    assert ADDRESSES.message(text) is None


def test_another_domain_or_secret_is_not_ours() -> None:
    assert ReplyAddresses("other.example", [OLD]).message(ADDRESSES.of(MESSAGE)) is None
    assert ReplyAddresses("reply.example", [NEW]).message(ADDRESSES.of(MESSAGE)) is None


def test_a_secret_can_be_replaced_without_losing_replies_under_way() -> None:
    both = ReplyAddresses("reply.example", [NEW, OLD])
    assert both.message(ADDRESSES.of(MESSAGE)) == MESSAGE
    assert both.of(MESSAGE) == ReplyAddresses("reply.example", [NEW]).of(MESSAGE)


def test_settings_name_what_is_missing() -> None:
    assert Settings().reply_addresses is None
    with pytest.raises(ValueError, match="POSTROOM_REPLY_SECRET must be a random secret of at least 24 characters"):
        _ = Settings(reply_domain="reply.example", reply_secret=SecretStr("short")).reply_addresses
    with pytest.raises(ValueError, match="POSTROOM_REPLY_DOMAIN must be a domain"):
        _ = Settings(reply_domain="not a domain", reply_secret=SecretStr(NEW)).reply_addresses
    given_two = Settings(reply_domain="reply.example", reply_secret=SecretStr(f"{NEW} {OLD}"))
    assert given_two.reply_addresses is not None
