"""A message that one process tells another of is the same message there."""

from __future__ import annotations

import orjson
import pytest

from gateway.model import Dispatch
from gateway.queue.local import _plain
from gateway.worker.hints import read_hint

MESSAGE = Dispatch(
    id="01", account_id="main", destination="+447700900123", sender="12345", identity_id="phone-1", body="Hi \u20ac",
    parts=2, message_type="TRANSACTIONAL", purpose="message", opt_out_list="Default", connectors=("a", "b"),
    created_at=1, expires_at=2, attempts=3, on_unknown="resend_once", self_managed=True, rate=1.5,
    possible_duplicate=True, country="GB", sent_parts=frozenset({1}), context={"order": "7"},
)  # fmt: skip


@pytest.mark.parametrize("message", [MESSAGE, MESSAGE._replace(rate=None, sent_parts=frozenset(), context={})])
def test_it_is_the_same_message(message: Dispatch) -> None:
    told = read_hint(orjson.loads(orjson.dumps([message], default=_plain))[0])
    assert told == message
    assert told is not None
    assert (type(told.connectors), type(told.sent_parts)) == (tuple, frozenset)


@pytest.mark.parametrize("values", [[], list(MESSAGE)[:-1], [*MESSAGE, "new"]], ids=["none", "older", "newer"])
def test_the_fields_of_another_release_are_left_alone(values: list[object]) -> None:
    assert read_hint(values) is None
