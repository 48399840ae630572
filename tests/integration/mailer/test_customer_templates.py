"""A customer's templates: in force without a restart, broken ones hold their own type alone, hostile ones are stopped."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.integration.mailer.conftest import World
from tests.integration.mailer.wishes import requested
from tests.unit.mailer.test_template_check import GOOD

from mailer_service.compose import Composer
from mailer_service.confined import Confined, ConfinedError
from mailer_service.customer.files import named
from mailer_service.customer.folder import Folder
from mailer_service.customer.templates import Templates
from mailer_service.customer.typesetter import PIECE_BYTES, PIECE_MESSAGES, TemplateFaultError, Typesetter
from mailer_service.customer.watch import Watch
from mailer_service.domain.samples import sample
from mailer_service.links import Links
from mailer_service.pdf import Pdfs
from mailer_service.render import TEMPLATES, Renderer
from mailer_service.sender.supply import COMPANIES
from mailer_service.store import envelopes
from postroom.blobs import Blobs

FACTS = {"name": "Office", "current_value": "80", "currency": "EUR", "period_end": "2026-12-31"}
CPU = 0.5


def write(custom: Path, message_type: str, **changes: str) -> None:
    """Good files with these changes, as an editor or `cp -r` leaves them."""
    for name, text in {**GOOD, **{name.replace("_", "."): text for name, text in changes.items()}}.items():
        path = custom / "templates" / message_type / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def warned(message: str, **changes: Any) -> Any:
    return requested(message=message, message_type="budget-warning", facts=FACTS, **changes)


@pytest.fixture
async def templates(tmp_path: Path) -> AsyncIterator[Templates]:
    templates = Templates(Renderer(TEMPLATES), tmp_path / "custom", cpu=CPU)
    yield templates
    await templates.close()


@pytest.fixture
async def customers(world: World, templates: Templates) -> AsyncIterator[World]:
    """The mailer with a customer's folder that is looked after."""
    pdfs = Pdfs(seconds=15, memory=1 << 30)
    links = Links(world.settings.public_url, world.settings.page_url)
    world.composer = Composer(templates, Blobs(world.settings.blobs), pdfs, world.settings.mail_from, links)
    await templates.refresh(now=True)
    watching = asyncio.create_task(Watch(world.pool, templates).run())
    world.start_sender()
    yield world
    watching.cancel()
    await asyncio.wait([watching])


def mails(world: World) -> list[EmailMessage]:
    return [message_from_bytes(body, policy=policy.default) for _, body in world.sink.taken]


def subjects(world: World) -> list[str]:
    return sorted(mail["Subject"] for mail in mails(world))


async def test_a_new_type_goes_out_within_two_seconds_of_its_folder_without_a_restart(
    customers: World, templates: Templates, tmp_path: Path
) -> None:
    await customers.take_in(warned("m-1"), requested())
    await customers.until_states(held=1, sent=1)
    assert (await customers.envelope("m-1"))["hold_reason"] == "template"
    began = time.monotonic()
    write(tmp_path / "custom", "budget-warning")
    await customers.until_states(sent=2)
    assert time.monotonic() - began < 8, "two seconds on a machine that has nothing else to do"
    assert subjects(customers)[0] == "Budget Office: €80.00 left"


async def test_a_changed_file_counts_for_the_next_mail_and_a_broken_one_leaves_the_last_good_version(
    customers: World, templates: Templates, tmp_path: Path
) -> None:
    custom = tmp_path / "custom"
    write(custom, "budget-warning")
    await customers.take_in(warned("m-1"))
    await customers.until_states(sent=1)
    write(custom, "budget-warning", subject_txt="Second: {{ facts.name }}")
    await templates.refresh(now=True)
    await customers.take_in(warned("m-2"))
    await customers.until_states(sent=2)
    write(custom, "budget-warning", subject_txt="Third: {{ facts.name")
    await templates.refresh(now=True)
    assert "subject.txt, line 1: unexpected end of template" in templates.problems["budget-warning"].lower()
    await customers.take_in(warned("m-3"))
    await customers.until_states(sent=3)
    assert subjects(customers) == ["Budget Office: €80.00 left", "Second: Office", "Second: Office"]


async def test_a_broken_first_version_holds_its_type_with_the_reason_and_no_other(
    customers: World, templates: Templates, tmp_path: Path
) -> None:
    custom = tmp_path / "custom"
    write(custom, "budget-warning", body_html="<p>{{ facts.name|safe }}</p>")
    await templates.refresh(now=True)
    await customers.take_in(warned("m-1"), requested())
    await customers.until_states(held=1, sent=1)
    held = await customers.envelope("m-1")
    assert (held["hold_reason"], "must be escaped" in held["detail"]) == ("template", True)
    write(custom, "budget-warning")
    await customers.until_states(sent=2)


async def test_what_does_not_fit_the_facts_is_held_and_let_go_by_the_mended_file(
    customers: World, templates: Templates, tmp_path: Path
) -> None:
    custom = tmp_path / "custom"
    write(custom, "budget-warning", body_txt="{{ facts.manager }}")
    await templates.refresh(now=True)
    await customers.take_in(warned("m-1"))
    await customers.until_states(held=1)
    held = await customers.envelope("m-1")
    assert (held["hold_reason"], "no attribute 'manager'" in held["detail"]) == ("render", True)
    write(custom, "budget-warning")
    await customers.until_states(sent=1)


async def test_what_fails_while_its_template_is_mended_is_composed_anew(
    customers: World, templates: Templates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch is held when all of it was composed: by then the mended file is in force, and has let go of what was held before."""
    custom, compose = tmp_path / "custom", Composer._compose
    write(custom, "budget-warning", body_txt="{{ facts.manager }}")
    await templates.refresh(now=True)

    async def mended_meanwhile(self: Composer, message: Any) -> Any:
        try:
            return await compose(self, message)
        finally:
            if message["id"] == "m-1" and "manager" in (custom / "templates/budget-warning/body.txt").read_text():
                write(custom, "budget-warning")
                await templates.refresh(now=True)
                await asyncio.sleep(1.2)  # Watch has looked twice

    monkeypatch.setattr(Composer, "_compose", mended_meanwhile)
    await customers.take_in(warned("m-1"))
    await customers.until_states(sent=1)


async def test_a_change_is_not_forgotten_while_the_database_is_away(
    world: World, templates: Templates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "custom", "budget-warning")
    await templates.refresh(now=True)
    watch = Watch(world.pool, templates)
    released: list[list[str]] = []

    async def away(*_: Any) -> int:
        raise OSError("away")

    async def there(_: Any, __: Any, changed: list[str]) -> int:
        released.append(changed)
        return 0

    monkeypatch.setattr(envelopes, "release_held", away)
    with pytest.raises(OSError, match="away"):
        await watch.look()
    monkeypatch.setattr(envelopes, "release_held", there)
    for _ in range(3):
        await watch.look()
    assert released == [["budget-warning"], ["budget-warning"], []]


async def test_a_customers_type_takes_the_place_of_the_houses_as_a_whole_until_it_is_gone(
    customers: World, templates: Templates, tmp_path: Path
) -> None:
    custom = tmp_path / "custom"
    files = {"subject.txt": "Ours: {{ facts.number }}", "body.txt": "t", "body.html": "<p>h</p>"}
    for name, text in {**files, **{f"de/{name}": text for name, text in files.items()}}.items():
        path = custom / "templates" / "wrong-delivery" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    await templates.refresh(now=True)
    await customers.take_in(requested(message="m-1"))
    await customers.until_states(sent=1)
    shutil.rmtree(custom / "templates" / "wrong-delivery")
    await templates.refresh(now=True)
    await customers.take_in(requested(message="m-2"))
    await customers.until_states(sent=2)
    ours, house = subjects(customers)
    assert ours == "Ours: LS-2201"
    assert house.startswith("Wrong delivery")


async def test_a_customers_layout_is_around_every_mail_file_by_file(customers: World, templates: Templates, tmp_path: Path) -> None:
    layout = tmp_path / "custom" / "templates" / "_layout"
    layout.mkdir(parents=True)
    (layout / "mail.txt").write_text("ACME\n{{ content }}")
    await templates.refresh(now=True)
    await customers.take_in(requested(message="m-1"))
    await customers.until_states(sent=1)
    [mail] = mails(customers)
    text, html = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert text
    assert html
    assert text.get_content().startswith("ACME")
    assert "Postroom" in html.get_content(), "that file is the house's still"


HOSTILE = {
    "an endless loop": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "memory at once": "{{ 'a' * 10**9 }}",
    "memory bit by bit": "{% for a in range(90000) %}{{ 'a' * 90000 }}{% endfor %}",
    "a number without end": "{{ 9**(9**9) }}",
    "a width": "{{ '%0999999999d' % 1 }}",
    "recursion": "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
    "itself": '{% include "budget-warning/body.txt" %}',
    "depth": "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}",
}


@pytest.fixture(scope="module")
async def typesetter() -> AsyncIterator[Typesetter]:
    typesetter = Typesetter(cpu=CPU, memory=256 << 20)
    yield typesetter
    await typesetter.close()


@pytest.mark.parametrize("attack", sorted(HOSTILE))
async def test_a_hostile_template_is_refused_before_it_is_in_force(typesetter: Typesetter, attack: str) -> None:
    """Soon after its bound of computing time, and the next question has its answer."""
    began = time.monotonic()
    found = await typesetter.check("budget-warning", {**GOOD, "body.txt": HOSTILE[attack]}, {}, "BudgetExpired.v1")
    assert found
    assert time.monotonic() - began < 50
    assert await typesetter.check("budget-warning", GOOD, {}, "BudgetExpired.v1") == []


async def test_a_template_that_turns_hostile_with_the_facts_costs_its_own_type_only(
    customers: World, templates: Templates, tmp_path: Path
) -> None:
    """It passes every check; then its mails are held after two stopped tries, each of them, without a third try."""
    attack = "{% if facts.name == 'Now' %}{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}{% endif %}x"
    write(tmp_path / "custom", "budget-warning", body_txt=attack)
    await templates.refresh(now=True)
    facts = {**FACTS, "name": "Now"}
    events = [requested(message=f"m-{n}", message_type="budget-warning", facts=facts) for n in range(20)]
    await customers.take_in(*events, *[requested() for _ in range(20)])
    began = time.monotonic()
    await customers.until_states(60, held=20, sent=20)
    assert time.monotonic() - began < 50
    held = await customers.envelope("m-7")
    assert (held["hold_reason"], held["detail"]) == ("render", f"the template was stopped: stopped after {CPU:g} s of computing")
    write(tmp_path / "custom", "budget-warning")
    await customers.until_states(sent=40)


async def test_a_flood_of_slow_mails_of_one_type_waits_in_the_queue_and_not_before_the_others(
    customers: World, templates: Templates, tmp_path: Path
) -> None:
    """A legal template that takes its time: a bounded number of its mails is taken, and others that come later overtake them."""
    slow = "{% for a in range(300) %}{% for b in range(9999) %}{% endfor %}{% endfor %}x"
    write(tmp_path / "custom", "budget-warning", body_txt=slow)
    await templates.refresh(now=True)
    await customers.stop_senders()
    await customers.take_in(*[warned(f"m-{n}") for n in range(200)])
    await customers.take_in(*[requested() for _ in range(20)])
    customers.start_sender(take=10)

    async def others_are_sent() -> bool:
        return len(customers.sink.taken) >= 20

    await customers.until(others_are_sent)
    states = await customers.states()
    assert states["pending"] >= 200 - 10 * (COMPANIES + 2), states


async def test_a_worker_knows_no_secret_of_the_service(templates: Templates, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should a template break out of the sandbox, it finds no password there."""
    monkeypatch.setenv("POSTROOM_POSTGRES", "postgresql://top:secret@host")
    assert await templates.check("budget-warning", GOOD, None) == []
    worker = templates._desk._worker._worker
    assert worker
    environment = Path(f"/proc/{worker.pid}/environ")
    assert b"secret" not in await asyncio.to_thread(environment.read_bytes)


async def test_one_fault_in_a_page_of_the_inbox_hides_no_other_message(templates: Templates, tmp_path: Path) -> None:
    write(tmp_path / "custom", "budget-warning")
    await templates.refresh(now=True)
    rows = [sample("budget-warning", FACTS, id="good"), sample("budget-warning", {}, id="bad")]
    briefs = await templates.briefs(rows)
    assert briefs.brief(rows[0]) == ("Budget Office: €80.00 left", "Until 31 December 2026.")
    with pytest.raises(TemplateFaultError, match="'name'"):
        briefs.brief(rows[1])


SLOW = "{% for a in range(100) %}{% for b in range(9999) %}{% endfor %}{% endfor %}x"
HANGING = "{% if facts.name == 'Now' %}{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}{% endif %}x"


@dataclass
class Asked:
    """What the worker was asked: the size of each question, for how many messages, and how often it was stopped over one."""

    sizes: list[int] = field(default_factory=list)
    messages: list[int] = field(default_factory=list)
    stops: int = 0


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    ask, asked = Confined.ask, Asked()

    async def noted(self: Confined, question: bytes) -> bytes:
        asked.sizes.append(len(question))
        asked.messages.append(len(orjson.loads(question)["messages"]))
        try:
            return await ask(self, question)
        except ConfinedError:
            asked.stops += 1
            raise

    monkeypatch.setattr(Confined, "ask", noted)
    return asked


def several(number: int, **facts: Any) -> list[Any]:
    return [sample("budget-warning", {**FACTS, **facts}, id=f"m-{n}") for n in range(number)]


async def shown(typesetter: Typesetter, body: str, rows: list[Any]) -> list[str]:
    """What each message says; of one that can't be shown, why."""
    own = named("budget-warning", {**GOOD, "body.txt": body})
    return [str(one) if isinstance(one, TemplateFaultError) else one[1] for one in await typesetter.briefs(own, rows)]


async def test_a_slow_template_is_not_broken_by_a_long_page(typesetter: Typesetter, asked: Asked) -> None:
    """Each message is well within the bound, all of them at once are beyond it; that is found out once."""
    assert await shown(typesetter, SLOW, several(60)) == ["x"] * 60
    assert asked.stops == 1
    assert await shown(typesetter, SLOW, several(5)) == ["x"] * 5
    assert asked.stops == 1


async def test_what_hangs_over_one_message_is_stopped_thrice_and_not_asked_again(typesetter: Typesetter, asked: Asked) -> None:
    """Over several messages, and twice over the one; those before it are shown."""
    rows = several(100)
    rows[30]["facts"]["name"] = "Now"
    reason = f"the template was stopped: stopped after {CPU:g} s of computing"
    assert await shown(typesetter, HANGING, rows) == ["x"] * 30 + [reason] * 70
    questions = len(asked.messages)
    assert await shown(typesetter, HANGING, several(60)) == [reason] * 60
    assert (asked.stops, len(asked.messages)) == (3, questions)


async def test_what_hangs_is_not_tried_by_everybody_who_asks_meanwhile(typesetter: Typesetter, asked: Asked) -> None:
    body = HANGING + " for all"
    pages = await asyncio.gather(*(shown(typesetter, body, several(10, name="Now")) for _ in range(6)))
    assert all("was stopped" in one for page in pages for one in page)
    assert asked.stops == 3


async def test_a_page_of_large_messages_is_asked_for_in_pieces(typesetter: Typesetter, asked: Asked) -> None:
    """The worker has 2 s and 256 MB for each."""
    large = several(40, note="x" * 200_000)
    assert await shown(typesetter, "{{ facts.note|default('')|length }}", [*large, *several(120)]) == ["200000"] * 40 + ["0"] * 120
    assert max(asked.sizes) < PIECE_BYTES + 50_000
    assert (sum(asked.messages), max(asked.messages)) == (160, PIECE_MESSAGES)


async def test_a_folder_that_was_being_replaced_when_the_power_went_is_whole_again(templates: Templates, tmp_path: Path) -> None:
    write(tmp_path / "custom", "budget-warning")
    (tmp_path / "custom" / "templates" / "budget-warning").rename(tmp_path / "custom" / "templates" / ".old-budget-warning")
    await templates.refresh(now=True)
    assert templates.customers("budget-warning") == GOOD


async def test_a_folder_in_the_middle_of_being_copied_is_not_read(templates: Templates, tmp_path: Path) -> None:
    await templates.refresh(now=True)
    write(tmp_path / "custom", "budget-warning")
    assert await templates.refresh() == set(), "seen once: it may change still"
    assert await templates.refresh() == {"budget-warning"}


async def test_odd_files_are_named_and_hide_no_other_type(templates: Templates, tmp_path: Path) -> None:
    folder = tmp_path / "custom" / "templates"
    write(tmp_path / "custom", "budget-warning")
    write(tmp_path / "custom", "Not A Type")
    write(tmp_path / "custom", "latin")
    (folder / "latin" / "body.txt").write_bytes(b"f\xfcr")
    write(tmp_path / "custom", "large")
    (folder / "large" / "body.txt").write_text("x" * 300_000)
    write(tmp_path / "custom", "short")
    (folder / "short" / "de" / "body.txt").unlink()
    (folder / "budget-warning" / "body.txt~").write_text("an editor's copy")
    (folder / "README.md").write_text("what is here")
    assert await templates.refresh(now=True) == {"budget-warning"}
    assert {name: words.split(":")[0] for name, words in templates.problems.items()} == {
        "Not A Type": "its name is no message type",
        "latin": "body.txt is not written in UTF-8",
        "large": "body.txt has 300000 bytes; 262144 is the most",
        "short": "de/body.txt",
    }


async def test_what_can_not_be_looked_at_is_named_and_hides_no_other_type(templates: Templates, tmp_path: Path) -> None:
    """Found by reading: a link that leads nowhere kept the mailer from starting."""
    folder = tmp_path / "custom" / "templates"
    (folder / "odd-link").mkdir(parents=True)
    (folder / "odd-link" / "body.txt").symlink_to(tmp_path / "nowhere")
    write(tmp_path / "custom", "budget-warning")
    await templates.refresh(now=True)
    assert templates.customers("budget-warning")
    assert "No such file" in templates.problems["odd-link"]


async def test_a_folder_that_can_not_be_read_leaves_in_force_what_was(
    templates: Templates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "custom", "budget-warning")
    await templates.refresh(now=True)

    def refused(_: object) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Folder, "signature", refused)
    assert await templates.refresh() == set()
    assert templates.customers("budget-warning")
