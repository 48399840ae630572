"""The operators' view over all services: status, and what is parked where."""

import asyncio
from typing import Any

from gateway.upstream import SERVER_ERROR, Upstream
from postroom.problems import Problem


async def status(upstream: Upstream, token: str) -> dict[str, Any]:
    """Each service's figures; one that can't be reached is named, and why."""
    answers = await asyncio.gather(*(_asked(upstream, service, token, "/operations/status") for service in upstream.services))
    found = dict(zip(upstream.services, answers, strict=True))
    return {
        "services": {service: answer for service, answer in found.items() if not isinstance(answer, Problem)},
        "unreachable": [service for service, answer in found.items() if isinstance(answer, Problem)],
    }


async def parked(upstream: Upstream, token: str, service: str | None, *, closed: bool) -> dict[str, Any]:
    """Parked records of one service or of all, each with the service that holds it."""
    asked = upstream.services if service is None else (service,)
    answers = await asyncio.gather(*(_asked(upstream, one, token, "/operations/parked", closed=closed) for one in asked))
    if service is not None and isinstance(answers[0], Problem):
        raise answers[0]
    rows = [
        {"service": one, **row}
        for one, answer in zip(asked, answers, strict=True)
        if not isinstance(answer, Problem)
        for row in answer["parked"]
    ]
    return {"parked": rows, "unreachable": [one for one, answer in zip(asked, answers, strict=True) if isinstance(answer, Problem)]}


async def _asked(upstream: Upstream, service: str, token: str, path: str, **params: Any) -> Any:
    """The answer, or the problem where the service is away."""
    try:
        return await upstream.ask(service, token, path, **params)
    except Problem as problem:
        if problem.status < SERVER_ERROR:
            raise
        return problem
