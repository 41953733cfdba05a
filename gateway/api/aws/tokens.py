"""ClientToken: the same request, sent again, has the first one's answer (model: "ClientToken", idempotencyToken)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import orjson

from gateway.resources import client_tokens

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from gateway.api.aws.call import Call


async def once(
    call: Call, members: Sequence[str], answer: Callable[[], Awaitable[Mapping[str, Any]]]
) -> Mapping[str, Any]:
    """The answer to a call, or the one it was given within the last 24 hours.

    Args:
        call: of any operation.
        members: names of those of its input that are idempotency tokens; none for most operations.
        answer: does the work; what it gives is plain JSON.

    Raises:
        Invalid: the token came with another input.
        TooMany: the first one is still at work.
        Exception: what ``answer`` raises.
    """
    token = next((call.input[name] for name in members if name in call.input), "")
    if not token:
        return await answer()
    use = client_tokens.Use(call.account_id, call.operation, token, _hash(call), call.services.now)
    return await client_tokens.once(call.desk.store, use, answer)


def _hash(call: Call) -> str:
    return hashlib.sha256(orjson.dumps(call.input, option=orjson.OPT_SORT_KEYS, default=_octets)).hexdigest()


def _octets(value: bytes) -> str:
    return hashlib.sha256(value).hexdigest()
