"""The connectors as a process knows them."""

from __future__ import annotations

from typing import Any

import pytest

from carriers import registry
from gateway.worker.connections import Connections, Wanted


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ({}, []),
        ({"b": None, "a": None}, ["a", "b"]),
        ({"a": 10, "b": 300, "c": None, "d": 10}, ["c", "b", "a", "d"]),
    ],
)
async def test_the_busiest_come_first_as_far_as_is_known(rates: dict[str, float | None], expected: list[str]) -> None:
    sink: Any = None
    connections, kind = Connections(sink), registry.kinds()["smpp"].settings
    values = {"host": "smsc.example", "port": 2775, "system_id": "us", "password": "secret"}
    await connections.want(
        Wanted(name, "smpp", kind.model_validate(values | {"rate": rate}), name) for name, rate in rates.items()
    )
    assert connections.busiest_first() == expected
