"""Statements of the hot path: built once with SQLAlchemy, compiled once, run by the bare driver.

SQLAlchemy's execution layer doubles the CPU time of a small transaction (docs/performance.md). Everything that is not
hot uses SQLAlchemy plainly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import ARRAY, Text, any_, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy import ColumnElement, Executable, Table
    from sqlalchemy.engine import Dialect


@dataclass(frozen=True, slots=True)
class Hot:
    """A statement and the order in which its parameters are given."""

    name: str
    params: tuple[str, ...]
    build: Callable[[Dialect], Executable]

    def compile(self, dialect: Dialect) -> str:
        """The SQL of it.

        Raises:
            ValueError: the statement takes other parameters than declared, or in another order.
        """
        compiled = self.build(dialect).compile(dialect=dialect)  # type: ignore[attr-defined]
        order = tuple(compiled.positiontup or ())
        if order != self.params:
            raise ValueError(f"{self.name} takes {order}, declared are {self.params}")
        return str(compiled)


def inserting(table: Table, *columns: str) -> Hot:
    """INSERT of whole rows with these columns, in this order."""
    wanted = columns or tuple(column.name for column in table.columns)
    values: dict[str, Any] = {name: bindparam(name) for name in wanted}
    return Hot(f"insert {table.name} {len(wanted)}", wanted, lambda _dialect: table.insert().values(values))


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


def listed(values: Iterable[str], dialect: Dialect) -> Any:  # noqa: ANN401 -- what the driver of that dialect takes
    """The parameter for ``among``."""
    if dialect.name == "sqlite":
        return orjson.dumps(list(values)).decode()
    return list(values)
