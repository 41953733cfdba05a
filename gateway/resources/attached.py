"""What hangs on a resource without being part of it: its tags and its policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.resources import resource_policies, tags

if TYPE_CHECKING:
    from gateway.store.writer import Tx


async def drop(tx: Tx, account_id: str, resource: str) -> None:
    """Remove what hangs on a resource that is deleted; ``resource`` as at the end of its ARN, "pool/pool-…"."""
    await tags.drop(tx, account_id, resource)
    await resource_policies.drop(tx, account_id, resource)
