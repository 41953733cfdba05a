"""What becomes of a text by the number it goes to: AWS's success and failure numbers, delivery for all others."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Final

import yaml

from carriers.types import ReceiptState

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Fate:
    """How a text ends, and the carrier's code for why; the code is 0 when nothing went wrong."""

    state: ReceiptState
    error: int = 0


@dataclass(frozen=True, slots=True)
class NumberPair:
    """The two simulator numbers of one country, in E.164 with ``+``."""

    success: str
    failure: str


DELIVERED: Final = Fate(ReceiptState.DELIVERED)
FAILED: Final = Fate(ReceiptState.UNDELIVERED, error=1)  # 1 is "unknown subscriber" (3GPP TS 29.002, MAP user errors)


def aws_numbers() -> Mapping[str, NumberPair]:
    """By country, in English. The source stands in ``aws_numbers.yaml``."""
    text = files(__package__).joinpath("aws_numbers.yaml").read_text(encoding="utf-8")
    return {country: NumberPair(**pair) for country, pair in yaml.safe_load(text).items()}


def aws_fates() -> Mapping[str, Fate]:
    """The fate of a text by its number, for the numbers that have one of their own."""
    fates: dict[str, Fate] = {}
    for pair in aws_numbers().values():
        fates[pair.success] = DELIVERED
        fates[pair.failure] = FAILED
    return fates
