"""What the intake of documents promises: once, in whatever order, by whoever may say it."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.conftest import FreshDatabase
from tests.integration.po.support import Room, instance, record, response, sample
from tests.integration.po.told import at

from po_service.settings import Settings
from postroom.contracts.errors import Refused
from postroom.contracts.record import Record

ORDER, DESPATCH, CHANGE_1, CHANGE_2 = "order-4321.xml", "despatch-4321.xml", "change-1.xml", "change-2.xml"


async def test_a_despatch_before_its_order_waits_and_then_counts(room: Room) -> None:
    await room.take(sample(DESPATCH))
    assert await room.outcomes() == [("DespatchAdvice", "waiting")]
    assert await room.published() == []
    await room.take(sample(ORDER))
    assert await room.outcomes() == [("DespatchAdvice", "processed"), ("Order", "processed")]
    assert [note["number"] for note in await room.published()] == ["D-1"]


async def test_a_despatch_after_its_order_counts_at_once(room: Room) -> None:
    await room.take(sample(ORDER))
    await room.take(sample(DESPATCH))
    assert [note["number"] for note in await room.published()] == ["D-1"]


@pytest.mark.parametrize("despatch_first", [True, False])
async def test_of_two_instances_at_once_neither_misses_the_other(fresh_database: FreshDatabase, *, despatch_first: bool) -> None:
    settings = await fresh_database(Settings, "po_service")
    async with instance(settings) as one, instance(settings) as two:
        for number in range(12):
            order = sample(ORDER, **{"<cbc:ID>4321<": f"<cbc:ID>4321-{number}<"})
            despatch = sample(DESPATCH, **{"<cbc:ID>4321<": f"<cbc:ID>4321-{number}<"})
            pair = [one.intake.process([record(order, "peppol")], "test"), two.intake.process([record(despatch, "second")], "test")]
            await asyncio.gather(*(reversed(pair) if despatch_first else pair))
        assert await one.column("SELECT count(*) FROM ubl_documents WHERE outcome = 'processed'") == [24]
        assert len(await one.published()) == 12


async def test_the_same_document_by_two_ways_has_one_effect(room: Room) -> None:
    for document in (ORDER, DESPATCH, CHANGE_1):
        await room.take(sample(document))
        await room.take(sample(document), emitter="second")
    assert len(await room.published()) == 1
    assert await room.column("SELECT version FROM orders") == [3]
    assert await room.column("SELECT seen FROM duplicates WHERE emitter = 'second'") == [3]


async def test_the_same_document_written_down_otherwise_is_the_same(room: Room) -> None:
    await room.take(sample(ORDER))
    other = sample(ORDER, **{"<Order xmlns=": "<Order   xmlns:unused='urn:x' xmlns=", "<cac:Contract>": "<!-- a remark --><cac:Contract>"})
    tally = await room.take(other)
    assert (tally.processed, tally.duplicates, tally.parked) == (0, 1, 0)


async def test_a_second_order_with_other_content_is_a_conflict(room: Room) -> None:
    await room.take(sample(ORDER))
    await room.take(sample(ORDER, Item654="Item655"))
    assert await room.parked() == ["conflict"]
    assert "Item655" not in await room.column("SELECT item FROM order_lines")


async def test_a_corrected_despatch_is_the_next_version(room: Room) -> None:
    short = sample(DESPATCH, **{">10<": ">8<"})
    await room.take(sample(ORDER), short, sample(DESPATCH))
    notes = await room.published()
    assert [(note["version"], note["lines"][0]["delivered"], note["lines"][0]["previously_delivered"]) for note in notes] == [
        (1, "8", "0"),
        (2, "10", "0"),
    ]
    assert len({note["note"] for note in notes}) == 1
    assert await room.column("SELECT version FROM delivery_notes ORDER BY version") == [1, 2]


async def test_an_older_despatch_or_answer_that_was_parked_and_is_replayed_late_takes_back_nothing(room: Room) -> None:
    """Found by reading: the superseded quantity was told as a wrong delivery, and the superseded day was the order's again."""
    short = sample(DESPATCH, **{">10<": ">8<"})
    await room.take(sample(ORDER))
    answer = response(l1="2013-03-20")
    await room.take(b"<" + short, b"<" + answer)
    await room.take(sample(DESPATCH), response(l1="2013-04-20"))
    told = len(await room.published())
    for number, mended in zip(await room.column("SELECT id FROM parked ORDER BY id"), (short, answer), strict=True):
        with pytest.raises(Refused, match=r"conflict.*was written later"):
            await room.intake.replay(number, mended)
    assert len(await room.published()) == told
    early = record(short, "second")
    await room.intake.process([replace(early, timestamp=early.timestamp - timedelta(minutes=5))], "test")
    assert (await room.parked())[2:] == ["conflict"], "elsewhere clocks say so"
    await room.intake.process([replace(early, offset=early.offset + 1)], "test")
    assert len(await room.published()) == told + 1, "and may differ a little"


async def test_a_number_that_fits_two_orders_is_ambiguous(room: Room) -> None:
    await room.take(sample(ORDER), sample(ORDER, **{"2013-03-01": "2013-03-02"}))
    await room.take(sample(DESPATCH))
    assert await room.parked() == ["ambiguous"]
    dated = sample(DESPATCH, **{"<cbc:ID>4321</cbc:ID>": "<cbc:ID>4321</cbc:ID><cbc:IssueDate>2013-03-02</cbc:IssueDate>"})
    await room.take(dated)
    assert len(await room.published()) == 1


async def test_who_may_speak_for_whom(room: Room) -> None:
    """The hospital's emitter may speak for 0088:7300010000001 alone: a seller of AEG012345, no buyer."""
    await room.take(sample("order-AEG012345.xml"), emitter="hospital")
    assert await room.parked() == ["forbidden"]
    assert await room.column("SELECT count(*) FROM people") == [0]
    allowed = sample(DESPATCH, **{"7385000000124": "7300010000001", "<cbc:ID>4321<": "<cbc:ID>AEG012345<"})
    await room.take(allowed, emitter="hospital")
    assert await room.outcomes() == [("DespatchAdvice", "waiting")]


def for_its_seller(despatching: str, seller: str = "0088:7385000000124", note: str = "D-1") -> bytes:
    """The despatch advice as Peppol writes it for a seller, whom it names by a number and without an EndpointID."""
    scheme, number = seller.split(":")
    party = f'<cac:PartyIdentification><cbc:ID schemeID="{scheme}">{number}</cbc:ID></cac:PartyIdentification>'
    end = "</cac:DespatchSupplierParty>"
    named = f"{end}<cac:SellerSupplierParty><cac:Party>{party}</cac:Party></cac:SellerSupplierParty>"
    return sample(DESPATCH, **{"7385000000124": despatching, end: named, ">D-1<": f">{note}<"})


async def test_a_warehouse_despatches_for_a_seller(room: Room) -> None:
    """Found by reading: it was taken for the seller, and its advice waited for ever."""
    await room.take(sample(ORDER))
    await room.take(for_its_seller("7300010000001"))
    await room.take(for_its_seller("7300010000001", note="D-2").replace(b"<cbc:ID>4321<", b"<cbc:ID>4322<"))
    await room.take(sample(ORDER, **{"<cbc:ID>4321<": "<cbc:ID>4322<"}))
    assert [(note["number"], note["order"]["number"]) for note in await room.published()] == [("D-1", "4321"), ("D-2", "4322")]
    assert {outcome for _, outcome in await room.outcomes()} == {"processed"}
    assert await room.column("SELECT count(*) FROM companies WHERE side = 'supplier'") == [1], "the warehouse is none"


async def test_a_seller_that_despatches_by_itself_may_name_itself_by_another_number(room: Room) -> None:
    await room.take(for_its_seller("7385000000124", "0007:5546577791"))
    await room.take(sample(ORDER))
    assert [note["number"] for note in await room.published()] == ["D-1"]


@pytest.mark.parametrize(
    ("emitter", "seller", "outcome"),
    [
        ("hospital", "0088:7385000000124", ["forbidden"]),
        ("consortial", "0088:7385000000124", []),
        ("hospital", "0007:1", []),
        ("consortial", "0007:1", ["forbidden"]),
    ],
    ids=["warehouse for a seller", "seller by its warehouse", "warehouse for nobody known", "stranger"],
)
async def test_an_advice_is_handed_in_by_who_may_speak_for_its_seller(room: Room, emitter: str, seller: str, outcome: list[str]) -> None:
    """7300010000001 despatches, which is the hospital's: it may say nothing of a seller's order by naming that seller."""
    await room.take(sample(ORDER))
    await room.take(for_its_seller("7300010000001", seller), emitter=emitter)
    assert await room.parked() == outcome
    assert len(await room.published()) == (seller.startswith("0088") and not outcome)


async def test_a_change_waits_for_the_one_before(room: Room) -> None:
    await room.take(sample(CHANGE_2))
    await room.take(sample(ORDER))
    assert await room.outcomes() == [("OrderChange", "waiting"), ("Order", "processed")]
    assert await room.column("SELECT reason FROM ubl_documents WHERE outcome = 'waiting'") == ["for change 1 of order 4321"]
    await room.take(sample(CHANGE_1))
    lines = await room.pool.fetch("SELECT line, quantity, cancelled FROM order_lines ORDER BY position")
    assert [(line["line"], int(line["quantity"]), line["cancelled"]) for line in lines] == [
        ("1", 8, True),
        *((str(number), 10, False) for number in range(2, 6)),
    ]
    assert await room.column("SELECT sequence FROM orders") == [2]


async def test_a_change_with_a_used_number_and_other_content_is_a_conflict(room: Room) -> None:
    await room.take(sample(ORDER), sample(CHANGE_1))
    await room.take(sample(CHANGE_1, **{">8<": ">7<"}))
    assert await room.parked() == ["conflict"]


async def test_a_waiting_document_that_is_refused_later_is_parked_and_can_be_replayed(room: Room) -> None:
    """Two changes with the same number wait; the first applies, the other is a conflict then, and the order is there all the same."""
    await room.take(sample(CHANGE_1))
    await room.take(sample(CHANGE_1, **{">8<": ">7<"}))
    await room.take(sample(ORDER))
    assert await room.parked() == ["conflict"]
    assert await room.outcomes() == [("OrderChange", "processed"), ("OrderChange", "parked"), ("Order", "processed")]
    (parked,) = await room.column("SELECT id FROM parked")
    await room.intake.replay(parked, sample(CHANGE_2))
    assert await room.column("SELECT sequence FROM orders") == [2]


async def test_one_that_was_mended_waits_and_is_refused_after_all_is_parked_again(room: Room) -> None:
    """As it was mended: the row that the operator closed is open once more, and nothing of it is only in Kafka's tools."""
    await room.take(sample(CHANGE_1), b"<broken")
    (parked,) = await room.column("SELECT id FROM parked")
    mended = sample(CHANGE_1, **{">8<": ">7<"})
    await room.intake.replay(parked, mended)
    assert await room.column("SELECT closed_by FROM parked") == ["mended"]
    await room.take(sample(ORDER))
    rows = await room.pool.fetch("SELECT id, reason, value, closed_by FROM parked")
    assert [tuple(row) for row in rows] == [(parked, "conflict", mended, None)]
    await room.intake.replay(parked, sample(CHANGE_2))
    assert await room.column("SELECT sequence FROM orders") == [2]


async def test_the_rest_of_a_batch_goes_on_when_one_is_refused(room: Room) -> None:
    tally = await room.take(b"<broken", sample(ORDER), sample(ORDER, Item654="Item655"), b"{}", sample(DESPATCH))
    assert (tally.processed, tally.parked) == (2, 3)
    assert sorted(await room.parked()) == ["conflict", "unreadable", "unreadable"]
    assert len(await room.published()) == 1


async def test_only_buyers_documents_make_buyers_people(room: Room) -> None:
    """A seller names its own contact; nobody else comes from its documents."""
    await room.take(sample(ORDER))
    before = await room.column("SELECT count(*) FROM people")
    named = "<cac:DeliveryCustomerParty><cac:DeliveryContact><cbc:Name>Eve</cbc:Name></cac:DeliveryContact></cac:DeliveryCustomerParty>"
    await room.take(sample(DESPATCH, **{"<cac:DespatchLine>": named + "<cac:DespatchLine>"}))
    assert await room.column("SELECT count(*) FROM people") == before


async def test_people_and_companies_are_told_once(room: Room) -> None:
    await room.take(sample(ORDER), sample(ORDER, **{"<cbc:ID>4321<": "<cbc:ID>4322<"}))
    await room.take(sample(ORDER, **{"<cbc:ID>4321<": "<cbc:ID>4323<"}))
    told = await room.published("directory")
    assert sorted(fact["name"] for fact in told) == ["Consortial", "IYT Corporation", "Karin Berg", "Tony Erwing"]
    assert {fact["name"]: fact["provisional"] for fact in told if "person" in fact} == {"Karin Berg": True, "Tony Erwing": True}


async def test_tenants_do_not_meet(room: Room) -> None:
    await room.take(sample(ORDER))
    await room.take(sample(DESPATCH), emitter="other")
    assert await room.outcomes() == [("Order", "processed"), ("DespatchAdvice", "waiting")]


async def test_a_batch_costs_a_fixed_number_of_statements(room: Room) -> None:
    """No loop over messages: forty orders take as many statements as one."""

    def batch(first: int, size: int) -> Sequence[Record]:
        return [record(sample(ORDER, **{"<cbc:ID>4321<": f"<cbc:ID>{number}<"})) for number in range(first, first + size)]

    async def statements(records: Sequence[Record]) -> int:
        seen: list[str] = []
        for holder in room.pool._holders:  # type: ignore[attr-defined] # each connection of the pool
            if holder._con:
                holder._con.add_query_logger(lambda query: seen.append(query.query))
        await room.intake.process(records, "test")
        return len(seen)

    await room.intake.process(batch(0, 1), "test")
    assert await statements(batch(100, 1)) == await statements(batch(200, 40))


async def test_a_delivery_for_a_cancelled_order_is_wrong(room: Room) -> None:
    cancellation = sample(CHANGE_1, OrderChange="OrderCancellation", **{"<cbc:ID>Change-1<": "<cbc:ID>Cancel<"})
    await room.take(sample(ORDER), cancellation, sample(DESPATCH))
    changed, note = await room.published()
    assert changed["cancelled"]
    assert [(line["ordered"], line["delivered"]) for line in note["lines"]] == [("0", "10")]


@pytest.mark.parametrize(("named", "meant"), [("2", "2"), ("NA", "2"), ("77", "2")])
async def test_a_despatch_line_finds_its_order_line_by_number_or_item(room: Room, named: str, meant: str) -> None:
    item = "<cac:SellersItemIdentification><cbc:ID>010120409</cbc:ID></cac:SellersItemIdentification>"
    despatch = sample(
        DESPATCH, **{"<cbc:LineID>2<": f"<cbc:LineID>{named}<", "</cbc:Name>\n    </cac:Item>": f"</cbc:Name>{item}</cac:Item>"}
    )
    await room.take(sample(ORDER), despatch)
    assert (await room.published())[0]["lines"][0]["line"] == meant


async def test_an_event_that_would_be_too_big_parks_its_despatch_alone(room: Room) -> None:
    line = sample(DESPATCH).decode().partition("<cac:DespatchLine>")[2].partition("</cac:DespatchLine>")[0]
    many = "".join(
        f"<cac:DespatchLine>{line.replace('>2<', f'>{number}<').replace('Item456', 'x' * 55)}</cac:DespatchLine>"
        for number in range(10, 1500)
    )
    await room.take(sample(DESPATCH, **{f"<cac:DespatchLine>{line}</cac:DespatchLine>": many}))
    await room.take(sample(ORDER))
    assert await room.parked() == ["too_large"]
    assert await room.outcomes() == [("DespatchAdvice", "parked"), ("Order", "processed")]


async def test_a_company_that_the_api_adds_meanwhile_is_the_orders(room: Room) -> None:
    """The batch has looked before the company was there, and meets it when it saves: it decides again."""
    async with room.pool.acquire() as api:
        transaction = api.transaction()
        await transaction.start()
        await api.execute("INSERT INTO companies (tenant, id, side, name) VALUES ('demo', 'iyt', 'client', 'IYT')")
        await api.execute("INSERT INTO company_endpoints VALUES ('demo', 'client', '0088:7398000000124', 'iyt')")
        batch = asyncio.create_task(room.take(sample(ORDER)))
        while not await room.column("SELECT pid FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110 - the other side is Postgres
            await asyncio.sleep(0.01)
        await transaction.commit()
        await batch
    assert await room.column("SELECT buyer FROM orders") == ["iyt"]
    assert await room.column("SELECT DISTINCT company FROM people") == ["iyt"]
    assert len(await room.published("directory")) == 3


async def test_made_again_from_the_log_it_tells_the_same(fresh_database: FreshDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database restored from an older copy reads the documents again; what it tells of them under the same id says the same."""
    log = [record(sample(name)) for name in (DESPATCH, ORDER, CHANGE_1, "invoice-response.xml")]
    told: list[set[tuple[str, str, bytes]]] = []
    for moment in ("2026-11-23T08:00:00", "2026-11-25T17:30:00"):
        at(monkeypatch, moment)
        async with instance(await fresh_database(Settings, "po_service")) as room:
            await room.intake.process(log, "test")
            rows = await room.pool.fetch("SELECT topic, headers, value FROM outbox")
            told.append({(row["topic"], dict(row["headers"])["ce_id"], row["value"]) for row in rows})
    assert len(told[0]) >= 3
    assert told[0] == told[1]
