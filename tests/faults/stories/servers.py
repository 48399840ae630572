"""SMTP servers that are not well."""

import asyncio

from tests.faults.behaviour import Rule
from tests.faults.cast import UNREACHABLE
from tests.faults.stage import Scale, Stage


def behaviours() -> dict[str, tuple[Rule, ...]]:
    """What mail servers do."""
    return {
        "4xx at each step": tuple(Rule(step, "451 4.3.0 later", chance=0.05) for step in ("mail", "rcpt", "data", "dot")),
        "5xx of the relay itself": (Rule("greeting", "554 5.3.2 not now", chance=0.4), Rule("mail", "530 5.7.0 sign in", chance=0.03)),
        "5xx at EHLO": (Rule("ehlo", "550 5.3.0 no", chance=0.4), Rule("mail", "421 4.3.2 closing", chance=0.02)),
        "relaying denied now and then": (Rule("rcpt", "554 5.7.1 <you>: Relay access denied", chance=0.05),),
        "4xx of the server's own state": (Rule("mail", "452 4.3.1 no room", chance=0.05), Rule("dot", "451 4.3.0 no room", chance=0.05)),
        "5xx by policy": (Rule("dot", "550 5.7.1 looks odd", chance=0.05, times=1),),
        "dropped before the dot": tuple(Rule(step, "DROP", chance=0.02) for step in ("mail", "rcpt", "data")),
        "dropped at the dot, not taken": (Rule("dot", "DROP", chance=0.03),),
        "dropped after the dot, taken": (Rule("dot", "TAKE+DROP", chance=0.03),),
        "slow": (Rule("dot", seconds=1.0, chance=0.05), Rule("rcpt", seconds=0.3, chance=0.05)),
        "one bad recipient in ten": (Rule("rcpt", "550 5.1.1 no such user", to=r"\.bad\d@"),),
        "greylisting": (Rule("rcpt", "451 4.7.1 greylisted", times=1),),
    }


async def server(stage: Stage, _: Scale) -> None:
    """Each behaviour of the SMTP server for a while, with a kill of the mailer in the middle of it."""
    for what, rules in behaviours().items():
        stage.say(f"the SMTP server: {what}")
        stage.house.serve(*rules)
        async with stage.under_load():
            for n in range(40):
                stage.writer.write([stage.load.event(person=UNREACHABLE[n % len(UNREACHABLE)] if n % 10 == 0 else "")])
                await asyncio.sleep(0.05)
            if stage.random.random() < 0.5:
                stage.house.kill("mailer-service")
            await asyncio.sleep(4)
        stage.house.serve()
        await asyncio.sleep(1)
