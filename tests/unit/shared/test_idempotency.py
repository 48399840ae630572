"""What tells a retry from another request under the same key."""

from typing import Any

import pytest

from postroom.idempotency import _fingerprint
from postroom.problems import Problem


def test_the_order_of_fields_makes_no_other_request() -> None:
    assert _fingerprint({"a": 1, "b": [2]}) == _fingerprint({"b": [2], "a": 1}) != _fingerprint({"a": 1, "b": [3]})


@pytest.mark.parametrize("value", [2**70, "\ud800"], ids=["beyond 64 bits", "half a surrogate pair"])
def test_a_value_that_json_lets_through_and_nothing_holds_is_refused(value: Any) -> None:
    with pytest.raises(Problem) as refused:
        _fingerprint({"value": value})
    assert (refused.value.status, refused.value.code) == (422, "invalid")
