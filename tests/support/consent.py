"""People who opt out and in, for tests of what is kept of it."""

from __future__ import annotations

from gateway.events import log
from gateway.resources import opt_outs
from tests.gateway.conftest import NOW

MAIN = {"account_id": "main"}
ANN, BOB, EVE = "+14255550100", "+14255550101", "+442079460000"
BY_STAFF = {"actor": "staff:alice", "how": "console"}


async def stop(desk, phone=ANN, *, at=NOW, list_name="Default", **more):
    given = {
        "by_end_user": True,
        "actor": "person",
        "how": "keyword STOP",
        "words": "Stop!",
        "inbound_id": "in-1",
    } | more
    return await desk.store.write(
        lambda tx: opt_outs.add_in(tx, **MAIN, phone=phone, list_name=list_name, at=at, **given)
    )


async def start(desk, phone=ANN, *, at=NOW, list_name="Default"):
    return await desk.store.write(
        lambda tx: opt_outs.lift_in(
            tx, **MAIN, phone=phone, list_name=list_name, at=at, actor="person", how="keyword START", words="start"
        )
    )


async def standing(desk, *phones):
    return await desk.store.write(lambda tx: opt_outs.standing_in(tx, phones))


async def count(desk, phone):
    key = [("main", phone, "Default")]
    await desk.store.write(lambda tx: tx.many(opt_outs.COUNT_CONFIRMATION, key))


async def events(desk, phone=ANN):
    return [event.type for event in await log.timeline(desk.store, phone)]
