"""Ten thousand documents and ten thousand HTTP calls that nobody should send: no 5xx, an answer that names what to mend, memory flat."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from urllib.parse import urlsplit

import httpx
from tests.e2e.openapi_probe import SIDES, Probe
from tests.faults.bad import accounts, calls, memory, papers
from tests.faults.bad.calls import Answer, Call, Calls
from tests.faults.bad.papers import Papers
from tests.faults.bad.pen import Pen
from tests.faults.bad.records import PARKED, Bad
from tests.faults.stage import Scale, Stage
from tests.faults.stories.bad_records import ROUNDS, books, drained, mails_go_out

from postroom.contracts.topics import Topic

NUMBER = 10_000
AT_ONCE = 8
SERVER_ERROR, INVALID, ACCEPTED, TOO_LARGE = 500, 422, 202, 413
OUTCOMES = {"processed", "waiting", "parked", "duplicate"}
UBL = Topic(papers.TOPIC, owner=papers.OWNER, consumers=("po-service",), key="order number", documents="UBL")


async def bad_papers(stage: Stage, scale: Scale) -> None:
    """Documents by the topic and, the same again, by POST /documents."""
    drawing, rounds = Papers(stage.house.seed, "BP"), memory.Rounds(stage)
    answered: Counter[str] = Counter()
    async with Pen(stage.house.endpoints["kafka"], stage.random) as pen, _client(stage) as client:
        for _ in range(ROUNDS):
            drawn = [*drawing.draw(scale.of(NUMBER) // ROUNDS)]
            await asyncio.gather(pen.write(drawn), _hand_in(client, [papers.again(bad, "BP") for bad in drawn], answered))
            await drained(stage, pen, [UBL])
            rounds.look()
            stage.say(f"{len(pen.written[papers.TOPIC])} documents by the topic; by HTTP {dict(answered)}")
        found = await books(stage, "po-service")
    written = pen.written[papers.TOPIC]
    known = {identity[2] for identity in found.intake if identity[0] == papers.OWNER}
    astray = [*accounts.astray(written, lambda bad: papers.is_known(bad, known), found)]
    for one in astray[:20]:
        stage.say(one)
    stage.measure(f"documents accounted for, of {len(written)}", len(written) - len(astray), at_least=len(written))
    stage.measure("documents that had their effect or wait", len(known))
    odd = {answer: number for answer, number in answered.items() if answer not in OUTCOMES}
    stage.measure(f"documents by HTTP answered otherwise than they should be {odd}", sum(odd.values()), at_most=0)
    stage.say(f"parked: {dict(found.reasons.most_common())}")
    await mails_go_out(stage, [*stage.load.papers(1)])
    rounds.judge()


def _client(stage: Stage) -> httpx.AsyncClient:
    token = Probe(stage.house.endpoints, "demo").token("operator")
    url, headers = stage.house.endpoints["gateway_url"], {"Authorization": f"Bearer {token}", "Content-Type": "application/xml"}
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=60, trust_env=False)


async def _hand_in(client: httpx.AsyncClient, bads: Iterable[Bad], answered: Counter[str]) -> None:
    async def one(bad: Bad) -> None:
        answer = await client.post("/api/documents", content=bad.value)
        answered[_outcome(bad, answer)] += 1

    await _by_eight([lambda bad=bad: one(bad) for bad in bads])  # type: ignore[misc] # mypy takes no default for a lambda's argument


def _outcome(bad: Bad, answer: httpx.Response) -> str:
    """What was answered, as one word; what must not be answered so, as several."""
    if answer.status_code == INVALID and not bad.value:
        return "parked"  # there is nothing that could be kept
    if answer.status_code != ACCEPTED:
        return f"{answer.status_code} {bad.how}"
    told = answer.json()
    if told["outcome"] == "parked" and not (told["reason"] and told["detail"]):
        return f"parked without a reason: {bad.how}"
    if bad.fate == PARKED and told["outcome"] != "parked":
        return f"{told['outcome']}, and must not be: {bad.how}"
    return str(told["outcome"])


async def bad_requests(stage: Stage, scale: Scale) -> None:
    """Calls of all documented operations through the gateway, down to the bytes."""
    probe = Probe(stage.house.endpoints, "probe")
    known = await asyncio.to_thread(probe.furnish)
    tokens = [probe.token(person) for person in SIDES.values()]
    drawing = Calls(await asyncio.to_thread(probe.document), known, tokens, stage.house.seed)
    rounds, answers = memory.Rounds(stage), list[Answer]()
    for _ in range(ROUNDS):
        answers += await called(probe.url, drawing.draw(scale.of(NUMBER) // ROUNDS))
        rounds.look()
        stage.say(f"{len(answers)} calls: {dict(sorted(Counter(one.status for one in answers).items()))}")
    for what, wrong in judged(answers).items():
        for one in wrong[:10]:
            stage.say(f"{what}: {one.call.how}: {one.call.method} {one.call.path[:200]} → {one.status} {one.body[:300]!r}")
        stage.measure(f"of {len(answers)} calls: {what}", len(wrong), at_most=0)
    await stage.house.until_up()
    await asyncio.to_thread(probe.ask, "operator", "GET", "/api/orders")
    rounds.judge()


async def called(url: str, drawn: Iterable[Call]) -> list[Answer]:
    """Each of them, a few at a time."""
    host, port, answers = urlsplit(url).hostname or "", urlsplit(url).port or 80, list[Answer]()

    async def one(call: Call) -> None:
        try:
            answers.append(await calls.make(host, port, call))
        except TimeoutError:
            answers.append(Answer(call, -1, b"nothing was answered, and the connection stayed open"))

    await _by_eight([lambda call=call: one(call) for call in drawn])  # type: ignore[misc] # as above
    return answers


def judged(answers: Iterable[Answer]) -> dict[str, list[Answer]]:
    """What is wrong → the answers in which it is."""
    found: dict[str, list[Answer]] = {"answered with 5xx": [], "not answered": [], "refused without a word of what to mend": []}
    for answer in answers:
        if answer.status >= SERVER_ERROR:
            found["answered with 5xx"].append(answer)
        elif answer.status < 0 or (answer.status == 0 and not answer.call.hangs):
            found["not answered"].append(answer)
        elif answer.status == INVALID and not (answer.problem.get("code") and answer.problem.get("detail")):
            found["refused without a word of what to mend"].append(answer)
    return found


async def _by_eight(works: Iterable[Callable[[], Awaitable[None]]]) -> None:
    """All of these, a few at once."""
    waiting = iter(works)

    async def some() -> None:
        for work in waiting:
            await work()

    await asyncio.gather(*(some() for _ in range(AT_ONCE)))
