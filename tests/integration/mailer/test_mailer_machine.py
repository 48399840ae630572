"""The short form of the story `states`: the machine of tests/faults/states, from a seed, on a database of its own."""

import asyncio
import os

from tests.conftest import FreshDatabase
from tests.faults.states.machine import play

from mailer_service.settings import Settings

SEED = int(os.environ.get("POSTROOM_SEED", "20261127"))
EXAMPLES = int(os.environ.get("POSTROOM_EXAMPLES", "10"))
# So many different ways are gone in so few examples; a machine that does nothing finds nothing.
WAYS = 10


async def test_whatever_happens_to_senders_each_mail_goes_as_the_model_says(fresh_database: FreshDatabase) -> None:
    made = await fresh_database(Settings, "mailer_service")
    walked = await asyncio.to_thread(play, made, EXAMPLES, SEED)
    assert len(walked) >= WAYS, f"seed {SEED}: {walked}"
