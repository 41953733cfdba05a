"""Reading and writing documents by the shapes of a service's model.

Rule 1: what comes in is checked whole against its shape: types, what is required, lengths, ranges, patterns, enums.
Members that the shape does not have are ignored, so that a newer client than our model is served.
Rule 2: what goes out is rendered by its shape. A member that the shape does not have, a value of another type or a
missing required member is our fault and raises TypeError, KeyError or ValueError.
(https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html)
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from gateway.resources.checks import is_storable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from botocore.model import Shape

_SECOND = 1_000_000  # microseconds
_YEAR_5138 = 1e11  # in seconds: beyond it somebody gave milliseconds
MISSING = "Is missing."


class FieldFault(NamedTuple):
    """What is wrong with one member of the input: a path such as "Tags[0].Key", and a sentence."""

    name: str
    message: str


def read(shape: Shape, document: Any) -> tuple[dict[str, Any], list[FieldFault]]:  # noqa: ANN401 -- JSON
    """A document as handlers take it, and every fault found in it.

    Octets are decoded from base64; times become microseconds; null is the same as not given.
    """
    faults: list[FieldFault] = []
    value = _reader(shape)(document, "", faults)
    return value if isinstance(value, dict) else {}, faults


def render(shape: Shape, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as the protocol writes them. A member that is None is left out; a time is given in microseconds."""
    rendered: dict[str, Any] = _render(shape, values, shape.name)
    return rendered


_Reader: TypeAlias = "Callable[[Any, str, list[FieldFault]], Any]"  # takes a value, its path, and where faults go


class _Fault(str):
    """What a check found wrong, in place of the value."""

    __slots__ = ()


@cache
def _reader(shape: Shape) -> _Reader:
    """How values of a shape are read, worked out once: a send is read some thousand times a second."""
    return _COMPILERS[shape.type_name](shape)


def _compile_structure(shape: Any) -> _Reader:  # noqa: ANN401 -- a shape of botocore's
    members = {name: _reader(member) for name, member in shape.members.items()}
    required = tuple(shape.required_members)

    def read_structure(value: Any, path: str, faults: list[FieldFault]) -> Any:  # noqa: ANN401 -- JSON
        if not isinstance(value, dict):
            return faults.append(FieldFault(path, "Must be an object."))
        faults.extend([FieldFault(_join(path, name), MISSING) for name in required if value.get(name) is None])
        return {
            name: members[name](one, _join(path, name), faults)
            for name, one in value.items()
            if one is not None and name in members
        }

    return read_structure


def _compile_list(shape: Any) -> _Reader:  # noqa: ANN401 -- as above
    member, outside = _reader(shape.member), _outside(shape, "entries")

    def read_list(value: Any, path: str, faults: list[FieldFault]) -> Any:  # noqa: ANN401 -- JSON
        if not isinstance(value, list):
            return faults.append(FieldFault(path, "Must be a list."))
        if wrong := outside(len(value)):
            return faults.append(FieldFault(path, wrong))
        return [member(one, f"{path}[{at}]", faults) for at, one in enumerate(value)]

    return read_list


def _compile_map(shape: Any) -> _Reader:  # noqa: ANN401 -- as above
    of_key, of_value, outside = _reader(shape.key), _reader(shape.value), _outside(shape, "entries")

    def read_map(value: Any, path: str, faults: list[FieldFault]) -> Any:  # noqa: ANN401 -- JSON
        if not isinstance(value, dict):
            return faults.append(FieldFault(path, "Must be an object."))
        if wrong := outside(len(value)):
            return faults.append(FieldFault(path, wrong))
        return {
            of_key(key, f"{path}.key", faults): of_value(one, f"{path}.value", faults) for key, one in value.items()
        }

    return read_map


def _scalar(check: Callable[[Any], Any]) -> _Reader:
    """A reader of a check that gives the value as handlers take it, or a ``_Fault``."""

    def read_scalar(value: Any, path: str, faults: list[FieldFault]) -> Any:  # noqa: ANN401 -- JSON
        found = check(value)
        if found.__class__ is _Fault:
            return faults.append(FieldFault(path, str(found)))
        return found

    return read_scalar


def _compile_string(shape: Any) -> _Reader:  # noqa: ANN401 -- as above
    outside, enum, pattern = _outside(shape, "characters"), frozenset(shape.enum), shape.metadata.get("pattern")
    matches = (
        re.compile(pattern).fullmatch if pattern else None
    )  # Java's patterns of the model, which Python reads alike

    def check(value: Any) -> str | _Fault:  # noqa: ANN401 -- JSON
        if not isinstance(value, str):
            return _Fault("Must be a string.")
        if not is_storable(value):
            return _Fault("Holds characters that are no text.")
        if wrong := outside(len(value)):
            return wrong
        if enum and value not in enum:
            return _Fault(f"Must be one of {', '.join(shape.enum)}.")
        return value if matches is None or matches(value) else _Fault(f"Must match {pattern}")

    return _scalar(check)


def _compile_boolean(_shape: Any) -> _Reader:  # noqa: ANN401 -- as above
    return _scalar(lambda value: value if isinstance(value, bool) else _Fault("Must be true or false."))


def _compile_integer(shape: Any) -> _Reader:  # noqa: ANN401 -- as above
    outside = _outside(shape, "")

    def check(value: Any) -> int | _Fault:  # noqa: ANN401 -- JSON
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            return _Fault("Must be a whole number.")
        return outside(value) or value

    return _scalar(check)


def _compile_double(shape: Any) -> _Reader:  # noqa: ANN401 -- as above
    outside = _outside(shape, "")

    def check(value: Any) -> float | _Fault:  # noqa: ANN401 -- JSON
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            return _Fault("Must be a number.")
        return outside(value) or float(value)

    return _scalar(check)


def _compile_blob(shape: Any) -> _Reader:  # noqa: ANN401 -- as above
    outside = _outside(shape, "octets")

    def check(value: Any) -> bytes | _Fault:  # noqa: ANN401 -- JSON
        try:
            octets = base64.b64decode(value, validate=True)
        except (TypeError, ValueError, binascii.Error):
            return _Fault("Must be base64.")
        return outside(len(octets)) or octets

    return _scalar(check)


def _compile_timestamp(_shape: Any) -> _Reader:  # noqa: ANN401 -- as above
    def check(value: Any) -> int | _Fault:  # noqa: ANN401 -- JSON
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < _YEAR_5138:
            return _Fault("Must be a time, in seconds since 1970.")
        return round(value * _SECOND)

    return _scalar(check)


_COMPILERS: dict[str, Callable[[Any], _Reader]] = {
    "structure": _compile_structure,
    "list": _compile_list,
    "map": _compile_map,
    "string": _compile_string,
    "boolean": _compile_boolean,
    "integer": _compile_integer,
    "long": _compile_integer,
    "double": _compile_double,
    "blob": _compile_blob,
    "timestamp": _compile_timestamp,
}


def _outside(shape: Shape, unit: str) -> Callable[[float], _Fault | None]:
    """What says whether a size is beyond the shape's limits; a unit of "" is the number itself."""
    least, most = shape.metadata.get("min", -math.inf), shape.metadata.get("max", math.inf)
    below, above = least == -math.inf, most == math.inf
    words = f"at most {most}" if below else f"at least {least}" if above else f"{least} to {most}"
    wrong = _Fault(f"Must have {words} {unit}." if unit else f"Must be {words}.")
    return lambda size: None if least <= size <= most else wrong


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _render(shape: Any, value: Any, path: str) -> Any:  # noqa: ANN401 -- any shape, any value
    kind = shape.type_name
    if kind == "structure":
        return dict(_render_members(shape, value, path))
    if kind == "list":
        return [_render(shape.member, one, f"{path}[]") for one in value]
    if kind == "map":
        return {_render(shape.key, key, path): _render(shape.value, one, path) for key, one in value.items()}
    if kind == "timestamp":
        return value / _SECOND
    if kind == "blob":
        return base64.b64encode(value).decode()
    if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        raise TypeError(f"{path} is a {type(value).__name__}, not a {kind}")
    if kind == "string" and shape.enum and value not in shape.enum:
        raise ValueError(f"{path} has a value that its enum lacks")
    return str(value) if kind == "string" else value


_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str, "boolean": bool, "integer": int, "long": int, "double": (int, float),
}  # fmt: skip


def _render_members(shape: Any, values: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    for name, value in values.items():
        if value is not None:
            yield name, _render(shape.members[name], value, f"{path}.{name}")
    for name in shape.required_members:
        if values.get(name) is None:
            raise ValueError(f"{path}.{name} is required")
