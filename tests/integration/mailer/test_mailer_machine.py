"""The short form of the story `states`: the machine of tests/faults/states, from a seed, on a database of its own."""

import asyncio
import os

from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.conftest import FreshDatabase
from tests.faults.states.machine import Bench, Senders

from mailer_service.settings import Settings

SEED = int(os.environ.get("POSTROOM_SEED", "20261127"))
EXAMPLES = int(os.environ.get("POSTROOM_EXAMPLES", "15"))


async def test_whatever_happens_to_senders_each_mail_goes_as_the_model_says(fresh_database: FreshDatabase) -> None:
    made = await fresh_database(Settings, "mailer_service")
    await asyncio.to_thread(play, made)


def play(made: Settings) -> None:
    bench = Bench(made)
    machine = seed(SEED)(type("Senders", (Senders,), {"bench": bench}))
    bounds = settings(max_examples=EXAMPLES, stateful_step_count=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    try:
        run_state_machine_as_test(machine, settings=bounds)
    finally:
        bench.close()
