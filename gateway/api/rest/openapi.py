"""The OpenAPI 3.1 document, made from the table of endpoints and the models they name.

https://spec.openapis.org/oas/v3.1.1
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

import orjson
from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema

from gateway.api.problems import PROBLEM_JSON

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.api.rest.endpoint import Endpoint

_REF = "#/components/schemas/{model}"
_PATH_PARAMETER = re.compile(r"\{(\w+)\}")
_SECURITY = "ApiKey"
_RETRY_AFTER = {429, 503}

PATH_PARAMETERS = {
    "id": "The resource's id.",
    "identity_id": "The id of a phone number or sender ID.",
    "name": "The list's name.",
    "number": "A phone number in the international form; write its plus as %2B.",
    "word": "The word, in any case.",
}

HEADERS = {
    "Idempotency-Key": {
        "description": "1 to 255 printable ASCII characters. For 24 hours the same key and body are answered as the "
        "first time (with Idempotent-Replayed: true), and the same key with another body is refused.",
        "schema": {
            "type": "string",
            "minLength": 1,
            "maxLength": 255,
            "pattern": r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$",
        },
        "example": "8e03978e-40d5-43e8-bc93-6894a57f9324",
    },
    "Last-Event-ID": {
        "description": "The number of the last event that was seen.",
        "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"},
    },
}


class ProblemField(BaseModel):
    """One field that is wrong."""

    code: str
    field: str
    detail: str
    remedy: str


class Problem(BaseModel):
    """What went wrong (RFC 9457). Some codes add members of their own."""

    type: str = Field(description="A URI that stands for the code.")
    title: str
    status: int
    detail: str = Field(description="One sentence for people.")
    code: str = Field(description="Stable, for programs.")
    field: str = Field(description='The field that is wrong, such as "messages[3].to", or empty.')
    remedy: str = Field(description="What to do, or empty.")
    errors: list[ProblemField] | None = Field(default=None, description="Every field that is wrong.", exclude=False)


def build(endpoints: Iterable[Endpoint], version: str) -> dict[str, Any]:
    """The whole document, as plain JSON values."""
    rows = tuple(endpoints)
    schemas, references = _schemas(rows)
    paths: dict[str, dict[str, Any]] = {}
    for row in rows:
        paths.setdefault(row.path, {})[row.method.lower()] = _operation(row, references)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Heliograph",
            "version": version,
            "description": "Send and receive texts through your own carriers. Errors are problem documents (RFC 9457).",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{_SECURITY: []}],
        "tags": [{"name": name} for name in dict.fromkeys(row.tag for row in rows)],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                _SECURITY: {"type": "http", "scheme": "bearer", "description": "An API key: hg_…"},
            },
        },
    }


def encode(document: dict[str, Any]) -> bytes:
    return orjson.dumps(document)


def _schemas(rows: Sequence[Endpoint]) -> tuple[dict[str, Any], dict[tuple[type[BaseModel], str], Any]]:
    """Component schemas, and the reference to each model's."""
    wanted: dict[tuple[type[BaseModel], Literal["validation", "serialization"]], None] = {
        (Problem, "serialization"): None
    }
    for row in rows:
        wanted |= {(row.query, "validation"): None}
        wanted |= {(model, "serialization"): None for model in (row.answer, *row.also.values()) if model}
        wanted |= {(model, "validation"): None for model in (row.body,) if model}
    references, definitions = models_json_schema(list(wanted), ref_template=_REF)
    queries = {row.query.__name__ for row in rows}  # shown as parameters, not as schemas
    return {name: one for name, one in definitions["$defs"].items() if name not in queries}, dict(references)  # type: ignore[arg-type]


def _operation(row: Endpoint, references: dict[tuple[type[BaseModel], str], Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _operation_id(row),
        "summary": row.summary,
        "tags": [row.tag],
        "description": f"{row.note} Needs the scope `{row.scope}`.".strip(),
        "parameters": [*_path_parameters(row), *_query_parameters(row), *_header_parameters(row)],
        "responses": _responses(row, references),
        "x-scope": row.scope,
    }
    if row.body:
        content = {"application/json": {"schema": references[row.body, "validation"]}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _operation_id(row: Endpoint) -> str:
    words = re.sub(r"[{}]", "", row.path.removeprefix("/v1/"))
    return "_".join([row.method.lower(), *re.split(r"[/\-]", words)])


def _path_parameters(row: Endpoint) -> list[dict[str, Any]]:
    return [
        {
            "name": name, "in": "path", "required": True, "description": PATH_PARAMETERS[name],
            "schema": {"type": "string", "minLength": 1},
        }
        for name in _PATH_PARAMETER.findall(row.path)
    ]  # fmt: skip


def _query_parameters(row: Endpoint) -> list[dict[str, Any]]:
    schema = row.query.model_json_schema(ref_template=_REF)
    return [
        {
            "name": name, "in": "query", "required": name in schema.get("required", []),
            "description": one.get("description", ""), "schema": _without_null(one),
        }
        for name, one in schema.get("properties", {}).items()
    ]  # fmt: skip


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query has no null: what may be null there may be left out."""
    kept = {name: value for name, value in schema.items() if name not in {"description", "title", "default"} or value}
    kept.pop("description", None)
    choices = [choice for choice in kept.pop("anyOf", []) if choice != {"type": "null"}]
    return {**kept, **choices[0]} if choices else kept


def _header_parameters(row: Endpoint) -> list[dict[str, Any]]:
    return [{"name": name, "in": "header", "required": False, **HEADERS[name]} for name in row.headers]


def _responses(row: Endpoint, references: dict[tuple[type[BaseModel], str], Any]) -> dict[str, Any]:
    good = {row.status: row.answer, **row.also}
    found = {str(status): _good(row, status, model, references) for status, model in sorted(good.items())}
    problem = references[Problem, "serialization"]
    for status in sorted(row.problem_statuses):
        found[str(status)] = {
            "description": HTTPStatus(status).phrase,
            "content": {PROBLEM_JSON: {"schema": problem}},
            **({"headers": _header("Retry-After", "Seconds.", "integer")} if status in _RETRY_AFTER else {}),
            **({"headers": _header("WWW-Authenticate", "Bearer.", "string")} if status in {401, 403} else {}),
        }
    return found


def _good(
    row: Endpoint, status: int, model: type[BaseModel] | None, references: dict[tuple[type[BaseModel], str], Any]
) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if model:
        answer["content"] = {row.media: {"schema": references[model, "serialization"]}}
    elif row.media != "application/json":
        answer["content"] = {row.media: {"schema": {"type": "string"}}}
    if status == HTTPStatus.CREATED:
        answer["headers"] = _header("Location", "Where it is.", "string")
    if "Idempotency-Key" in row.headers:
        answer["headers"] = _header("Idempotent-Replayed", "true when this is the answer of the first time.", "string")
    return answer


def _header(name: str, description: str, kind: str) -> dict[str, Any]:
    return {name: {"description": description, "schema": {"type": kind}}}
