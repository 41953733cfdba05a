"""What an import would do, one step a thing, and doing it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from gateway.errors import GatewayError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable


class Fate(StrEnum):
    ADD = "add"
    CHANGE = "change"
    SAME = "same"  # it is here already
    LEFT = "left"  # it has no counterpart here, or cannot be taken over
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing: what becomes of it, and how."""

    what: str  # "phone number"
    name: str
    fate: Fate
    why: str = ""
    do: Callable[[], Awaitable[object]] | None = None


async def carry_out(steps: Iterable[Step]) -> list[Step]:
    """Do what there is to do, in this order; what does not work is told, and the rest goes on.

    Raises:
        Unavailable: the database cannot be written.
    """
    return [await _carry_out(step) for step in steps]


async def _carry_out(step: Step) -> Step:
    if step.do is None:
        return step
    try:
        await step.do()
    except Unavailable:
        raise
    except GatewayError as error:
        return replace(step, fate=Fate.FAILED, why=error.detail, do=None)
    return replace(step, fate=Fate.DONE, do=None)
