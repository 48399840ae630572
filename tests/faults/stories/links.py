"""The ways between the services and what they stand on; a house of its own, where each of them leads through a proxy."""

from tests.faults.stage import Scale, Stage


async def links(stage: Stage, _: Scale) -> None:
    """Each way between the services and what they stand on is cut, half-open and slow; what is written then arrives afterwards."""
    async with stage.under_load():
        for name in ("postgres", "smtp", "kafka"):
            for mode, seconds in (("cut", 4.0), ("frozen", 15.0), ("slow", 6.0)):
                await stage.sever(mode, name, seconds)
