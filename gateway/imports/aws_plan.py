"""What taking an AWS account over would do here: steps in the order in which they can be done.

Rule 1: ids and names stay what they are at AWS, so that an app's pool ids and ARNs go on working.
Rule 2: what is here already stays; what AWS has besides is added. Only keywords, country rules, overrides and defaults
of configuration sets are made to say what AWS's say: a second import brings what changed there meanwhile.
Rule 3: nothing is taken away here: a person who was opted in at AWS since the last import stays opted out.
Rule 4: what has no counterpart, or cannot be taken over, is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.imports import aws_numbers, aws_sets
from gateway.imports.here import Here
from gateway.imports.steps import Fate, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.imports.aws_account import AwsAccount
    from gateway.resources.desk import Desk

_WHY_LEFT = {
    "registrations": "They are with AWS's carriers; register with yours.",
    "RCS agents": "They are with AWS's RCS partner; no connector here sends RCS.",
    "Notify configurations": "Their templates and numbers are AWS's own.",
    "verified destination numbers": "They are for AWS's sandbox.",
}


async def plan(desk: Desk, aws: AwsAccount, *, account_id: str, actor: str, now: int) -> list[Step]:
    """All steps. Reads what is here; changes nothing.

    Raises:
        Unavailable: the database cannot be read.
    """
    here = await Here.read(desk, account_id=account_id, actor=actor, now=now)
    return [
        *[step async for step in aws_numbers.lists(here, aws)],
        *aws_numbers.numbers(here, aws),
        *aws_numbers.sender_ids(here, aws),
        *aws_numbers.pools(here, aws),
        *[step async for step in aws_numbers.keywords(here, aws)],
        *[step async for step in aws_sets.protection(here, aws)],
        *aws_sets.sets(here, aws),
        *_left(aws),
    ]


def _left(aws: AwsAccount) -> Iterator[Step]:
    for what, count in aws.left.items():
        if count is None:
            yield Step(what, "", Fate.LEFT, "They cannot be read with these credentials.")
        elif count:
            yield Step(what, f"{count} of them", Fate.LEFT, _WHY_LEFT[what])
