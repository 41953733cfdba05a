"""Problems of every kind, whatever path they come from; health; the packaged page."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.api import add_api
from gateway.api.health import PROBE
from gateway.api.problems import PROBLEM_JSON, path_of
from gateway.errors import TooMany
from gateway.services import SERVICES
from tests.support.api import PERSON

SEND = {"to": PERSON, "body": "Hello"}
MEMBERS = {"type", "title", "status", "detail", "code", "field", "remedy"}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "path_not_found"),
        ("GET", "/v1", 404, "path_not_found"),
        ("GET", "/v1/", 404, "path_not_found"),
        ("GET", "/v1/messages/", 404, "path_not_found"),
        ("GET", "/docs/nothing.js", 404, "path_not_found"),
        ("PUT", "/v1/messages", 405, "method_not_allowed"),
        ("HEAD", "/v1/messages", 405, None),
        ("POST", "/healthz", 405, "method_not_allowed"),
        ("DELETE", "/openapi.json", 405, "method_not_allowed"),
    ],
)
async def test_an_unknown_path_or_method_is_a_problem(bench, method, path, status, code):
    answer = await bench.call(method, path)
    assert (answer.status, answer.headers["Content-Type"]) == (status, PROBLEM_JSON)
    if code:
        assert set(answer.json) >= MEMBERS
        assert answer.json["code"] == code
    if status == 405:
        assert answer.headers["Allow"]


async def test_paths_of_others_are_left_alone(bench):
    answer = await bench.call("GET", "/console/nothing")
    assert (answer.status, answer.headers["Content-Type"]) == (404, "text/plain; charset=utf-8")


async def faulty(bench, error):
    """The same application with an ``outbound`` that fails so."""

    class Outbound:
        async def accept_all(self, _order):
            raise error

    app = web.Application()
    app[SERVICES] = replace(bench.services, outbound=Outbound())
    add_api(app)
    client = TestClient(TestServer(app))
    await client.start_server()
    headers = {"Authorization": f"Bearer {bench.keys['all']}"}
    try:
        async with client.post("/v1/messages", json=SEND, headers=headers) as response:
            return response.status, response.headers, await response.json(content_type=PROBLEM_JSON)
    finally:
        await client.close()


async def test_what_nobody_foresaw_is_a_500_that_tells_nothing_of_itself(bench, capsys):
    status, _headers, document = await faulty(bench, RuntimeError("the secret inside"))
    assert (status, document["code"]) == (500, "internal_error")
    assert "secret" not in str(document)
    assert "RuntimeError" not in str(document)
    assert "api.error" in "".join(capsys.readouterr())


async def test_too_many_says_when_to_come_back(bench):
    status, headers, document = await faulty(bench, TooMany("slow_down", "Slow down.", retry_after=2.1))
    assert (status, headers["Retry-After"], document["code"]) == (429, "3", "slow_down")


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ((), ""),
        (("to",), "to"),
        (("messages", 3, "to"), "messages[3].to"),
        (("context", "k", "[key]"), "context.k"),
        (("\ud800",), "?"),
        (("x" * 500,), "x" * 200),
    ],
)
def test_a_location_is_written_as_a_path(location, path):
    assert path_of(location) == path


async def test_health_tells_the_process_is_alive_and_readiness_that_it_can_store(bench):
    assert (await bench.call("GET", "/healthz", key="")).json == {"status": "ok"}
    assert (await bench.call("HEAD", "/healthz", key="")).status == 200
    ready = await bench.call("GET", "/readyz", key="")
    assert ready.json == {"status": "ready", "links": {"up": 1, "down": 0}}


async def test_readiness_goes_and_comes_with_the_store_and_asks_it_once_a_second(bench, monkeypatch):
    clock, tries = [0], []
    writer = bench.services.desk.store.writer

    async def full(_pieces):
        tries.append(clock[0])
        raise OSError(28, "No space left on device")

    app = web.Application()
    app[SERVICES] = replace(bench.services, now=lambda: clock[0])
    add_api(app)
    store = bench.services.desk.store
    monkeypatch.setattr(writer, "_together", full)
    for clock[0] in (0, 500_000, 1_000_000, 1_999_999):
        assert await app[PROBE].trouble(store, clock[0]) == "The database cannot be written."
    assert tries == [0, 1_000_000]
    monkeypatch.undo()
    assert await app[PROBE].trouble(store, 2_000_000) == ""


async def test_an_unready_instance_answers_503_with_a_problem(bench, monkeypatch):
    async def full(_pieces):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bench.services.desk.store.writer, "_together", full)
    answer = await bench.call("GET", "/readyz", key="")
    assert (answer.status, answer.json["code"]) == (503, "not_ready")
    assert answer.headers["Retry-After"]


async def test_metrics_show_links_queue_and_destinations(bench):
    await bench.call("POST", "/v1/messages", SEND)
    made = await bench.call(
        "POST", "/v1/event-destinations", {"kind": "file", "target": "x.jsonl", "types": ["inbound.received"]}
    )
    text = (await bench.call("GET", "/metrics", key="")).octets.decode()
    for line in (
        'heliograph_connector_up{connector="c1"} 1.0', 'heliograph_link_window{connector="c1",link="0"} 10.0',
        'heliograph_messages_live{status="QUEUED"} 1.0', f'heliograph_event_lag{{destination="{made.json["id"]}"}}',
        "heliograph_accept_to_submit_seconds_bucket", 'heliograph_messages_accepted_total{status="QUEUED"} 1.0',
    ):  # fmt: skip
        assert line in text, line
    assert float(re.search(r"^heliograph_queue_age_seconds (\S+)", text, re.MULTILINE)[1]) >= 0


async def test_a_connector_that_is_gone_is_not_measured(bench):
    await bench.call("GET", "/metrics", key="")
    bench.links.shown.clear()
    assert 'connector="c1"' not in (await bench.call("GET", "/metrics", key="")).octets.decode()


async def test_the_page_comes_from_the_package_alone(bench):
    page = await bench.call("GET", "/docs", key="")
    html = page.octets.decode()
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    links = re.findall(r'(?:src|href)="([^"#]+)"', html)
    assert links
    for link in links:
        assert (await bench.call("GET", link, key="")).status == 200, link
    assert not re.search(r"<style|<script>| on\w+=|style=", html)
    script = (await bench.call("GET", "/docs/docs.js", key="")).octets.decode()
    assert "innerHTML" not in script
    assert not re.search(r"https?://", script + html)
