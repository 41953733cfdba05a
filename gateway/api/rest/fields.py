"""The kinds of fields that requests and answers are made of.

Rule 1: a request's field takes its JSON type and no other: "5" is no number, 1 is no truth (``strict``).
Rule 2: text that a database cannot hold (NUL, half surrogate pairs) is refused here, naming the field.
Rule 3: in a query everything is text, so the few kinds there are read by functions of their own.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from gateway.model import DEFAULT_OPT_OUT_LIST, MessageType, OnUnknown, Status
from keywords.types import MatchMode

NO_NUL = r"^[^\u0000]*$"
NO_CONTROLS = r"^[^\u0000-\u001f\u007f-\u009f]*$"
NO_CONTROLS_BUT_BREAKS = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$"
MONEY = r"^[0-9]{1,9}(\.[0-9]{1,6})?$"
LONGEST_ID = 64
MOST_PER_PAGE = 1000
_MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}):(\d{2})(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_MOMENT_SCHEMA = {"type": "string", "format": "date-time", "examples": ["2026-11-22T09:30:00Z"]}
_FINEST = len(".123456")


class Request(BaseModel):
    """A JSON body."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, populate_by_name=False, protected_namespaces=(),
        hide_input_in_errors=True,
    )  # fmt: skip

    def given(self) -> dict[str, Any]:
        """The fields that the caller wrote, by our names."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class Query(BaseModel):
    """The query of a path: every value is text."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), hide_input_in_errors=True)


class Answer(BaseModel):
    """A JSON answer. Later releases may add fields."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, protected_namespaces=(), serialize_by_alias=True)


class NoQuery(Query):
    """A path without a query."""


def read_moment(value: object) -> datetime:
    """RFC 3339 with a zone. Finer than microseconds is cut; a leap second (":60") is the second before it."""
    if not isinstance(value, str):
        raise PydanticCustomError("wrong_type", "must be a string with a time in RFC 3339")
    if (found := _MOMENT.fullmatch(value)) is None:
        raise _bad_time()
    day, minute, second, fraction, zone = found.groups()
    fraction = (fraction or "")[:_FINEST]
    try:
        return datetime.fromisoformat(
            f"{day}T{minute}:{'59' if second == '60' else second}{fraction}{zone.upper().replace('Z', '+00:00')}"
        )
    except ValueError as error:
        raise _bad_time() from error


def _bad_time() -> PydanticCustomError:
    return PydanticCustomError(
        "bad_time", "is not a time in RFC 3339", {"remedy": "Write it as 2026-11-22T09:30:00Z, with Z or an offset."}
    )


def _read_money(value: object) -> Decimal:
    if not isinstance(value, str):
        raise PydanticCustomError("wrong_type", "must be a string with a decimal number")
    if not re.fullmatch(MONEY, value, re.ASCII):
        raise PydanticCustomError("bad_amount", "is not an amount", {"remedy": 'Write US dollars as "0.05".'})
    return Decimal(value)


def _read_count(value: object) -> object:
    if isinstance(value, str):
        if not re.fullmatch(r"[0-9]{1,18}", value, re.ASCII):
            raise PydanticCustomError("wrong_type", "must be a whole number")
        return int(value)
    return value


def _read_flag(value: object) -> object:
    if isinstance(value, str):
        if value not in {"true", "false"}:
            raise PydanticCustomError("wrong_type", "must be true or false")
        return value == "true"
    return value


# --- of requests -----------------------------------------------------------------------------------------------------
Text: TypeAlias = Annotated[str, Field(pattern=NO_NUL)]
Line: TypeAlias = Annotated[str, Field(pattern=NO_CONTROLS)]
Prose: TypeAlias = Annotated[str, Field(pattern=NO_CONTROLS_BUT_BREAKS)]
Moment: TypeAlias = Annotated[datetime, PlainValidator(read_moment), WithJsonSchema(_MOMENT_SCHEMA)]
Money: TypeAlias = Annotated[
    Decimal, PlainValidator(_read_money), WithJsonSchema({"type": "string", "pattern": MONEY, "examples": ["0.05"]})
]
Identifier: TypeAlias = Annotated[Text, Field(min_length=1, max_length=LONGEST_ID)]
PhoneText: TypeAlias = Annotated[
    Text, Field(min_length=1, max_length=40, examples=["+14255550100"], description="International form: + and digits.")
]
Country: TypeAlias = Annotated[str, Field(pattern="^([A-Z]{2})?$", examples=["US"])]
ListName: TypeAlias = Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,64}$", examples=[DEFAULT_OPT_OUT_LIST])]
Arn: TypeAlias = Annotated[str, Field(pattern=NO_CONTROLS, max_length=2048)]
Reason: TypeAlias = Annotated[Prose, Field(max_length=500)]
Rate: TypeAlias = Annotated[int, Field(ge=1, le=10_000)]
# An enum takes its values' text only when it is not strict.
AMessageType: TypeAlias = Annotated[MessageType, Field(strict=False)]
AnOnUnknown: TypeAlias = Annotated[OnUnknown, Field(strict=False)]
AMatchMode: TypeAlias = Annotated[MatchMode, Field(strict=False)]

# --- of queries ------------------------------------------------------------------------------------------------------
Count: TypeAlias = Annotated[int, BeforeValidator(_read_count)]
Flag: TypeAlias = Annotated[bool, BeforeValidator(_read_flag), WithJsonSchema({"type": "boolean"})]
Cursor: TypeAlias = Annotated[
    Text, Field(max_length=200, description="The next_cursor of the page before; empty for the first page.")
]
# The reader stands last: what stands before it then shows in the schema as minimum and maximum.
Limit: TypeAlias = Annotated[
    int, Field(ge=1, le=MOST_PER_PAGE, description="Entries in one page at most."), BeforeValidator(_read_count)
]
AStatus: TypeAlias = Status

# --- of answers ------------------------------------------------------------------------------------------------------
At: TypeAlias = Annotated[str, WithJsonSchema(_MOMENT_SCHEMA)]
Price: TypeAlias = Annotated[str, Field(description="US dollars, decimal.", examples=["0.0075"])]


class Paging(Query):
    """A list, page by page."""

    cursor: Cursor = ""
    limit: Limit = 100
