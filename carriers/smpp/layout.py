"""The rows of a PDU compiled to a parser and a builder of its mandatory fields.

Each row, or each run of neighbouring integers, becomes one reading and one writing closure when the module is loaded;
a PDU is then read and built by calling them in order. The PDUs that come once for every message have a shortcut
compiled from the same rows; what does not fit it is read step by step, which also finds out what is wrong. Nothing here
looks at a header or at TLVs.
"""

from __future__ import annotations

import re
import struct
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from carriers.smpp.fields import DISTRIBUTION_LIST, SME_ADDRESS, UNSUCCESS_SME, Field, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Read: TypeAlias = Callable[[bytes, int], tuple[dict[str, Any], int]]
    ReadStep: TypeAlias = Callable[[bytes, int, list[Any]], int]
    WriteStep: TypeAlias = Callable[[Mapping[str, Any]], bytes]

# The command_status to answer a body with (SMPP 3.4 section 5.1.3).
RINVMSGLEN: Final = 0x01
RINVNUMDESTS: Final = 0x33
RINVDESTFLAG: Final = 0x40
RINVPARLEN: Final = 0xC2

_CODES: Final = {1: "B", 2: "H", 4: "I"}


class BodyError(Exception):
    """Mandatory fields that cannot be read; ``status`` is the command_status to answer with."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


# --- reading: each step appends values and returns the offset behind what it read ---


def _read_integers(rows: Sequence[Field]) -> ReadStep:
    layout = _struct_of(rows)
    unpack, size = layout.unpack_from, layout.size

    def step(octets: bytes, at: int, values: list[Any]) -> int:
        try:
            values += unpack(octets, at)
        except struct.error:
            raise BodyError(f"{rows[0].name}: the PDU ends before it", RINVPARLEN) from None
        return at + size

    return step


def _read_c_octets(row: Field) -> ReadStep:
    def step(octets: bytes, at: int, values: list[Any]) -> int:
        end = octets.find(b"\0", at)
        if end < 0:
            raise BodyError(f"{row.name}: no NUL ends it", RINVPARLEN)
        values.append(octets[at:end])
        return end + 1

    return step


def _read_octets(row: Field) -> ReadStep:
    def step(octets: bytes, at: int, values: list[Any]) -> int:
        start = at + 1
        end = start + octets[at] if at < len(octets) else at + 1
        if end > len(octets):
            raise BodyError(f"{row.name}: longer than the PDU", RINVMSGLEN)
        values.append(octets[start:end])
        return end

    return step


def _read_destinations(row: Field) -> ReadStep:
    kinds = {1: Layout(SME_ADDRESS), 2: Layout(DISTRIBUTION_LIST)}

    def step(octets: bytes, at: int, values: list[Any]) -> int:
        found = []
        for _ in range(_count(octets, at, row)):
            flag = octets[at + 1] if at + 1 < len(octets) else 0
            layout = kinds.get(flag)
            if layout is None:
                raise BodyError(f"dest_flag: {flag} is neither 1 (SME address) nor 2 (distribution list)", RINVDESTFLAG)
            entry, behind = layout.read(octets, at + 2)
            found.append({"dest_flag": flag, **entry})
            at = behind - 1
        values.append(tuple(found))
        return at + 1

    return step


def _read_failures(row: Field) -> ReadStep:
    layout = Layout(UNSUCCESS_SME)

    def step(octets: bytes, at: int, values: list[Any]) -> int:
        found = []
        count, at = _count(octets, at, row), at + 1
        for _ in range(count):
            entry, at = layout.read(octets, at)
            found.append(entry)
        values.append(tuple(found))
        return at

    return step


def _count(octets: bytes, at: int, row: Field) -> int:
    if at >= len(octets):
        raise BodyError(f"{row.name}: the PDU ends before its count", RINVNUMDESTS)
    return octets[at]


# --- reading at once: what the steps would read, or else left to them ---


def _shortcut(runs: Sequence[Sequence[Field]], in_steps: Read) -> Read:
    kinds = [run[0].kind for run in runs]
    if kinds == [Kind.C_OCTETS]:
        return _read_only_text(runs[0][0].name, in_steps)
    if kinds[-1:] == [Kind.OCTETS] and set(kinds[:-1]) == {Kind.C_OCTETS, Kind.INTEGER}:
        return _read_message(runs, in_steps)
    return in_steps


def _read_only_text(name: str, in_steps: Read) -> Read:
    """The one field of most responses."""

    def read(octets: bytes, at: int) -> tuple[dict[str, Any], int]:
        end = octets.find(b"\0", at)
        return ({name: octets[at:end]}, end + 1) if end >= 0 else in_steps(octets, at)

    return read


def _read_message(runs: Sequence[Sequence[Field]], in_steps: Read) -> Read:
    """Texts and integers in one match, and the octet string behind them by its length, which the match ends with."""
    pattern = re.compile(b"".join(map(_pattern, runs)), re.DOTALL)
    texts = [place for place, run in enumerate(runs, 1) if run[0].kind is Kind.C_OCTETS]
    numbers = [place for place in range(1, len(runs) + 1) if place not in texts]
    integers = [row for place in numbers[:-1] for row in runs[place - 1]]
    names = [*(runs[place - 1][0].name for place in texts), *(row.name for row in integers)]
    match, last, unpack = pattern.match, runs[-1][0].name, struct.Struct(f"{_format(integers)}B").unpack
    fresh = dict.fromkeys(row.name for run in runs for row in run).copy  # a copy has its size from the start

    def read(octets: bytes, at: int) -> tuple[dict[str, Any], int]:
        found = match(octets, at)
        if found is None:
            return in_steps(octets, at)
        values = unpack(b"".join(found.group(*numbers)))
        start = found.end()
        end = start + values[-1]
        if end > len(octets):
            return in_steps(octets, at)
        body: dict[str, Any] = fresh()
        body.update(zip(names, found.group(*texts) + values))  # noqa: B905 -- the length behind them has no name
        body[last] = octets[start:end]
        return body, end

    return read


def _pattern(run: Sequence[Field]) -> bytes:
    if run[0].kind is Kind.C_OCTETS:
        return rb"([^\0]*+)\0"  # "*+" gives nothing back, so whatever the octets, they are looked at once
    return b"(.)" if run[0].kind is Kind.OCTETS else b"(%b)" % (b"." * sum(row.size for row in run))


# --- writing: each step turns its fields into octets, or says with ValueError which one does not fit ---


def _write_integers(rows: Sequence[Field]) -> WriteStep:
    pack = _struct_of(rows).pack
    if len(rows) == 1:
        only = rows[0].name
        return lambda values: pack(values[only])
    pick = itemgetter(*(row.name for row in rows))
    return lambda values: pack(*pick(values))


def _write_c_octets(row: Field) -> WriteStep:
    name, most = row.name, row.size - 1

    def step(values: Mapping[str, Any]) -> bytes:
        value: bytes = values[name]
        if value == b"":
            return b"\0"
        if len(value) > most:
            raise ValueError(f"{name}: {len(value)} octets, at most {most} fit")
        if b"\0" in value:
            raise ValueError(f"{name}: must not contain NUL")
        return value + b"\0"

    return step


def _write_octets(row: Field) -> WriteStep:
    name, most = row.name, row.size

    def step(values: Mapping[str, Any]) -> bytes:
        value: bytes = values[name]
        if len(value) > most:
            raise ValueError(f"{name}: {len(value)} octets, at most {most} fit; use message_payload")
        return bytes((len(value),)) + value

    return step


def _write_destinations(row: Field) -> WriteStep:
    kinds = {1: Layout(SME_ADDRESS), 2: Layout(DISTRIBUTION_LIST)}

    def entry(values: Mapping[str, Any]) -> bytes:
        rest = {**values}
        flag = rest.pop("dest_flag", 1)
        if flag not in kinds:
            raise ValueError(f"dest_flag: {flag} is neither 1 (SME address) nor 2 (distribution list)")
        return bytes((flag,)) + kinds[flag].write(rest)

    return _write_list(row, entry)


def _write_failures(row: Field) -> WriteStep:
    return _write_list(row, Layout(UNSUCCESS_SME).write)


def _write_list(row: Field, entry: WriteStep) -> WriteStep:
    def step(values: Mapping[str, Any]) -> bytes:
        entries = values[row.name]
        if not _fits(row, entries):
            raise TypeError
        if len(entries) > row.size:
            raise ValueError(f"{row.name}: {len(entries)} entries, at most {row.size} fit")
        return bytes((len(entries),)) + b"".join(map(entry, entries))

    return step


def _struct_of(rows: Sequence[Field]) -> struct.Struct:
    return struct.Struct(_format(rows))


def _format(rows: Sequence[Field]) -> str:
    return ">" + "".join(_CODES[row.size] for row in rows)


_READERS: Final[Mapping[Kind, Callable[[Field], ReadStep]]] = {
    Kind.C_OCTETS: _read_c_octets,
    Kind.OCTETS: _read_octets,
    Kind.DESTINATIONS: _read_destinations,
    Kind.FAILURES: _read_failures,
}
_WRITERS: Final[Mapping[Kind, Callable[[Field], WriteStep]]] = {
    Kind.C_OCTETS: _write_c_octets,
    Kind.OCTETS: _write_octets,
    Kind.DESTINATIONS: _write_destinations,
    Kind.FAILURES: _write_failures,
}
_DEFAULTS: Final[Mapping[Kind, Any]] = {
    Kind.INTEGER: 0,
    Kind.C_OCTETS: b"",
    Kind.OCTETS: b"",
    Kind.DESTINATIONS: (),
    Kind.FAILURES: (),
}


def _reader(run: Sequence[Field]) -> ReadStep:
    first = run[0]
    return _read_integers(run) if first.kind is Kind.INTEGER else _READERS[first.kind](first)


def _writer(run: Sequence[Field]) -> WriteStep:
    first = run[0]
    return _write_integers(run) if first.kind is Kind.INTEGER else _WRITERS[first.kind](first)


def _runs(rows: Sequence[Field]) -> list[list[Field]]:
    """Neighbouring integers together, everything else alone: one struct reads a whole run."""
    runs: list[list[Field]] = []
    for row in rows:
        if runs and row.kind is Kind.INTEGER and runs[-1][0].kind is Kind.INTEGER:
            runs[-1].append(row)
        else:
            runs.append([row])
    return runs


class Layout:
    """The rows of one PDU (or of one entry of a list), compiled.

    Attributes:
        read: Takes octets and an offset; gives all fields from there on, and the offset behind them. Raises BodyError
            when one cannot be read.
        blank: The octets of fields that are all 0 or empty.
    """

    __slots__ = ("blank", "defaults", "names", "read", "reads", "rows", "runs", "writes")

    def __init__(self, rows: Sequence[Field]) -> None:
        self.rows = rows
        self.names = tuple(row.name for row in rows)
        self.defaults = {row.name: _DEFAULTS[row.kind] for row in rows}
        self.runs = _runs(rows)
        self.reads = [_reader(run) for run in self.runs]
        self.writes = [_writer(run) for run in self.runs]
        self.read: Read = _shortcut(self.runs, self.read_in_steps)
        self.blank = self.write({})

    def read_in_steps(self, octets: bytes, at: int) -> tuple[dict[str, Any], int]:
        """As ``read``, field by field."""
        values: list[Any] = []
        for step in self.reads:
            at = step(octets, at, values)
        return dict(zip(self.names, values)), at  # noqa: B905 -- hot path; the steps append a value for each name

    def read_some(self, octets: bytes, at: int) -> tuple[dict[str, Any], int, str]:
        """The fields up to the first that cannot be read, the offset behind them, and what is wrong with that one.

        A last C-octet string that no NUL ends is taken to the end of the PDU: an id without its NUL is still the id.
        """
        values: list[Any] = []
        problem = ""
        for run, step in zip(self.runs, self.reads, strict=True):
            try:
                at = step(octets, at, values)
            except BodyError as error:
                problem = str(error)
                if run[0].kind is Kind.C_OCTETS and at < len(octets):
                    values.append(octets[at:])
                    at = len(octets)
                break
        return dict(zip(self.names, values, strict=False)), at, problem

    def write(self, body: Mapping[str, Any]) -> bytes:
        """The octets of all fields; those not in ``body`` are 0 or empty.

        Raises:
            ValueError: A field has no place here or does not fit; the message begins with its name.
        """
        values = {**self.defaults, **body}
        if len(values) != len(self.names):
            raise ValueError(f"{min(body.keys() - self.defaults.keys())}: no such field in this PDU")
        try:
            return b"".join([step(values) for step in self.writes])
        except (struct.error, TypeError):
            raise ValueError(self.misfit(values)) from None

    def misfit(self, values: Mapping[str, Any]) -> str:
        """The sentence about the field whose value has the wrong type or range."""
        for row in self.rows:
            if not _fits(row, values[row.name]):
                return f"{row.name}: {type(values[row.name]).__name__} value does not fit {row.kind.value}"
        return "a field's value does not fit"


def _fits(row: Field, value: object) -> bool:
    if row.kind is Kind.INTEGER:
        return isinstance(value, int) and 0 <= value < 256**row.size
    if row.kind in {Kind.C_OCTETS, Kind.OCTETS}:
        return isinstance(value, bytes)
    return isinstance(value, (tuple, list))
