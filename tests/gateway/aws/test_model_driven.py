"""Every operation of the service, through real boto3, with inputs made up from the model.

An answer must be one that boto3's own parser takes whole, with all its required members; an error one that the
operation declares, with a Reason of the enum.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from botocore import xform_name

from gateway.api.aws import model
from gateway.api.aws.operations import handlers
from tests.support.aws_answers import Told
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
    inputs, told = Inputs(rng), Told(aws.client())
    await aws.new_number("+12065550101")
    succeeded: set[str] = set()
    for at in range(ROUNDS):
        for name in ordered(rng):
            given = inputs.of(model.operation(name).input_shape, 1.0 if at % 3 == 2 else 0.3)
            if (answer := await told.call(model.operation(name), given)) is not None:
                succeeded.add(name)
                inputs.remember(answer)
    assert told.faults == []
    assert len(succeeded) > len(handlers()) // 2, sorted(set(handlers()) - succeeded)


@pytest.mark.timeout(240)
async def test_lists_page_one_by_one(aws: Aws) -> None:
    """botocore's own paginators see at MaxResults=1 what one page of a hundred has."""
    rng = random.Random(3)
    inputs, told = Inputs(rng), Told(aws.client())
    for _ in range(3):
        for name in ordered(rng):
            if name.startswith(("Request", "Create", "Put")):
                operation = model.operation(name)
                inputs.remember(await told.call(operation, inputs.of(operation.input_shape, 0.3)))
    paged = 0
    for name in sorted(handlers()):
        if not aws.client().can_paginate(xform_name(name)):
            continue
        given = inputs.of(model.operation(name).input_shape, 0.0)
        whole = await told.call(model.operation(name), given)
        if whole is None:
            continue
        pages = await aws.pages(xform_name(name), **given)
        result = aws.client().get_paginator(xform_name(name)).result_keys[0].expression
        found = [one for page in pages for one in page.get(result, [])]
        assert all(len(page.get(result, [])) <= 1 for page in pages), name
        assert found[:100] == whole[result], name
        paged += len(found) > 1
    assert paged >= 4


def ordered(rng: random.Random) -> list[str]:
    names = sorted(handlers())
    rng.shuffle(names)
    making = [name for name in names if name.startswith(_FIRST)]
    others = [name for name in names if name not in set(making)]
    gone = [name for name in others if name.startswith(("Delete", "Release", "Discard", "Disassociate", "Untag"))]
    return [*making, *(name for name in others if name not in set(gone)), *gone]
