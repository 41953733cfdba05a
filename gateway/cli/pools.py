"""``heliograph pools``: numbers and sender IDs that texts leave from as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.common import ACCOUNT, Json, at_desk, now_micros
from gateway.cli.output import say, show_list
from gateway.resources import pools
from gateway.resources.desk import everything

if TYPE_CHECKING:
    from gateway.cli.output import Column
    from gateway.model import OriginationIdentity, Pool
    from gateway.resources.desk import Desk

PoolId = Annotated[str, typer.Argument(metavar="POOL", help="The pool's id.")]
IdentityId = Annotated[str, typer.Argument(metavar="IDENTITY", help="Id of a number or sender ID.")]
Name = Annotated[str, typer.Option("--name", help="Left out: the pool's id.")]
Protected = Annotated[bool, typer.Option("--protected", help="It cannot be removed.")]

COLUMNS: tuple[Column, ...] = (
    ("Pool", lambda one: one["pool"].name),
    ("Type", lambda one: one["pool"].message_type),
    ("Two-way", lambda one: one["pool"].two_way),
    ("Opt-out list", lambda one: one["pool"].opt_out_list),
    ("Senders", lambda one: " ".join(member.sender for member in one["members"])),
    ("Id", lambda one: one["pool"].id),
)

app = typer.Typer(help="Pools: numbers and sender IDs that texts leave from as one.", no_args_is_help=True)


@app.command("list")
def list_pools(as_json: Json = False) -> None:
    """Print all pools and who is in them."""

    async def work(desk: Desk) -> list[dict[str, object]]:
        return [
            {"pool": pool, "members": await pools.members(desk, account_id=ACCOUNT, pool_id=pool.id)}
            for pool in await everything(pools.find, desk, account_id=ACCOUNT)
        ]

    show_list(at_desk(work), COLUMNS, as_json=as_json)


@app.command()
def add(identity: IdentityId, name: Name = "", protected: Protected = False, as_json: Json = False) -> None:
    """Make a pool around its first number or sender ID, whose settings and keywords it takes."""

    async def work(desk: Desk) -> Pool:
        return await pools.create(
            desk, account_id=ACCOUNT, identity_id=identity, name=name, deletion_protection=protected, now=now_micros()
        )

    added = at_desk(work)
    say(f"Added the pool {added.name} ({added.id}).", added, as_json=as_json)


@app.command()
def remove(pool: PoolId, as_json: Json = False) -> None:
    """Dissolve a pool; its numbers and sender IDs stay."""

    async def work(desk: Desk) -> Pool:
        found = await pools.get(desk, account_id=ACCOUNT, pool_id=pool)
        await pools.delete(desk, account_id=ACCOUNT, pool_id=pool)
        return found

    removed = at_desk(work)
    say(f"Removed the pool {removed.name}.", removed, as_json=as_json)


@app.command()
def join(pool: PoolId, identity: IdentityId, as_json: Json = False) -> None:
    """Put a number or sender ID into a pool."""

    async def work(desk: Desk) -> OriginationIdentity:
        return await pools.join(desk, account_id=ACCOUNT, pool_id=pool, identity_id=identity)

    joined = at_desk(work)
    say(f"{joined.sender} is in the pool {pool}.", joined, as_json=as_json)


@app.command()
def leave(pool: PoolId, identity: IdentityId, as_json: Json = False) -> None:
    """Take a number or sender ID out of a pool."""

    async def work(desk: Desk) -> OriginationIdentity:
        return await pools.leave(desk, account_id=ACCOUNT, pool_id=pool, identity_id=identity)

    left = at_desk(work)
    say(f"{left.sender} has left the pool {pool}.", left, as_json=as_json)
