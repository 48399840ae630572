"""The OpenAPI document tells the truth: no 5xx, and no answer that it doesn't name, whatever a client, a supplier or an operator sends."""

import os
import re

import pytest
from tests.e2e.conftest import House
from tests.e2e.openapi_probe import SIDES, Probe
from tests.faults.bad.calls import Calls
from tests.faults.stories.bad_requests import called, judged

# Fixed, so that a failure comes again: `make schemathesis` looks further, with more examples and the edges of each schema.
SEED, EXAMPLES = 5, 2


@pytest.fixture(scope="module")
def probe(house: House) -> Probe:
    return Probe(house.endpoints)


@pytest.fixture(scope="module")
def known(probe: Probe) -> dict[str, list[str]]:
    return probe.furnish()


@pytest.mark.slow
@pytest.mark.parametrize("side", SIDES)
def test_every_operation_answers_as_documented(probe: Probe, known: dict[str, list[str]], side: str) -> None:
    outcome = probe.run(side, known, EXAMPLES, SEED, "examples", "fuzzing")
    assert not outcome.failed, f"as {side}, seed {SEED}:\n{outcome.text}"
    counted = re.search(r"Selected: (\d+)/(\d+)\n\s+Tested: (\d+)", outcome.text)
    assert counted, outcome.text
    selected, documented, tested = map(int, counted.groups())
    # What is left out has a reason in EXCLUDED; all else was asked.
    assert (tested, documented - selected) == (selected, probe.left_out()), outcome.text


@pytest.mark.slow
async def test_no_bytes_at_all_are_answered_with_5xx(probe: Probe, known: dict[str, list[str]]) -> None:
    """Broken JSON, odd heads, wrong lengths, bodies that never end; `make faults` makes ten thousand of these calls."""
    seed = int(os.environ.get("POSTROOM_SEED", SEED))
    calls = Calls(probe.document(), known, [probe.token(person) for person in SIDES.values()], seed)
    answers = await called(probe.url, calls.draw(200))
    wrong = {
        what: [(one.call.how, one.call.path, one.status, one.body) for one in those] for what, those in judged(answers).items() if those
    }
    assert not wrong, f"seed {seed}"
    assert {one.status for one in answers} >= {200, 400, 401, 404, 422}
