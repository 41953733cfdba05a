"""The service as botocore describes it: its operations, the shapes of what goes in and out, its errors.

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
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import botocore.loaders
from botocore.model import ServiceModel

from gateway.resources.checks import is_storable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from botocore.model import OperationModel, Shape

SERVICE = "pinpoint-sms-voice-v2"
_SECOND = 1_000_000  # microseconds
_DEEPEST = 32
MISSING = "Is missing."


class FieldFault(NamedTuple):
    """What is wrong with one member of the input: a path such as "Tags[0].Key", and a sentence."""

    name: str
    message: str


@cache
def service() -> ServiceModel:
    """The newest version of the model that the installed botocore has."""
    found = botocore.loaders.create_loader().load_service_model(SERVICE, "service-2")
    return ServiceModel(found, service_name=SERVICE)


@cache
def operations() -> frozenset[str]:
    return frozenset(service().operation_names)


@cache
def operation(name: str) -> OperationModel:
    """The operation of that name. Raises KeyError when the service has none."""
    if name not in operations():
        raise KeyError(name)
    return service().operation_model(name)


@cache
def error_members(name: str) -> Mapping[str, Shape]:
    """What an exception of the service carries, by its name."""
    return dict(service().shape_for(name).members)


@cache
def enum_of(shape_name: str) -> frozenset[str]:
    """The values that a string shape may have."""
    return frozenset(service().shape_for(shape_name).enum)


def read(shape: Shape, document: Any) -> tuple[dict[str, Any], list[FieldFault]]:  # noqa: ANN401 -- JSON
    """A document as handlers take it, and every fault found in it.

    Octets are decoded from base64; times become microseconds; null is the same as not given.
    """
    faults: list[FieldFault] = []
    value = _read(shape, document, "", faults, 0)
    return value if isinstance(value, dict) else {}, faults


def render(shape: Shape, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as the protocol writes them. A member that is None is left out; a time is given in microseconds."""
    rendered: dict[str, Any] = _render(shape, values, shape.name)
    return rendered


def _read(shape: Shape, value: Any, path: str, faults: list[FieldFault], depth: int) -> Any:  # noqa: ANN401 -- JSON
    if depth > _DEEPEST:
        faults.append(FieldFault(path, "Nested too deeply."))
        return None
    found = _READERS[shape.type_name](shape, value, path, faults, depth)
    if isinstance(found, _Fault):
        faults.append(FieldFault(path, str(found)))
        return None
    return found


class _Fault(str):
    __slots__ = ()


def _read_structure(shape: Any, value: Any, path: str, faults: list[FieldFault], depth: int) -> Any:  # noqa: ANN401
    if not isinstance(value, dict):
        return _Fault("Must be an object.")
    missing = [name for name in shape.required_members if value.get(name) is None]
    faults.extend(FieldFault(_join(path, name), MISSING) for name in missing)
    return {
        name: _read(member, value[name], _join(path, name), faults, depth + 1)
        for name, member in shape.members.items()
        if value.get(name) is not None
    }


def _read_list(shape: Any, value: Any, path: str, faults: list[FieldFault], depth: int) -> Any:  # noqa: ANN401
    if not isinstance(value, list):
        return _Fault("Must be a list.")
    if wrong := _outside(shape, len(value), "entries"):
        return wrong
    return [_read(shape.member, one, f"{path}[{at}]", faults, depth + 1) for at, one in enumerate(value)]


def _read_map(shape: Any, value: Any, path: str, faults: list[FieldFault], depth: int) -> Any:  # noqa: ANN401
    if not isinstance(value, dict):
        return _Fault("Must be an object.")
    if wrong := _outside(shape, len(value), "entries"):
        return wrong
    for key in value:
        _read(shape.key, key, f"{path}.key", faults, depth + 1)
    return {key: _read(shape.value, one, f"{path}.value", faults, depth + 1) for key, one in value.items()}


def _read_string(shape: Any, value: Any, *_: object) -> str | _Fault:  # noqa: ANN401 -- a string shape
    if not isinstance(value, str):
        return _Fault("Must be a string.")
    if not is_storable(value):
        return _Fault("Holds characters that are no text.")
    if wrong := _outside(shape, len(value), "characters"):
        return wrong
    if shape.enum and value not in shape.enum:
        return _Fault(f"Must be one of {', '.join(shape.enum)}.")
    pattern = shape.metadata.get("pattern")
    if pattern and not _pattern(pattern).fullmatch(value):
        return _Fault(f"Must match {pattern}")
    return value


def _read_boolean(_shape: object, value: object, *_: object) -> bool | _Fault:
    return value if isinstance(value, bool) else _Fault("Must be true or false.")


def _read_integer(shape: Any, value: Any, *_: object) -> int | _Fault:  # noqa: ANN401 -- a number shape
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return _Fault("Must be a whole number.")
    return _outside(shape, value, "") or value


def _read_double(shape: Any, value: Any, *_: object) -> float | _Fault:  # noqa: ANN401 -- a number shape
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        return _Fault("Must be a number.")
    return _outside(shape, value, "") or float(value)


def _read_blob(shape: Any, value: Any, *_: object) -> bytes | _Fault:  # noqa: ANN401 -- a blob shape
    try:
        octets = base64.b64decode(value, validate=True)
    except (TypeError, ValueError, binascii.Error):
        return _Fault("Must be base64.")
    return _outside(shape, len(octets), "octets") or octets


def _read_timestamp(_shape: object, value: object, *_: object) -> int | _Fault:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1e11:  # noqa: PLR2004 -- year 5138
        return _Fault("Must be a time, in seconds since 1970.")
    return round(value * _SECOND)


_READERS: dict[str, Callable[..., Any]] = {
    "structure": _read_structure,
    "list": _read_list,
    "map": _read_map,
    "string": _read_string,
    "boolean": _read_boolean,
    "integer": _read_integer,
    "long": _read_integer,
    "double": _read_double,
    "blob": _read_blob,
    "timestamp": _read_timestamp,
}


def _outside(shape: Shape, size: float, unit: str) -> _Fault | None:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if (least is None or size >= least) and (most is None or size <= most):
        return None
    words = f"at least {least}" if most is None else f"at most {most}" if least is None else f"{least} to {most}"
    return _Fault(f"Must have {words} {unit}." if unit else f"Must be {words}.")


@lru_cache(maxsize=256)
def _pattern(written: str) -> re.Pattern[str]:
    """Java's patterns of the model, which Python reads alike."""
    return re.compile(written)


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
