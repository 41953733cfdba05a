"""AWS's own Python client against a live server of this process.

boto3 waits for its answers, so each call runs in a thread while the server runs in the loop of the test.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from gateway.resources import access_keys, accounts, api_keys, phone_numbers, routes, sender_ids
from tests.support.api import MAIN, Bench, now, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path

    from gateway.model import OriginationIdentity
    from gateway.resources.desk import Desk
    from gateway.services import Services

SERVICE = "pinpoint-sms-voice-v2"
REGION = "us-east-1"
PERSON = "+12065550142"


@dataclass(frozen=True)
class Key:
    """What a client signs with."""

    id: str
    secret: str
    account_id: str


@dataclass
class Aws:
    """A running server, and calls to it as AWS's clients make them; those of ``call`` and ``refused`` are of ``main``."""

    bench: Bench
    url: str
    key: Key

    @property
    def services(self) -> Services:
        return self.bench.services

    @property
    def desk(self) -> Desk:
        return self.services.desk

    def client(self, key: Key | None = None, *, service: str = SERVICE, region: str = REGION) -> Any:
        """An unmodified boto3 client. Its methods block: call them in a thread."""
        return _client(service, region, self.url, key or self.key)

    async def call(
        self, operation: str, key: Key | None = None, *, service: str = SERVICE, **members: Any
    ) -> dict[str, Any]:
        """The parsed answer of an operation, named as boto3 names it: ``call("create_pool", …)``."""
        answer = await asyncio.to_thread(getattr(self.client(key, service=service), operation), **members)
        answer.pop("ResponseMetadata")
        return answer

    async def refused(self, operation: str, key: Key | None = None, **members: Any) -> dict[str, Any]:
        """The ``response`` of the error that an operation answers, with its Reason and the like."""
        try:
            answer = await self.call(operation, key, **members)
        except ClientError as error:
            return error.response
        raise AssertionError(f"{operation} was not refused: {answer}")

    async def pages(self, operation: str, key: Key | None = None, **members: Any) -> list[dict[str, Any]]:
        """All pages of a list, one entry each, by botocore's own paginator."""
        paginator = self.client(key).get_paginator(operation)
        found = paginator.paginate(**members, PaginationConfig={"PageSize": 1})
        return await asyncio.to_thread(list, found)

    async def new_key(self, account_id: str = MAIN, scopes: Iterable[str] = api_keys.SCOPES) -> Key:
        key, secret = await access_keys.create(self.desk, account_id=account_id, name="test", scopes=scopes, now=now())
        return Key(key.id, secret, account_id)

    async def new_account(self, account_id: str) -> Key:
        """Another account with a route of its own, and nothing to send from."""
        await accounts.create(self.desk, account_id=account_id, name=account_id, now=now())
        await routes.create(self.desk, account_id=account_id, connectors=["c1"], now=now())
        return await self.new_key(account_id)

    async def new_number(
        self, number: str, *, account_id: str = MAIN, kind: str = "LONG_CODE", country: str = "US", **more: Any
    ) -> OriginationIdentity:
        return await phone_numbers.create(
            self.desk, account_id=account_id, number=number, kind=kind, country=country, now=now(), **more
        )

    async def new_sender_id(self, sender: str, *, account_id: str = MAIN, **more: Any) -> OriginationIdentity:
        return await sender_ids.create(self.desk, account_id=account_id, sender=sender, now=now(), **more)


@contextlib.asynccontextmanager
async def serving_aws(folder: Path, **settings: Any) -> AsyncIterator[Aws]:
    """What ``tests.support.api.serving`` gives (accounts ``main`` and ``other``, each with a number, a sender ID and a
    route through the connector "c1", which keeps all it is given QUEUED), with a key for boto3.
    """
    async with serving(folder, **settings) as bench:
        key, secret = await access_keys.create(
            bench.services.desk, account_id=MAIN, name="boto3", scopes=api_keys.SCOPES, now=now()
        )
        url = str(bench.client.make_url("")).rstrip("/")
        yield Aws(bench, url, Key(key.id, secret, MAIN))


@functools.lru_cache(maxsize=8)  # a client takes megabytes
def _client(service: str, region: str, url: str, key: Key) -> Any:
    config = Config(retries={"total_max_attempts": 1}, proxies={}, parameter_validation=False, max_pool_connections=50)
    return _session().client(
        service, region_name=region, endpoint_url=url, aws_access_key_id=key.id, aws_secret_access_key=key.secret,
        config=config,
    )  # fmt: skip


@functools.cache
def _session() -> Any:
    return boto3.session.Session()
