"""Ten thousand receipts, each twice, in any order, many before the answer, their ids in the other base."""

from __future__ import annotations

from collections import Counter

import pytest

from carriers.simulator.faults import Faults
from carriers.simulator.numbers import aws_numbers
from tests.support.service import FINALS, eventually

pytestmark = [pytest.mark.xdist_group("acceptance"), pytest.mark.timeout(300)]

MESSAGES = 10_000
FAILING = 400  # of them
STORM = Faults(
    receipt_delay=0.05, reorder=3.0, duplicate=1.0, receipt_before_answer=0.3, hex_receipt_ids=True, seed=20261122
)


def texts() -> list[tuple[str, str]]:
    """Every 25th goes to a number whose texts always fail; no number gets more than the account's limit allows."""
    failures = [pair.failure for pair in aws_numbers().values()]
    every = MESSAGES // FAILING
    return [
        (failures[n // every % len(failures)] if n % every == 0 else f"+1206{2_000_000 + n}", f"ref{n:05d}")
        for n in range(MESSAGES)
    ]


async def test_every_message_ends_where_it_should_and_once(served, carrier):
    carrier.faults = STORM
    await served.connect(carrier.port, window=200)
    await served.until_linked()
    sent = texts()
    ids = await served.send_all(sent)
    fails = {one for one, (to, _) in zip(ids, sent, strict=True) if not to.startswith("+1206")}
    assert len(fails) == FAILING

    async def receipts() -> bool:
        """Whether each receipt has come twice: late copies are what might end a message a second time."""
        async with served.http.get(f"{served.url}/metrics") as response:
            lines = (await response.text()).splitlines()
        counts = [line for line in lines if line.startswith('heliograph_receipts_total{connector="carrier"')]
        return sum(float(line.rpartition(" ")[2]) for line in counts) >= 2 * MESSAGES

    await eventually(receipts, seconds=200, what="all receipts", every=0.5)
    finals = await eventually(lambda: _all_final(served), seconds=60, what="an end for every message", every=0.5)
    assert carrier.submits == MESSAGES

    ends = Counter(event["data"]["message_id"] for event in finals)
    assert ends.keys() == set(ids)
    assert max(ends.values()) == 1, ends.most_common(3)
    wrong = [
        (event["type"], event["data"]["message_id"])
        for event in finals
        if (event["type"] == "message.undelivered") != (event["data"]["message_id"] in fails)
    ]
    assert not wrong
    assert {event["type"] for event in finals} == {"message.delivered", "message.undelivered"}
    await served.until_idle()


async def _all_final(served):
    found = await served.events(*FINALS)
    return found if len({event["data"]["message_id"] for event in found}) >= MESSAGES else None
