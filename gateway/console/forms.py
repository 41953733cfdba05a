"""Reading forms and addresses, and telling people what is wrong with a field next to that field."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import parse_qsl

from gateway import numbers
from gateway.errors import Invalid, Malformed, TooLarge
from gateway.resources import checks
from gateway.resources.opt_outs import LONGEST_REASON
from gateway.store.times import to_micros

if TYPE_CHECKING:
    from aiohttp import web

    from gateway.errors import GatewayError
    from gateway.routing import Directory

Errors: TypeAlias = Mapping[str, str]  # by field

FORM = "application/x-www-form-urlencoded"
LARGEST_FORM = 64 * 1024  # octets
MOST_FIELDS = 50
_LONGEST_TYPED = 80


async def read(request: web.Request) -> dict[str, str]:
    """The fields of a form; of several with one name the last. Line breaks are single newlines, as we keep them.

    Raises:
        Malformed: it is no form.
        TooLarge: it is larger than 64 KiB.
    """
    if request.content_type != FORM:
        raise Malformed("not_a_form", "This is not a form that a browser sends.")
    if (request.content_length or 0) > LARGEST_FORM:
        raise TooLarge("form_too_large", "The form is larger than 64 KiB.", remedy="Send less at once.")
    body = await request.read()
    try:
        pairs = parse_qsl(body[:LARGEST_FORM].decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise Malformed("not_a_form", "The form cannot be read.") from error
    return {name: value.replace("\r\n", "\n") for name, value in pairs}


def typed(request: web.Request, name: str, longest: int = _LONGEST_TYPED) -> str:
    """A field of the address, its outer spaces cut off; "" for what no database holds."""
    value = request.query.get(name, "").strip()
    return value[:longest] if checks.is_storable(value) else ""


def by_field(error: GatewayError) -> dict[str, str]:
    """What to show next to the field that an error is about; under "" when it is about none."""
    return {error.field: sentence(error)}


def sentence(error: GatewayError) -> str:
    return f"{error.detail} {error.remedy}".strip()


def reason(form: Mapping[str, str]) -> str:
    """Why staff do what they do. Raises Invalid when it is missing or too long."""
    given = form.get("reason", "").strip()
    if not given:
        raise Invalid("missing", "Write why, in a few words.", field="reason", remedy="It is kept on record.")
    return checks.prose(given, "reason", LONGEST_REASON)


def day(text: str, field: str, *, after: bool = False) -> int | None:
    """The first moment of a day in UTC, or of the day after; None for nothing. Raises Invalid for what is no day."""
    if not text:
        return None
    try:
        start = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
        return to_micros(start + timedelta(days=1) if after else start)
    except (ValueError, OverflowError) as error:
        raise Invalid("bad_date", "This is no date.", field=field, remedy="Write it as 2026-11-05.") from error


def home(directory: Directory) -> str:
    """The country whose numbers staff may write in the national form: the one that most of our own numbers are of."""
    countries = [one.country for one in directory.identities if one.country]
    return max(sorted(set(countries)), key=countries.count, default="")


def number(text: str, directory: Directory) -> str | None:
    """The number that somebody typed in any format, in E.164; None when it cannot be one."""
    return numbers.find(text, home(directory)) if text and checks.is_storable(text) else None
