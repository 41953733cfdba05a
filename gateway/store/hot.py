"""Statements of the hot path: built once with SQLAlchemy, compiled once, run by the bare driver.

SQLAlchemy's execution layer doubles the CPU time of a small transaction (docs/performance.md). Everything that is not
hot uses SQLAlchemy plainly.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import ARRAY, Text, any_, bindparam, cast, column, func, literal_column, select, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import UserDefinedType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement, Executable, FromClause, Select, Table
    from sqlalchemy.engine import Dialect
    from sqlalchemy.types import TypeEngine

_ROWS = "rows"


@dataclass(frozen=True, slots=True)
class Hot:
    """A statement and the order in which its parameters are given.

    ``sets`` names, of one that is built with ``given``, the parameters that tell its rows apart, () when any may go
    together: PostgreSQL then takes many rows as one statement. Rows alike in these go one after another.
    """

    name: str
    params: tuple[str, ...]
    build: Callable[[Dialect], Executable]
    sets: tuple[str, ...] | None = None

    def compile(self, dialect: Dialect) -> str:
        """The SQL of it.

        Raises:
            ValueError: the statement takes other parameters than declared, or in another order.
        """
        compiled = self.build(dialect).compile(dialect=dialect)  # type: ignore[attr-defined]
        order = tuple(compiled.positiontup or ())
        declared = self.params if self.sets is None or dialect.name == "sqlite" else (_ROWS,)
        if order != declared:
            raise ValueError(f"{self.name} takes {order}, declared are {declared}")
        return str(compiled)


class _Rows(UserDefinedType[Any]):
    """Rows as one parameter: an array of a composite type."""

    cache_ok = True

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def get_col_spec(self, **_options: object) -> str:
        return f"{self.kind}[]"


def given(dialect: Dialect, kind: str, types: Mapping[str, TypeEngine[Any]]) -> dict[str, ColumnElement[Any]]:
    """The parameters of a row: one value each, or for PostgreSQL the columns of as many rows as there are.

    The statement of a row costs PostgreSQL several times what the row does, and an array for each column twice what
    an array of rows does (docs/performance.md).

    Args:
        dialect: of the database.
        kind: PostgreSQL's composite type of such a row. A migration makes it, and never changes it: a release that
            gives other columns has a type of its own, for the release before gives these still.
        types: of the columns, in the order of ``kind``.
    """
    if dialect.name == "sqlite":
        return {name: bindparam(name, type_=type_) for name, type_ in types.items()}
    columns = [column(name, type_) for name, type_ in types.items()]
    rows = func.unnest(cast(bindparam(_ROWS), _Rows(kind))).table_valued(*columns, name="given").render_derived()
    return {name: rows.c[name] for name in types}


def in_waves(hot: Hot, rows: Sequence[tuple[Any, ...]]) -> Sequence[Sequence[tuple[Any, ...]]]:
    """Rows of which no two of a wave are alike in what tells them apart, in their order."""
    if not hot.sets:
        return [rows]
    key_of = itemgetter(*[hot.params.index(name) for name in hot.sets])
    keys = [key_of(row) for row in rows]
    if len(set(keys)) == len(keys):  # nearly always
        return [rows]
    waves: list[list[tuple[Any, ...]]] = []
    seen: Counter[Any] = Counter()
    for key, row in zip(keys, rows, strict=True):
        if seen[key] == len(waves):
            waves.append([])
        waves[seen[key]].append(row)
        seen[key] += 1
    return waves


def inserting(table: Table, *columns: str, kind: str = "") -> Hot:
    """INSERT of whole rows with these columns, in this order; with a ``kind`` (see ``given``) many at a time."""
    wanted = columns or tuple(column.name for column in table.columns)
    types = {name: table.c[name].type for name in wanted}

    def build(dialect: Dialect) -> Executable:
        if kind and dialect.name != "sqlite":
            rows = select(*given(dialect, kind, types).values())
            return table.insert().from_select(list(wanted), rows, include_defaults=False)
        return table.insert().values({name: bindparam(name) for name in wanted})

    return Hot(f"insert {table.name} {len(wanted)}", wanted, build, () if kind else None)


def upsert(dialect: Dialect, table: Table) -> Any:  # noqa: ANN401 -- each dialect has an Insert of its own
    """INSERT that can say what to do when the row is there."""
    return (sqlite if dialect.name == "sqlite" else postgresql).insert(table)


def inserting_once(table: Table, *columns: str) -> Hot:
    """INSERT that leaves a row alone which is there already."""

    def build(dialect: Dialect) -> Executable:
        insert = upsert(dialect, table)
        row: Executable = insert.values({name: bindparam(name) for name in columns}).on_conflict_do_nothing()
        return row

    return Hot(f"insert once {table.name}", columns, build)


def among(column: ColumnElement[str], name: str, dialect: Dialect) -> ColumnElement[bool]:
    """``column IN (…)`` with one parameter however long the list: see ``listed``."""
    if dialect.name == "sqlite":
        values = func.json_each(bindparam(name)).table_valued("value")
        return column.in_(select(values.c.value))
    return column == any_(bindparam(name, type_=ARRAY(Text)))


def each_of(
    name: str, rows: Callable[[ColumnElement[str]], Select[Any]], beside: FromClause | None = None
) -> tuple[FromClause, FromClause]:
    """PostgreSQL: where the rows of each value of a list come from, and the rows; for a parameter as ``among`` has it.

    Value by value, which the offset makes sure of: the planner may take it for shorter to read whatever else is asked
    for, and look which of it has one of the values. ``beside`` is a small table that ``rows`` refers to.
    """
    values = (
        func.unnest(bindparam(name, type_=ARRAY(Text))).table_valued(column("value", Text)).render_derived("wanted")
    )
    found = rows(values.c.value).offset(literal_column("0")).lateral("found")
    before = values if beside is None else beside.join(values, true())
    return before.join(found, true()), found


def listed(values: Iterable[str], dialect: Dialect) -> Any:  # noqa: ANN401 -- what the driver of that dialect takes
    """The parameter for ``among``."""
    if dialect.name == "sqlite":
        return orjson.dumps(list(values)).decode()
    return list(values)
