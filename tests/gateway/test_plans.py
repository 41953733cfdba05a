"""PostgreSQL finds what hot statements name by its keys, also in tables that were made a moment ago."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

import pytest

from gateway.receipts import FIND, OF_PARTS, PART
from gateway.resources.messages import MOVE
from gateway.resources.reviews import STANDING as REVIEWS
from gateway.resources.standing import STANDING as OPT_OUTS
from gateway.store.engine import open_writer

if TYPE_CHECKING:
    from gateway.store.hot import Hot

BY_KEY = (MOVE, PART, FIND, OF_PARTS, OPT_OUTS, REVIEWS)
SCAN = re.compile(r"-> +[\w ]*Scan(?: using \S+)? on (?:messages|parts|opt_outs|reviews)")
CONDITION = re.compile(
    r"(?:Index|Recheck) Cond: \(+(?:id|message_id|carrier_key) = |Index Cond: \(\(account_id = .* AND \(phone = "
)


@pytest.mark.parametrize("hot", BY_KEY, ids=lambda hot: hot.name)
async def test_rows_are_found_by_their_keys(postgres_url: str, hot: Hot) -> None:
    engine = open_writer(postgres_url)
    async with engine.connect() as connection:
        await connection.exec_driver_sql("SET plan_cache_mode = force_generic_plan")  # the one that is kept
        sql = hot.compile(connection.dialect)
        await connection.exec_driver_sql(f"PREPARE hot AS {sql}")
        nothing = ", ".join("NULL" for _ in set(re.findall(r"\$\d+", sql)))
        plan = [row[0] for row in await connection.exec_driver_sql(f"EXPLAIN EXECUTE hot ({nothing})")]
    await engine.dispose()
    conditions = [after for line, after in itertools.pairwise(plan) if SCAN.search(line)]
    assert conditions
    assert all(CONDITION.search(one) for one in conditions), "\n".join(plan)
