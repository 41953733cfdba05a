"""The OpenAPI document says all there is, and no more."""

from __future__ import annotations

import re

import orjson
import pytest

from gateway.api.rest.pages import document
from gateway.api.rest.table import ENDPOINTS

DOCUMENT = orjson.loads(document())
OPERATIONS = [(endpoint, DOCUMENT["paths"][endpoint.path][endpoint.method.lower()]) for endpoint in ENDPOINTS]
IDS = [f"{endpoint.method} {endpoint.path}" for endpoint in ENDPOINTS]


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def test_every_endpoint_is_there_and_nothing_else():
    shown = {(method.upper(), path) for path, item in DOCUMENT["paths"].items() for method in item}
    assert shown == {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}
    assert len(shown) == len(ENDPOINTS)


def test_every_reference_leads_somewhere_and_every_schema_is_used():
    used = {one.rpartition("/")[2] for one in references(DOCUMENT)}
    assert used == set(DOCUMENT["components"]["schemas"])


def test_operation_ids_are_different():
    ids = [operation["operationId"] for _endpoint, operation in OPERATIONS]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(("endpoint", "operation"), OPERATIONS, ids=IDS)
def test_an_operation_tells_its_parameters_scope_and_answers(endpoint, operation):
    named = {(one["in"], one["name"]) for one in operation["parameters"]}
    assert {name for place, name in named if place == "path"} == set(re.findall(r"\{(\w+)\}", endpoint.path))
    fields = endpoint.query.model_fields
    assert {name for place, name in named if place == "query"} == {one.alias or name for name, one in fields.items()}
    assert {name for place, name in named if place == "header"} == set(endpoint.headers)
    assert all(one["description"] for one in operation["parameters"])
    assert endpoint.scope in operation["description"]
    assert {int(status) for status in operation["responses"]} == {
        endpoint.status,
        *endpoint.also,
        *endpoint.problem_statuses,
    }
    assert ("requestBody" in operation) == (endpoint.body is not None)


@pytest.mark.parametrize("endpoint", [one for one in ENDPOINTS if one.body], ids=lambda one: f"{one.method} {one.path}")
def test_every_field_of_a_body_is_described(endpoint):
    schema = endpoint.body.model_json_schema()
    for name, model in {"": schema, **schema.get("$defs", {})}.items():
        for field, one in model.get("properties", {}).items():
            assert one.get("description"), f"{name}.{field}"
        if model.get("type") == "object":
            assert model["additionalProperties"] is False
