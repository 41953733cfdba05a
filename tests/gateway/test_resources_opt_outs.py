from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from sqlalchemy import select, text

from gateway.errors import Conflict, Invalid, NotFound
from gateway.resources import accounts, opt_out_lists, opt_outs, phone_numbers
from gateway.resources.reviews import STANDING as REVIEWS
from gateway.store.tables_consent import opt_outs as table
from gateway.store.times import iso
from tests.gateway.conftest import NOW
from tests.support.consent import ANN, BOB, BY_STAFF, EVE, MAIN, count, events, standing, start, stop


async def test_a_stop_stands_for_that_account_phone_and_list_alone(desk):
    await accounts.create(desk, account_id="other", name="Other", now=NOW)
    await opt_out_lists.create(desk, **MAIN, name="News", now=NOW)
    assert await stop(desk, list_name="News")
    found = await standing(desk, ANN, BOB)
    assert list(found) == [("main", ANN, "News")]
    assert found["main", ANN, "News"] == opt_outs.OptOut("main", ANN, "News", NOW, True, "keyword STOP", 0)


async def test_a_second_stop_is_recorded_and_changes_nothing_that_stands(desk):
    assert await stop(desk)
    await count(desk, ANN)
    assert not await stop(desk, at=NOW + 5, words="STOP!!")
    one = (await standing(desk, ANN))["main", ANN, "Default"]
    assert (one.opted_out_at, one.confirmations) == (NOW, 1)
    assert [act.words for act in await opt_outs.history(desk, **MAIN, phone=ANN)] == ["Stop!", "STOP!!"]
    assert await events(desk) == ["opt_out.added"]


async def test_counting_a_confirmation_counts_for_that_person_only(desk):
    await stop(desk, ANN)
    await stop(desk, BOB)
    await count(desk, BOB)
    await count(desk, BOB)
    assert {key[1]: one.confirmations for key, one in (await standing(desk, ANN, BOB)).items()} == {ANN: 0, BOB: 2}


async def test_a_persons_own_stop_takes_over_what_staff_put_there(desk):
    await opt_outs.add(desk, **MAIN, phone=ANN, now=NOW, **BY_STAFF)
    await stop(desk, at=NOW + 5)
    assert await opt_outs.get(desk, **MAIN, phone=ANN) == opt_outs.OptOut(
        "main", ANN, "Default", NOW, True, "keyword STOP", 0
    )
    await opt_outs.add(desk, **MAIN, phone=ANN, now=NOW, **BY_STAFF)
    assert (await opt_outs.get(desk, **MAIN, phone=ANN)).by_end_user


async def test_start_lifts_once_and_is_recorded_each_time(desk):
    await stop(desk)
    assert await start(desk, at=NOW + 1)
    assert not await start(desk, at=NOW + 2)
    assert await standing(desk, ANN) == {}
    acts = await opt_outs.history(desk, **MAIN, phone=ANN)
    assert [(act.action, act.at, act.actor) for act in acts] == [
        ("OPT_OUT", NOW, "person"), ("OPT_IN", NOW + 1, "person"), ("OPT_IN", NOW + 2, "person")
    ]  # fmt: skip
    assert await events(desk) == ["opt_out.added", "opt_out.lifted"]


async def test_nothing_is_kept_when_the_transaction_around_it_fails(desk):
    async def work(tx):
        await opt_outs.add_in(
            tx, **MAIN, phone=ANN, list_name="Default", at=NOW, by_end_user=True, actor="person", how="keyword STOP"
        )
        raise Conflict("changed_my_mind", "No.")

    with pytest.raises(Conflict):
        await desk.store.write(work)
    assert await standing(desk, ANN) == {}
    assert await opt_outs.history(desk, **MAIN, phone=ANN) == ()
    assert await events(desk) == []


async def test_standing_of_nobody_asks_nothing(desk):
    await stop(desk)
    assert await standing(desk) == {}


@pytest.mark.parametrize("hot", [opt_outs.STANDING, REVIEWS])
async def test_the_hot_lookup_uses_an_index_on_account_and_phone(desk, hot):
    if not desk.store.sqlite:
        pytest.skip("tests/gateway/test_plans.py has PostgreSQL's plans")
    async with desk.store.reading() as conn:
        plan = [
            row[3] for row in await conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {hot.compile(conn.dialect)}", ("[]",))
        ]
    assert any("account_id=? AND phone=?" in step for step in plan), plan


@pytest.mark.parametrize("written", ["+14255550100", "+1 (425) 555-0100", " +1.425.555.0100"])
async def test_staff_add_a_number_in_any_international_spelling(desk, written):
    one, new = await opt_outs.add(desk, **MAIN, phone=written, reason="asked by phone", now=NOW, **BY_STAFF)
    assert (one.phone, one.by_end_user, new) == (ANN, False, True)
    again, new = await opt_outs.add(desk, **MAIN, phone=ANN, now=NOW + 9, **BY_STAFF)
    assert (again, new) == (one, False)
    act = (await opt_outs.history(desk, **MAIN, phone=ANN))[0]
    assert (act.action, act.actor, act.how, act.reason) == ("OPT_OUT", "staff:alice", "console", "asked by phone")


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"phone": "4255550100"}, "number_without_country_code", "phone"),
        ({"phone": "+1\x00425"}, "number_has_other_characters", "phone"),
        ({"phone": ""}, "number_missing", "phone"),
        ({"list_name": "Nope"}, "opt_out_list_not_found", "list"),
        ({"list_name": "\x00"}, "opt_out_list_not_found", "list"),
        ({"reason": "x" * 501}, "too_long", "reason"),
        ({"reason": "x\x00"}, "bad_characters", "reason"),
        ({"reason": "\ud800"}, "bad_characters", "reason"),
    ],
)
async def test_what_cannot_be_added(desk, change, code, field):
    with pytest.raises((Invalid, NotFound)) as caught:
        await opt_outs.add(desk, **MAIN, **{"phone": ANN, "now": NOW} | BY_STAFF | change)
    assert (caught.value.code, caught.value.field) == (code, field)
    assert (await opt_outs.find(desk, **MAIN)).items == ()


@pytest.mark.parametrize("reason", ["", "   ", "\n"])
async def test_staff_lift_only_with_a_reason(desk, reason):
    await stop(desk)
    with pytest.raises(Invalid) as caught:
        await opt_outs.lift(desk, **MAIN, phone=ANN, reason=reason, now=NOW, **BY_STAFF)
    assert (caught.value.code, caught.value.field) == ("missing", "reason")
    assert await standing(desk, ANN)


async def test_staff_lift_with_a_reason_on_record(desk):
    await stop(desk)
    await opt_outs.lift(desk, **MAIN, phone="+1 425-555-0100", reason="wrote us a letter", now=NOW, **BY_STAFF)
    assert await standing(desk, ANN) == {}
    assert (await opt_outs.history(desk, **MAIN, phone=ANN))[-1].reason == "wrote us a letter"


async def test_lifting_what_does_not_stand_is_told_and_leaves_no_record(desk):
    with pytest.raises(NotFound) as caught:
        await opt_outs.lift(desk, **MAIN, phone=ANN, reason="because", now=NOW, **BY_STAFF)
    assert caught.value.code == "not_opted_out"
    assert await opt_outs.history(desk, **MAIN, phone=ANN) == ()
    with pytest.raises(NotFound):
        await opt_outs.get(desk, **MAIN, phone=ANN)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {ANN, BOB, EVE}),
        ("+14255550100", {ANN}),
        ("+1 (425) 555-0100", {ANN}),
        ("14255550100", {ANN}),
        ("0014255550100", {ANN}),
        ("(425) 555-0100", {ANN}),
        ("020 7946 0000", {EVE}),
        ("+1425", {ANN, BOB}),
        ("1425", {ANN, BOB}),
        ("+44", {EVE}),
        ("１４２５５５５０１０１", {BOB}),
        ("+4", {EVE}),
        ("99999", set()),
        ("nobody", set()),
        ("%", set()),
        ("\x00", set()),
        ("\ud800", set()),
    ],
)
async def test_search_takes_a_number_in_any_format_or_its_first_digits(desk, query, found):
    for phone in (ANN, BOB, EVE):
        await stop(desk, phone)
    assert {one.phone for one in (await opt_outs.find(desk, **MAIN, query=query)).items} == found


async def test_search_keeps_to_the_account_and_the_list(desk):
    await accounts.create(desk, account_id="other", name="Other", now=NOW)
    await opt_out_lists.create(desk, **MAIN, name="News", now=NOW)
    await stop(desk, ANN)
    await stop(desk, BOB, list_name="News")
    assert [one.phone for one in (await opt_outs.find(desk, **MAIN, list_name="News")).items] == [BOB]
    assert (await opt_outs.find(desk, **MAIN, list_name="\x00")).items == ()
    assert (await opt_outs.find(desk, account_id="other")).items == ()
    assert await opt_outs.history(desk, account_id="other", phone=ANN) == ()


async def test_pages_follow_each_other_without_gap_or_repeat(desk):
    await opt_out_lists.create(desk, **MAIN, name="News", now=NOW)
    for phone in (ANN, BOB, EVE):
        await stop(desk, phone)
        await stop(desk, phone, list_name="News")
    seen, after = [], ""
    while True:
        page = await opt_outs.find(desk, **MAIN, limit=2, after=after)
        seen += [(one.phone, one.list_name) for one in page.items]
        if not (after := page.next):
            break
    assert len(seen) == 6
    assert set(seen) == {(phone, name) for phone in (ANN, BOB, EVE) for name in ("Default", "News")}


@pytest.mark.parametrize(
    ("given", "field"),
    [({"limit": 0}, "limit"), ({"limit": 1001}, "limit"), ({"after": "x"}, "after"), ({"after": "\x00 x"}, "after")],
)
async def test_a_page_beyond_bounds_is_refused(desk, given, field):
    with pytest.raises(Invalid) as caught:
        await opt_outs.find(desk, **MAIN, **given)
    assert caught.value.field == field


async def test_opt_outs_survive_the_number_they_were_sent_to(desk):
    number = await phone_numbers.create(desk, **MAIN, number="+12065550199", kind="LONG_CODE", country="US", now=NOW)
    await stop(desk)
    await phone_numbers.delete(desk, **MAIN, phone_number_id=number.id)
    assert await standing(desk, ANN)


async def test_the_number_itself_is_the_key_of_the_table(desk):
    await stop(desk)
    async with desk.store.reading() as conn:
        assert (await conn.execute(select(table.c.account_id, table.c.phone, table.c.list_name))).one() == (
            "main",
            ANN,
            "Default",
        )
        assert (await conn.execute(text("SELECT count(*) FROM consent_log"))).scalar_one() == 1


# Import and export


async def test_what_is_exported_is_imported_again(desk):
    await stop(desk, ANN, at=NOW - 7)
    await opt_outs.add(desk, **MAIN, phone=EVE, actor="key:1", how='API, "quoted"', now=NOW)
    file = io.StringIO()
    writer = csv.DictWriter(file, opt_outs.COLUMNS)
    writer.writeheader()
    async for row in opt_outs.export_rows(desk, **MAIN):
        writer.writerow(row)
    await accounts.create(desk, account_id="other", name="Other", now=NOW)
    file.seek(0)
    result = await opt_outs.import_rows(desk, csv.DictReader(file), account_id="other", actor="cli", now=NOW)
    assert result == opt_outs.ImportResult(2, 0, ())
    copies = (await opt_outs.find(desk, account_id="other")).items
    originals = (await opt_outs.find(desk, **MAIN)).items
    assert copies == tuple(replace(one, account_id="other", by_end_user=False) for one in originals)


ROWS = (
    {"phone": ANN, "list": "Default", "opted_out_at": "2024-02-29T12:00:00Z", "how": "old system"},
    {"phone": BOB},
    {"phone": "+1 425 555 0101", "list": "", "opted_out_at": "", "how": None},
    {"phone": "12345"},
    {"phone": EVE, "list": "Nope"},
    {"phone": EVE, "opted_out_at": "yesterday"},
    {"phone": EVE, "opted_out_at": iso(NOW + 1)},
    {"phone": EVE, "opted_out_at": "0001-01-01"},
    {"phone": EVE, "how": "x\x00"},
    {},
)


@pytest.mark.parametrize("dry_run", [True, False])
async def test_import_adds_what_can_be_read_and_tells_the_rest_by_line(desk, dry_run):
    await stop(desk, ANN)
    result = await opt_outs.import_rows(desk, ROWS, **MAIN, actor="staff:alice", now=NOW, dry_run=dry_run)
    assert (result.added, result.already) == (1, 2)
    assert [line for line, _why in result.rejected] == [5, 6, 7, 8, 9, 10, 11]
    assert not any(digits in why for _line, why in result.rejected for digits in ("12345", EVE))
    assert set(await standing(desk, BOB)) == (set() if dry_run else {("main", BOB, "Default")})


async def test_import_keeps_when_the_person_opted_out_and_when_that_was_recorded(desk):
    await opt_outs.import_rows(desk, ROWS[:1], **MAIN, actor="cli", now=NOW)
    one = (await standing(desk, ANN))["main", ANN, "Default"]
    assert (iso(one.opted_out_at), one.how) == ("2024-02-29T12:00:00.000000Z", "old system")
    act = (await opt_outs.history(desk, **MAIN, phone=ANN))[0]
    assert act.at == NOW
    assert "2024-02-29" in act.reason


async def test_import_never_lifts(desk):
    await stop(desk)
    await opt_outs.import_rows(desk, [{"phone": BOB, "how": "OPT_IN"}], **MAIN, actor="cli", now=NOW)
    assert {key[1] for key in await standing(desk, ANN, BOB)} == {ANN, BOB}


async def test_import_of_many_chunks(desk):
    phones = [f"+1425{5550000 + n}" for n in range(1201)]
    rows = [{"phone": phone} for phone in phones + phones[:10]]
    assert await opt_outs.import_rows(desk, rows, **MAIN, actor="cli", now=NOW, dry_run=True) == opt_outs.ImportResult(
        1201, 10, ()
    )
    assert await opt_outs.import_rows(desk, rows, **MAIN, actor="cli", now=NOW) == opt_outs.ImportResult(1201, 10, ())
    assert len([row async for row in opt_outs.export_rows(desk, **MAIN)]) == 1201
