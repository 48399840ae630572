"""The operators' view over all services: status, and what is parked where."""

import asyncio
from collections.abc import Sequence
from typing import Any

from gateway.routes import MAILER
from gateway.upstream import SERVER_ERROR, Upstream
from postroom.problems import Problem

RELEASE = "/operations/restore/release"


async def status(upstream: Upstream, token: str) -> dict[str, Any]:
    """Each service's figures; one that can't be reached is named, and why."""
    answers = await asyncio.gather(*(_asked(upstream, service, token, "/operations/status") for service in upstream.services))
    return _by_service(upstream.services, answers)


async def parked(upstream: Upstream, token: str, service: str | None, *, closed: bool) -> dict[str, Any]:
    """The newest parked records of one service or of all, each with the service that holds it; and how many there are of which kind."""
    return await _of_each(upstream, token, service, "/operations/parked", ("parked", "kinds"), closed=closed)


async def kinds(upstream: Upstream, token: str, service: str | None) -> dict[str, Any]:
    """How many parked records there are of which kind, each kind with the service that holds it."""
    return await _of_each(upstream, token, service, "/operations/parked/kinds", ("kinds",))


async def restored(upstream: Upstream, token: str) -> dict[str, Any]:
    """What each service knows of an older copy that was restored; one that can't be reached is named."""
    answers = await asyncio.gather(*(_asked(upstream, service, token, "/operations/restore") for service in upstream.services))
    return _by_service(upstream.services, answers)


async def release(upstream: Upstream, token: str, doubtful: str) -> dict[str, Any]:
    """Go on after an older copy: the mailer first, for it alone may refuse, then the others. Raises Problem where the mailer can't."""
    body = {"doubtful": doubtful}
    mailer = (await upstream.call(MAILER, token, "POST", RELEASE, json=body)).json()
    others = [service for service in upstream.services if service != MAILER]
    answers = await asyncio.gather(*(_told(upstream, service, token, RELEASE, body) for service in others))
    return _by_service([MAILER, *others], [mailer, *answers])


async def _of_each(upstream: Upstream, token: str, service: str | None, path: str, parts: Sequence[str], **params: Any) -> dict[str, Any]:
    """These lists of one service or of all, each entry with its service. Raises Problem where the one that is named is away."""
    asked = upstream.services if service is None else (service,)
    answers = await asyncio.gather(*(_asked(upstream, one, token, path, **params) for one in asked))
    if service is not None and isinstance(answers[0], Problem):
        raise answers[0]
    found = _by_service(asked, answers)
    # A service of an older version tells no kinds.
    told = {part: [{"service": one, **row} for one, answer in found["services"].items() for row in answer.get(part, ())] for part in parts}
    return {**told, "unreachable": found["unreachable"]}


def _by_service(services: Sequence[str], answers: Sequence[Any]) -> dict[str, Any]:
    found = dict(zip(services, answers, strict=True))
    return {
        "services": {service: answer for service, answer in found.items() if not isinstance(answer, Problem)},
        "unreachable": [service for service, answer in found.items() if isinstance(answer, Problem)],
    }


async def _told(upstream: Upstream, service: str, token: str, path: str, body: dict[str, Any]) -> Any:
    """The answer to a command, or the problem where the service is away."""
    try:
        return (await upstream.call(service, token, "POST", path, json=body)).json()
    except Problem as problem:
        if problem.status < SERVER_ERROR:
            raise
        return problem


async def _asked(upstream: Upstream, service: str, token: str, path: str, **params: Any) -> Any:
    """The answer, or the problem where the service is away."""
    try:
        return await upstream.ask(service, token, path, **params)
    except Problem as problem:
        if problem.status < SERVER_ERROR:
            raise
        return problem
