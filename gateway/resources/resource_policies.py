"""Policies on resources: a JSON document each, kept and given back as it was written.

It says with which other accounts a resource is shared. Nothing is shared here: one account's resources are never
another's, so a policy is checked for its form only
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import select

from gateway.errors import Invalid
from gateway.resources import existence, rows
from gateway.store.tables_numbers import resource_policies as table

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.resources.desk import Desk
    from gateway.store.writer import Tx

KINDS = frozenset({"phone-number", "pool", "sender-id", "opt-out-list"})
_EFFECTS = frozenset({"Allow", "Deny"})
_VERSIONS = frozenset({"2012-10-17", "2008-10-17"})


@dataclass(frozen=True, slots=True)
class ResourcePolicy:
    policy: str  # JSON
    created_at: int  # microseconds


async def put(desk: Desk, *, account_id: str, resource: str, policy: str, now: int) -> ResourcePolicy:
    """Attach a policy, in place of the one that is there; ``resource`` as at the end of its ARN, "pool/pool-…".

    Raises:
        NotFound: there is no such resource, or it is of a kind that cannot be shared.
        Invalid: the document is no policy (``bad_policy``).
    """
    _check(policy)
    values = {"policy": policy, "created_at": now}

    async def work(tx: Tx) -> ResourcePolicy:
        await _require_shareable(tx.conn, account_id, resource)
        await drop(tx, account_id, resource)
        await rows.insert(tx.conn, table, {"account_id": account_id, "resource": resource, **values})
        return ResourcePolicy(policy, now)

    return await desk.store.write(work)


async def get(desk: Desk, *, account_id: str, resource: str) -> ResourcePolicy:
    """Raises NotFound: there is no such resource, or no policy on it (``policy_not_found``)."""
    async with desk.store.reading() as conn:
        return await _get(conn, account_id, resource)


async def delete(desk: Desk, *, account_id: str, resource: str) -> ResourcePolicy:
    """Take the policy off; gives what it was. Raises NotFound as ``get``."""

    async def work(tx: Tx) -> ResourcePolicy:
        found = await _get(tx.conn, account_id, resource)
        await drop(tx, account_id, resource)
        return found

    return await desk.store.write(work)


async def drop(tx: Tx, account_id: str, resource: str) -> None:
    """Remove the policy of a resource that is deleted, within somebody's transaction."""
    await tx.conn.execute(table.delete().where(*_of(account_id, resource)))


async def _get(conn: AsyncConnection, account_id: str, resource: str) -> ResourcePolicy:
    await _require_shareable(conn, account_id, resource)
    row = (await conn.execute(select(table).where(*_of(account_id, resource)))).one_or_none()
    if row is None:
        raise rows.missing("policy", "resource")
    return ResourcePolicy(row.policy, row.created_at)


async def _require_shareable(conn: AsyncConnection, account_id: str, resource: str) -> None:
    if resource.partition("/")[0] not in KINDS:
        raise rows.missing("resource", "resource")
    await existence.require(conn, account_id, resource)


def _of(account_id: str, resource: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return table.c.account_id == account_id, table.c.resource == resource


def _check(policy: str) -> None:
    try:
        document = orjson.loads(policy)
    except orjson.JSONDecodeError:
        raise _bad("It is not JSON.") from None
    if not isinstance(document, dict) or document.get("Version", "2012-10-17") not in _VERSIONS:
        raise _bad("It has no version that is known.")
    statements = document.get("Statement")
    statements = [statements] if isinstance(statements, dict) else statements
    if not isinstance(statements, list) or not statements:
        raise _bad("It has no statement.")
    for statement in statements:
        _check_statement(statement)


def _check_statement(statement: Any) -> None:  # noqa: ANN401 -- JSON
    if not isinstance(statement, dict) or statement.get("Effect") not in _EFFECTS:
        raise _bad("A statement has no Effect of Allow or Deny.")
    for one, other in (("Principal", "NotPrincipal"), ("Action", "NotAction")):
        if (one in statement) == (other in statement):
            raise _bad(f"A statement needs {one} or {other}.")


def _bad(why: str) -> Invalid:
    return Invalid("bad_policy", f"The policy is no policy document. {why}", field="policy", remedy="Correct it.")
