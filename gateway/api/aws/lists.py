"""What all operations that list have in common: naming ids, filters, pages.

Rule 1: naming an id that is not there is a ResourceNotFoundException; a filter that matches nothing is an empty list.
Rule 2: filters of different names must all match, values of one name any (model: "Filters").
Rule 3: NextToken is opaque and belongs to its operation; one that is not ours is INVALID_NEXT_TOKEN.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, TypeVar

from gateway.api.aws.arns import id_of
from gateway.api.aws.errors import invalid, not_found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from gateway.api.aws.call import Call

T = TypeVar("T")
PAGE = 100  # entries where MaxResults does not say (AWS's largest)


def named(wanted: Sequence[str] | None, known: Mapping[str, T], resource_type: str) -> list[T]:
    """The entries of these keys in their order, or all. Raises AwsError for one that is not there."""
    if not wanted:
        return list(known.values())
    for key in wanted:
        if key not in known:
            raise not_found(resource_type, key)
    return [known[key] for key in dict.fromkeys(wanted)]


def asked(call: Call, member: str, kind: str, known: Mapping[str, T]) -> list[T]:
    """The entries whose ids or ARNs ``member`` of the input has, or all. Raises AwsError for one that is not there."""
    return named([id_of(one, kind, member) for one in call.input.get(member, ())], known, kind)


def owned(call: Call, ids: str, entries: Iterable[T]) -> list[T]:
    """Those that Owner asks for: nothing is shared with another account. Raises AwsError when ids are given as well."""
    if "Owner" in call.input and call.input.get(ids):
        raise invalid("PARAMETERS_CANNOT_BE_USED_TOGETHER", "Owner", f"Cannot be given with {ids}.")
    return [] if call.input.get("Owner") == "SHARED" else list(entries)


def filtered(call: Call, entries: Iterable[T], values_of: Mapping[str, Callable[[T], Iterable[str]]]) -> list[T]:
    """Those that match the call's Filters; ``values_of`` gives an entry's values for each filter's name."""
    wanted = [(values_of[one["Name"]], set(one["Values"])) for one in call.input.get("Filters", ())]
    return [entry for entry in entries if all(values & set(of(entry)) for of, values in wanted)]


def yes(value: object) -> tuple[str]:
    """A flag as filters write it."""
    return ("true" if value else "false",)


def page(
    call: Call,
    member: str,
    entries: Sequence[T],
    key: Callable[[T], str],
    show: Callable[[T], Any],
    *,
    most: int = PAGE,
) -> dict[str, Any]:
    """The part of ``entries`` that MaxResults and NextToken ask for: ``{member: […], "NextToken": …}``."""
    ordered = sorted(entries, key=key)
    behind = after(call)
    ordered = [one for one in ordered if key(one) > behind]
    size = call.input.get("MaxResults", most)
    shown, rest = ordered[:size], ordered[size:]
    following = token(call, key(shown[-1])) if rest else None
    return {member: [show(one) for one in shown], "NextToken": following}


def token(call: Call, last: str) -> str:
    """What goes on behind the entry of this key, in the same operation."""
    return base64.urlsafe_b64encode(f"{call.operation}\n{last}".encode()).decode()


def after(call: Call) -> str:
    """The key that NextToken goes on behind; "" from the beginning. Raises AwsError (INVALID_NEXT_TOKEN)."""
    if "NextToken" not in call.input:
        return ""
    try:
        operation, _, last = base64.urlsafe_b64decode(call.input["NextToken"].encode()).decode().partition("\n")
    except (ValueError, binascii.Error):
        operation, last = "", ""
    if operation != call.operation:
        raise invalid("INVALID_NEXT_TOKEN", "NextToken", "Is no token of this operation.")
    return last
