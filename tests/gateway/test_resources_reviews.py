from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.errors import Conflict, Invalid, NotFound
from gateway.resources import opt_outs, reviews
from tests.gateway.conftest import NOW
from tests.support.consent import ANN, BOB, MAIN, events, standing


async def doubt(desk, phone=ANN, words="please stop"):
    return await desk.store.write(
        lambda tx: reviews.open_in(
            tx,
            **MAIN,
            phone=phone,
            list_name="Default",
            inbound_id="in-9",
            words=words,
            why="reads like a STOP",
            at=NOW,
        )
    )


async def held(desk, *phones):
    return await desk.store.write(lambda tx: reviews.standing_in(tx, phones))


async def test_one_review_is_open_for_a_person_and_list(desk):
    assert await doubt(desk)
    assert not await doubt(desk, words="really stop")
    assert await held(desk, ANN, BOB) == {("main", ANN, "Default")}
    assert await held(desk) == set()
    assert [one.words for one in (await reviews.find(desk, **MAIN)).items] == ["please stop"]
    assert [act.words for act in await opt_outs.history(desk, **MAIN, phone=ANN)] == ["please stop", "really stop"]


@pytest.mark.parametrize(("outcome", "stands"), [("OPT_OUT", True), ("KEEP", False)])
async def test_closing_a_review(desk, outcome, stands):
    await doubt(desk)
    (review,) = (await reviews.find(desk, **MAIN)).items
    closed = await reviews.close(
        desk, **MAIN, review_id=review.id, outcome=outcome, actor="staff:alice", reason="read it", now=NOW + 1
    )
    assert closed == replace(review, closed_at=NOW + 1, outcome=outcome, actor="staff:alice")
    assert await held(desk, ANN) == set()
    assert bool(await standing(desk, ANN)) is stands
    acts = await opt_outs.history(desk, **MAIN, phone=ANN)
    assert [act.action for act in acts] == ["REVIEW_OPENED", "REVIEW_CLOSED", *["OPT_OUT"] * stands]
    assert {act.reason for act in acts[1:]} == {"read it"}
    assert {act.words for act in acts} == {"please stop"}
    assert await events(desk) == ["review.opened", "review.closed", *["opt_out.added"] * stands]
    assert (await reviews.find(desk, **MAIN)).items == ()
    assert (await reviews.find(desk, **MAIN, only_open=False)).items == (closed,)


async def test_a_review_is_closed_once_with_a_reason_by_its_own_account(desk):
    await doubt(desk)
    (review,) = (await reviews.find(desk, **MAIN)).items
    decision = {"review_id": review.id, "outcome": "KEEP", "actor": "staff:alice", "reason": "read it", "now": NOW}
    for change, error in (
        ({"reason": " "}, Invalid),
        ({"outcome": "MAYBE"}, Invalid),
        ({"review_id": "\x00"}, NotFound),
        ({"account_id": "other"}, NotFound),
    ):
        with pytest.raises(error):
            await reviews.close(desk, **MAIN | decision | change)
    await reviews.close(desk, **MAIN, **decision)
    with pytest.raises(Conflict) as caught:
        await reviews.close(desk, **MAIN, **decision)
    assert caught.value.code == "review_closed"
    assert await doubt(desk)  # a later text may open another
