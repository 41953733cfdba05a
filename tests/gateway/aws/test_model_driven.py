"""Every operation of the service, through real boto3, with inputs made up from the model.

An answer must be one that boto3's own parser takes whole, with all its required members; an error one that the
operation declares, with a Reason of the enum.
"""

from __future__ import annotations

import asyncio
import random
import re
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from gateway.api.aws import model
from gateway.api.aws.operations import handlers
from tests.support.aws_inputs import Inputs

if TYPE_CHECKING:
    from tests.support.aws import Aws

ROUNDS = 6
_FIRST = ("Request", "Create", "Put", "Set", "Associate", "Submit", "Update", "Send")  # so that others find something


def test_every_operation_is_offered() -> None:
    assert set(handlers()) == model.operations()


@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", [1, 2])
async def test_every_answer_is_as_the_model_says(aws: Aws, seed: int) -> None:
    rng = random.Random(seed)
    inputs, told = Inputs(rng), Told(aws)
    await aws.new_number("+12065550101")
    succeeded: set[str] = set()
    for at in range(ROUNDS):
        for name in ordered(rng):
            given = inputs.of(model.operation(name).input_shape, 1.0 if at % 3 == 2 else 0.3)
            if (answer := await told.call(name, given)) is not None:
                succeeded.add(name)
                inputs.remember(answer)
    assert told.faults == []
    assert len(succeeded) > len(handlers()) // 2, sorted(set(handlers()) - succeeded)


@pytest.mark.timeout(240)
async def test_lists_page_one_by_one(aws: Aws) -> None:
    """botocore's own paginators see at MaxResults=1 what one page of a hundred has."""
    rng = random.Random(3)
    inputs, told = Inputs(rng), Told(aws)
    for _ in range(3):
        for name in ordered(rng):
            if name.startswith(("Request", "Create", "Put")):
                inputs.remember(await told.call(name, inputs.of(model.operation(name).input_shape, 0.3)))
    paged = 0
    for name in sorted(handlers()):
        if not aws.client().can_paginate(xform_name(name)):
            continue
        given = inputs.of(model.operation(name).input_shape, 0.0)
        whole = await told.call(name, given)
        if whole is None:
            continue
        pages = await aws.pages(xform_name(name), **given)
        result = aws.client().get_paginator(xform_name(name)).result_keys[0].expression
        found = [one for page in pages for one in page.get(result, [])]
        assert all(len(page.get(result, [])) <= 1 for page in pages), name
        assert found == whole[result], name
        paged += len(found) > 1
    assert paged >= 4


def ordered(rng: random.Random) -> list[str]:
    names = sorted(handlers())
    rng.shuffle(names)
    making = [name for name in names if name.startswith(_FIRST)]
    others = [name for name in names if name not in set(making)]
    gone = [name for name in others if name.startswith(("Delete", "Release", "Discard", "Disassociate", "Untag"))]
    return [*making, *(name for name in others if name not in set(gone)), *gone]


class Told:
    """Calls operations and looks at all that came back."""

    def __init__(self, aws: Aws) -> None:
        self.client, self.faults, self.octets = aws.client(), [], b""  # type: ignore[var-annotated]
        self.client.meta.events.register_first("response-received.*.*", self._received)

    def _received(self, response_dict: dict[str, Any], **_: object) -> None:
        self.octets = response_dict["body"]

    async def call(self, name: str, given: dict[str, Any]) -> dict[str, Any] | None:
        """The parsed answer; None for an error. What is wrong with either is added to ``faults``."""
        operation = model.operation(name)
        try:
            answer = await asyncio.to_thread(getattr(self.client, xform_name(name)), **given)
        except ClientError as error:
            self.faults += [f"{name}({given}): {one}" for one in wrong_error(operation, error.response)]
            return None
        del answer["ResponseMetadata"]
        raw = orjson.loads(self.octets)
        found = [*wrong_answer(operation.output_shape, raw, name), *lost(raw, answer, name)]
        self.faults += [f"{one} for {given}" for one in found]
        return answer


def wrong_error(operation: Any, response: dict[str, Any]) -> list[str]:
    code, status = response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]
    declared = {shape.name: shape for shape in operation.error_shapes}
    if code not in declared or code == "InternalServerException":
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
