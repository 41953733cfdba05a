"""What AWS's client makes of an answer, held against the model of the operation."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import orjson
from botocore import xform_name
from botocore.exceptions import ClientError


class Told:
    """Calls operations and looks at all that came back."""

    def __init__(self, client: Any) -> None:
        self.client, self.faults, self.octets = client, [], b""  # type: ignore[var-annotated]
        self.client.meta.events.register_first("response-received.*.*", self._received)

    def _received(self, response_dict: dict[str, Any], **_: object) -> None:
        self.octets = response_dict["body"]

    async def call(self, operation: Any, given: dict[str, Any]) -> dict[str, Any] | None:
        """The parsed answer; None for an error. What is wrong with either is added to ``faults``."""
        name = operation.name
        try:
            answer = await asyncio.to_thread(getattr(self.client, xform_name(name)), **given)
        except ClientError as error:
            self.faults += [f"{name}({given}): {one}" for one in wrong_error(operation, error.response)]
            return None
        del answer["ResponseMetadata"]
        raw = orjson.loads(self.octets)
        payload = operation.output_shape.serialization.get("payload")  # the whole body, where there is one
        whole = {payload: raw} if payload else raw
        found = [*wrong_answer(operation.output_shape, whole, name), *lost(whole, answer, name)]
        self.faults += [f"{one} for {given}" for one in found]
        return answer


def wrong_error(operation: Any, response: dict[str, Any]) -> list[str]:
    code, status = response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]
    # Three operations of pinpoint declare none: they are held to those of their service.
    declared = {shape.name: shape for shape in operation.error_shapes or operation.service_model.error_shapes}
    if code not in declared or code.startswith("Internal"):
        return [f"{status} {code}: {response['Error']['Message']}"]
    shape = declared[code]
    found = [] if response["Error"]["Message"] else [f"{code} says nothing"]
    for member in ("Reason", "ResourceType"):
        enum = shape.members[member].enum if member in shape.members else ()
        if member in response and response[member] not in enum:
            found.append(f"{code} has {member} {response[member]}")
    found += [
        f"{code} lacks {member}" for member in shape.required_members if member != "Message" and member not in response
    ]
    return found


def wrong_answer(shape: Any, value: Any, path: str) -> list[str]:
    """Members that the model has not, required ones that are missing, values of another type or enum."""
    if shape.type_name == "structure":
        found = [f"{path}.{name} is unknown" for name in value if name not in shape.members]
        found += [f"{path}.{name} is missing" for name in shape.required_members if name not in value]
        known = [name for name in value if name in shape.members]
        return found + [
            one for name in known for one in wrong_answer(shape.members[name], value[name], f"{path}.{name}")
        ]
    if shape.type_name == "list":
        return [one for entry in value for one in wrong_answer(shape.member, entry, f"{path}[]")]
    if shape.type_name == "map":
        return [one for entry in value.values() for one in wrong_answer(shape.value, entry, f"{path}{{}}")]
    return wrong_scalar(shape, value, path)


_TYPES = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "timestamp": (int, float),
    "double": (int, float),
    "blob": str,
}


def wrong_scalar(shape: Any, value: Any, path: str) -> list[str]:
    if not isinstance(value, _TYPES[shape.type_name]):
        return [f"{path} is a {type(value).__name__}"]
    if shape.type_name == "string" and shape.enum and value not in shape.enum:
        return [f"{path} is {value}, which its enum lacks"]
    pattern = shape.metadata.get("pattern") if shape.type_name == "string" else None
    return [f"{path} is {value!r}, not {pattern}"] if pattern and not re.fullmatch(pattern, value) else []


def lost(raw: Any, parsed: Any, path: str) -> list[str]:
    """What boto3's parser made nothing of."""
    if isinstance(raw, dict) and isinstance(parsed, dict):
        return [
            one
            for name, value in raw.items()
            for one in (lost(value, parsed[name], f"{path}.{name}") if name in parsed else [f"{path}.{name} was lost"])
        ]
    if isinstance(raw, list):
        return [one for both in zip(raw, parsed, strict=True) for one in lost(*both, f"{path}[]")]
    return [] if parsed is not None else [f"{path} was lost"]
