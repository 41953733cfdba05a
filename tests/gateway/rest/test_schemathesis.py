"""Schemathesis against a live server: what the OpenAPI document promises is what happens.

The stream is left out: it has no end. The rest is called with what the document allows and with what it does not.
"""

from __future__ import annotations

import asyncio
import threading

import orjson
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode, checks
from schemathesis.specs.openapi import checks as openapi_checks

from gateway.api.rest.pages import document
from gateway.api.rest.table import ENDPOINTS
from tests.support.api import serving

CHECKS = (
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.unsupported_method,
    openapi_checks.missing_required_header,
    openapi_checks.negative_data_rejection,
)


class LiveServer:
    """The API in a thread of its own; ``url`` and ``key`` are there once it is entered."""

    def __init__(self, folder):
        self._folder, self._up, self._stop = folder, threading.Event(), None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    async def _serve(self):
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with serving(self._folder) as bench:
            self.ids = {
                "phone-numbers": bench.numbers["number"],
                "sender-ids": bench.numbers["sender"],
                "connectors": "c1",
            }
            self.url, self.key = str(bench.client.make_url("")).rstrip("/"), bench.keys["all"]
            self._up.set()
            await self._stop.wait()

    def __enter__(self):
        self._thread.start()
        assert self._up.wait(60)
        return self

    def __exit__(self, *_error):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    with LiveServer(tmp_path_factory.mktemp("live")) as server:
        yield server


# Without its security: half of what it would try would be other Authorization headers, and test_access does that.
DOCUMENT = schemathesis.openapi.from_dict(
    {name: one for name, one in orjson.loads(document()).items() if name != "security"}
)
SHOWN = [one for one in ENDPOINTS if "stream" not in one.path]
# What takes neither body nor query can be asked nothing wrong.
TAKING = [one for one in SHOWN if one.body or one.query.model_fields]
CASES = [
    (one.method, one.path, mode)
    for mode, ones in ((GenerationMode.POSITIVE, SHOWN), (GenerationMode.NEGATIVE, TAKING))
    for one in ones
]


@pytest.mark.parametrize(
    ("method", "path", "mode"), CASES, ids=[f"{mode.value} {method} {path}" for method, path, mode in CASES]
)
def test_the_server_keeps_what_the_document_promises(live, method, path, mode):
    operation = DOCUMENT[path][method]

    @settings(max_examples=6, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def hold(case):
        if mode is GenerationMode.POSITIVE and "id" in (case.path_parameters or {}):
            case.path_parameters["id"] = live.ids.get(path.split("/")[2], case.path_parameters["id"])
        case.call_and_validate(
            base_url=live.url, headers={"Authorization": f"Bearer {live.key}"}, checks=CHECKS, timeout=30
        )

    hold()
