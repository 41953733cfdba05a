"""Every field of every endpoint, wrong in every way that its schema tells of: a 4xx that names it, and nothing stored.

The cases come from the models, so that a new field is tested without a new line here.
"""

from __future__ import annotations

import asyncio
import gzip
import json

import pytest

from gateway.api.rest.table import ENDPOINTS
from tests.support.api import PERSON, filled

SEND = {"to": PERSON, "body": "Hello"}

# A body that each endpoint takes, to be spoilt one field at a time.
TAKEN = {
    "POST /v1/messages": {**SEND, "from": "+12065550100", "context": {"order": "1"}},
    "POST /v1/messages/batch": {"messages": [SEND], "defaults": {"body": "x"}},
    "POST /v1/preview": {"body": "Hello"},
    "POST /v1/opt-outs": {"number": "+12065550177"},
    "POST /v1/opt-outs/lift": {"number": "+12065550177", "reason": "asked by letter"},
    "POST /v1/opt-out-lists": {"name": "Other"},
    "POST /v1/reviews/{id}/close": {"outcome": "KEEP", "reason": "meant the weather"},
    "POST /v1/phone-numbers": {"number": "+12065550188", "kind": "LONG_CODE"},
    "PATCH /v1/phone-numbers/{id}": {"active": False},
    "POST /v1/sender-ids": {"sender": "Shop"},
    "PATCH /v1/sender-ids/{id}": {"active": False},
    "POST /v1/pools": {"identity_id": "phone-0"},
    "PATCH /v1/pools/{id}": {"name": "pool"},
    "PUT /v1/phone-numbers/{id}/keywords/{word}": {"message": "Hello"},
    "PUT /v1/pools/{id}/keywords/{word}": {"message": "Hello"},
    "POST /v1/connectors": {"id": "c2", "kind": "smpp", "settings": {"host": "127.0.0.1", "port": 1, "system_id": "x"}},
    "PATCH /v1/connectors/{id}": {"enabled": False},
    "POST /v1/routes": {"connectors": ["c1"]},
    "PUT /v1/routes": {"route_ids": ["route-0"]},
    "PATCH /v1/routes/{id}": {"prefix": "+44"},
    "POST /v1/event-destinations": {"kind": "file", "target": "events.jsonl"},
    "PATCH /v1/event-destinations/{id}": {"enabled": False},
    "POST /v1/event-destinations/{id}/replay": {},
    "POST /v1/api-keys": {"name": "shop", "scopes": ["send"]},
    "PATCH /v1/account": {"name": "Main"},
}
WITH_BODY = [endpoint for endpoint in ENDPOINTS if endpoint.body]
WITH_QUERY = [endpoint for endpoint in ENDPOINTS if endpoint.query.model_fields and "stream" not in endpoint.path]
LONE_SURROGATE = "\ud800"
OF_TYPE = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}
SAMPLES = ("text", 5, 1.5, True, [], {}, None, ["text", {}], {"a": ["b"]})


def name_of(endpoint):
    return f"{endpoint.method} {endpoint.path}"


def resolved(schema, whole):
    while "$ref" in schema:
        schema = whole["$defs"][schema["$ref"].rpartition("/")[2]]
    return schema


def choices(schema, whole):
    """The plain schemas that a field may follow."""
    schema = resolved(schema, whole)
    return [resolved(one, whole) for one in schema["anyOf"]] if "anyOf" in schema else [schema]


def fits(value, schemas):
    """Whether the JSON type of a value is one that the field takes."""
    for schema in schemas:
        kinds = OF_TYPE.get(schema.get("type", ""), object)
        if isinstance(value, kinds) and not (isinstance(value, bool) and "boolean" not in schema.get("type", "")):
            return True
    return False


def wrong_values(schema, whole):
    schemas = choices(schema, whole)
    yield from (value for value in SAMPLES if not fits(value, schemas))
    for one in schemas:
        if one.get("type") == "string":
            yield from (LONE_SURROGATE, f"a{LONE_SURROGATE}b") if "enum" not in one else ()
            yield from ("nothing of the kind",) if "enum" in one else ()
            yield from ("\x00",) if "pattern" in one else ()
            yield from ("x" * (one["maxLength"] + 1),) if "maxLength" in one else ()
            yield from ("",) if one.get("minLength") else ()
        if one.get("type") == "integer":
            yield from (one["minimum"] - 1,) if "minimum" in one else ()
            yield from (one["maximum"] + 1, 10**30) if "maximum" in one else ()
        if one.get("type") == "array" and "maxItems" in one:
            yield ["x"] * (one["maxItems"] + 1)


def spoilt(endpoint):
    """(field, body) for everything that can be wrong with one field."""
    whole = endpoint.body.model_json_schema()
    taken = TAKEN[name_of(endpoint)]
    for field in whole.get("required", ()):
        yield field, {name: value for name, value in taken.items() if name != field}
    for field, schema in whole["properties"].items():
        yield from ((field, {**taken, field: value}) for value in wrong_values(schema, whole))
    yield "no_such_field", {**taken, "no_such_field": 1}


def named(document):
    return [document["field"], *(one["field"] for one in document.get("errors", ()))]


def check_problem(answer, field, sent):
    document = answer.json
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert set(document) >= {"type", "title", "status", "detail", "code", "field", "remedy"}
    assert document["status"] == answer.status
    assert any(one == field or one.startswith((f"{field}.", f"{field}[")) for one in named(document)), (sent, document)


def test_every_endpoint_with_a_body_has_its_sample():
    assert {name_of(endpoint) for endpoint in WITH_BODY} == set(TAKEN)


@pytest.mark.parametrize("endpoint", WITH_BODY, ids=name_of)
async def test_a_wrong_field_is_refused_by_name_and_nothing_is_stored(bench, endpoint):
    path, before = filled(endpoint.path, bench), await bench.counts()
    cases = list(spoilt(endpoint))
    assert len(cases) > 5
    for field, body in cases:
        answer = await bench.call(endpoint.method, path, raw=json.dumps(body).encode())
        assert answer.status == 422, (body, answer.octets)
        check_problem(answer, field, body)
    assert await bench.counts() == before


NO_OBJECTS = (
    (b"", 400), (b"{", 400), (b"\xff\xfe", 400), (b"[" * 100_000, 400), (b'{"a":NaN}', 400), (b"{'a':1}", 400),
    (b"[]", 422), (b"null", 422), (b'"text"', 422), (b"5", 422), (b'{"\\ud800":1}', 422), (b'{"a":"\\udfff"}', 422),
)  # fmt: skip


@pytest.mark.parametrize("endpoint", WITH_BODY, ids=name_of)
async def test_what_is_no_json_object_is_refused(bench, endpoint):
    before = await bench.counts()
    for raw, status in NO_OBJECTS:
        answer = await bench.call(endpoint.method, filled(endpoint.path, bench), raw=raw)
        assert answer.status == status, (raw[:20], answer.octets)
        assert answer.headers["Content-Type"] == "application/problem+json"
    assert await bench.counts() == before


@pytest.mark.parametrize("endpoint", WITH_QUERY, ids=name_of)
async def test_a_wrong_query_parameter_is_refused_by_name(bench, endpoint):
    path, whole = filled(endpoint.path, bench), endpoint.query.model_json_schema()
    for field, schema in whole["properties"].items():
        for value in wrong_queries(schema, whole):
            answer = await bench.call(
                endpoint.method,
                f"{path}?{field}={value}",
                SEND if endpoint.body else None,
            )
            assert answer.status == 422, (field, value, answer.octets)
            check_problem(answer, field, value)
    answer = await bench.call(endpoint.method, f"{path}?no_such=1", SEND if endpoint.body else None)
    check_problem(answer, "no_such", "")


def wrong_queries(schema, whole):
    for one in choices(schema, whole):
        if one.get("type") in {"integer", "boolean"}:
            yield from ("x", "1.5", "", "%00", "9" * 30)
        if one.get("type") == "integer":
            yield from (str(one["minimum"] - 1), str(one.get("maximum", 2**63) + 1))
        if one.get("format") == "date-time":
            yield from ("yesterday", "2026-13-01T00:00:00Z", "2026-01-01", "1700000000")
        if "enum" in one:
            yield "NOTHING"
        if "pattern" in one and "format" not in one:
            yield "%00"
        if "maxLength" in one:
            yield "x" * (one["maxLength"] + 1)


async def test_a_parameter_given_twice_is_refused(bench):
    answer = await bench.call("GET", "/v1/messages?limit=1&limit=2")
    assert (answer.status, answer.json["code"], answer.json["field"]) == (422, "given_twice", "limit")


HOSTILE = (
    "\u202e\u2066", "\u200b\u200d\ufeff", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "e\u0301" * 20, "\u0007\u001b[31m",
    "\uffff\ufffe", "\U000e0001", "'; DROP TABLE messages; --", "<script>alert(1)</script>", "../../etc/passwd", "%s%n{0}",
)  # fmt: skip


@pytest.mark.parametrize("endpoint", WITH_BODY, ids=name_of)
async def test_odd_but_valid_unicode_never_fails_the_server(bench, endpoint):
    whole, taken = endpoint.body.model_json_schema(), TAKEN[name_of(endpoint)]
    texts = [
        name for name, one in whole["properties"].items() if any(c.get("type") == "string" for c in choices(one, whole))
    ]
    for field in texts:
        for text in HOSTILE:
            answer = await bench.call(endpoint.method, filled(endpoint.path, bench), {**taken, field: text})
            assert answer.status < 500, (field, text, answer.octets)


@pytest.mark.parametrize("endpoint", [one for one in ENDPOINTS if "{" in one.path], ids=name_of)
async def test_odd_paths_never_fail_the_server(bench, endpoint):
    for part in ("%00", "%ff", "%ed%a0%80", "%E2%80%AE", "x" * 3000, "'", "%2F..%2F", "%0a", "+", "%2B"):
        path = endpoint.path
        for name in ("id", "identity_id", "name", "number", "word"):
            path = path.replace("{" + name + "}", part)
        answer = await bench.call(endpoint.method, path, TAKEN.get(name_of(endpoint)))
        assert answer.status in {200, 404, 409, 422}, (path, answer.octets)


async def test_a_huge_body_is_413_before_it_is_read(bench):
    answer = await bench.call("POST", "/v1/messages", raw=b'{"to":"' + b"x" * (4 * 1024 * 1024) + b'"}')
    assert (answer.status, answer.json["code"]) == (413, "body_too_large")


async def test_a_huge_body_without_a_length_is_413_too(bench):
    async def chunks():
        for _ in range(5):
            yield b"x" * 1024 * 1024

    headers = {"Authorization": f"Bearer {bench.keys['all']}", "Content-Type": "application/json"}
    async with bench.client.post("/v1/messages", data=chunks(), headers=headers) as response:
        assert response.status == 413
        assert (await response.json(content_type="application/problem+json"))["code"] == "body_too_large"


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/xml", ""]
)
async def test_another_content_type_is_415(bench, kind):
    answer = await bench.call("POST", "/v1/messages", SEND, headers={"Content-Type": kind})
    assert (answer.status, answer.json["field"]) == (415, "Content-Type")


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_body_that_is_not_encoded_as_it_says_is_400(bench, encoding):
    answer = await bench.call("POST", "/v1/messages", raw=b"no such thing", headers={"Content-Encoding": encoding})
    assert (answer.status, answer.json["code"], answer.json["field"]) == (400, "unreadable_body", "Content-Encoding")


async def test_a_small_body_that_unpacks_to_a_huge_one_is_413(bench):
    packed = gzip.compress(b" " * 50_000_000)
    answer = await bench.call("POST", "/v1/messages", raw=packed, headers={"Content-Encoding": "gzip"})
    assert (answer.status, answer.json["code"]) == (413, "body_too_large")


async def test_a_body_that_comes_piece_by_piece_is_read_whole(bench):
    async def pieces():
        for octet in json.dumps(SEND).encode():
            await asyncio.sleep(0)
            yield bytes([octet])

    headers = {"Authorization": f"Bearer {bench.keys['all']}", "Content-Type": "application/json"}
    async with bench.client.post("/v1/messages", data=pieces(), headers=headers) as response:
        assert (response.status, (await response.json())["to"]) == (202, PERSON)


async def test_a_body_that_was_packed_is_unpacked(bench):
    packed = gzip.compress(json.dumps({**SEND, "context": {"k": "x" * 800}}).encode())
    answer = await bench.call("POST", "/v1/messages", raw=packed, headers={"Content-Encoding": "gzip"})
    assert answer.status == 202


async def test_json_with_a_charset_is_json(bench):
    answer = await bench.call("POST", "/v1/messages", SEND, headers={"Content-Type": "application/json; charset=utf-8"})
    assert answer.status == 202
