"""Sending, finding and cancelling messages. ``send`` and ``send_batch`` are the hot path: plain dicts, no look-ups."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson

from gateway.api.problems import document, invalid
from gateway.api.rest.endpoint import Call, Endpoint, Reply
from gateway.api.rest.finding import UUID, check_cursor, read_number
from gateway.api.rest.message_models import (
    AcceptedMessage,
    BatchAnswer,
    BatchMessage,
    Decision,
    DecisionQuery,
    Message,
    MessagePage,
    MessageQuery,
    MessageStory,
    PartState,
    SendBatch,
    SendMessage,
    TimelineEntry,
)
from gateway.errors import GatewayError, Invalid, NotFound, Refused
from gateway.events.record import timestamp
from gateway.model import Status
from gateway.outbound.request import Accepted, Order, SendRequest
from gateway.resources import messages
from gateway.store.times import from_millionths, iso, span, to_micros

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import RowMapping

    from gateway.api.rest.fields import NoQuery
    from gateway.api.rest.message_models import Defaults, Options

FURTHEST = timedelta(days=366)
_KEY = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?", re.ASCII)

_REPLAYED = {"Idempotent-Replayed": "true"}
_ACCEPTED, _OK = 202, 200
_SECONDS = {seconds: timedelta(seconds=seconds) for seconds in (60, 300, 3600, 86_400, 259_200)}


async def send(call: Call[DecisionQuery, SendMessage]) -> Reply:
    body = call.body
    request = _request(call, body, body.to, body.body, "")
    idempotency_key = "" if body.dry_run else read_idempotency_key(call)
    order = Order((request,), idempotency_key, _hash(call) if idempotency_key else "")
    answer = await call.services.outbound.accept_all(order)
    outcome = answer.outcomes[0]
    headers = _REPLAYED if answer.replayed else {}
    if isinstance(outcome, GatewayError):
        raise outcome
    if outcome.dry_run:
        return Reply(accepted_document(outcome, decision=True), _OK)
    if outcome.refusal:
        return Reply(
            document(refused(outcome)), Refused.status, {**headers, "Content-Type": "application/problem+json"}
        )
    return Reply(accepted_document(outcome, decision=call.query.decision), _ACCEPTED, headers)


async def send_batch(call: Call[DecisionQuery, SendBatch]) -> Reply:
    shared = call.body.defaults.model_fields_set - {"body"}
    requests = tuple([_of_batch(call, entry, at, shared) for at, entry in enumerate(call.body.messages)])
    dry = all([request.dry_run for request in requests])  # noqa: C419 -- a list is quicker than a generator here
    idempotency_key = "" if dry else read_idempotency_key(call)
    order = Order(requests, idempotency_key, _hash(call) if idempotency_key else "")
    answer = await call.services.outbound.accept_all(order)
    decision = call.query.decision
    results = [_result(outcome, decision=decision) for outcome in answer.outcomes]
    count = sum("error" not in result for result in results)
    headers = _REPLAYED if answer.replayed else {}
    return Reply({"accepted": count, "results": results}, _OK if dry else _ACCEPTED, headers)


def _request(call: Call[Any, Any], options: Options, to: str, body: str, path: str) -> SendRequest:
    send_at = options.send_at
    return SendRequest(
        account_id=call.key.account_id,
        to=to,
        body=body,
        origination=options.origination or "",
        message_type=options.message_type.value if options.message_type else "",
        ttl=_SECONDS.get(options.ttl) or timedelta(seconds=options.ttl),
        send_at=_ahead(call, send_at, path) if send_at else None,
        max_price=options.max_price,
        on_unknown=options.on_unknown,
        substitute=options.substitute,
        dry_run=options.dry_run,
        context=options.context,
        key_id=call.key.id,
        path=path,
    )


def _ahead(call: Call[Any, Any], send_at: datetime, path: str) -> datetime | None:
    """``send_at`` when it lies ahead; None when it is past. Raises Invalid when it is too far ahead."""
    until = to_micros(send_at) - call.now()
    if until > span(FURTHEST):
        raise Invalid(
            "out_of_range",
            "send_at is more than a year ahead.",
            field=f"{path}send_at",
            remedy="Schedule it nearer to its time.",
        )
    return send_at if until > 0 else None


def _of_batch(call: Call[Any, SendBatch], entry: BatchMessage, at: int, shared: set[str]) -> SendRequest:
    defaults = call.body.defaults
    path = f"messages[{at}]."
    body = entry.body if entry.body is not None else defaults.body
    if body is None:
        raise invalid([{
            "code": "missing", "field": f"{path}body", "detail": f"{path}body is missing.",
            "remedy": "Add it, or give defaults a body.",
        }])  # fmt: skip
    options = _merged(entry, defaults, shared - entry.model_fields_set) if shared else entry
    return _request(call, options, entry.to, body, path)


def _merged(entry: BatchMessage, defaults: Defaults, names: set[str]) -> BatchMessage:
    """The entry, with what it does not say itself from the defaults. Both were validated."""
    return entry.model_copy(update={name: getattr(defaults, name) for name in names})


def read_idempotency_key(call: Call[Any, Any]) -> str:
    """The header Idempotency-Key, or "". Raises Invalid unless it has 1 to 255 printable ASCII characters."""
    written = call.request.headers.get("Idempotency-Key")
    if written is None:
        return ""
    if not _KEY.fullmatch(written):
        raise Invalid(
            "bad_idempotency_key",
            "Idempotency-Key is not 1 to 255 printable ASCII characters.",
            field="Idempotency-Key",
            remedy="Send a fresh UUID.",
        )
    return written


def _hash(call: Call[Any, Any]) -> str:
    """What makes two requests the same: method, path, and the body whatever its spaces and the order of its names."""
    canonical = orjson.dumps(call.document, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(
        b"%b %b\n%b" % (call.request.method.encode(), call.request.path.encode(), canonical)
    ).hexdigest()


def accepted_document(accepted: Accepted, *, decision: bool) -> dict[str, Any]:
    """The answer to a send. It leaves out what has nothing to say."""
    shown: dict[str, Any] = {
        "id": accepted.message_id,
        "status": accepted.status,
        "to": accepted.to,
        "from": accepted.sender,
        "parts": accepted.parts,
        "encoding": accepted.encoding,
        "message_type": accepted.message_type,
        "price": accepted.price,
        "created_at": timestamp(accepted.created_at),
    }
    if accepted.send_at is not None:
        shown["send_at"] = timestamp(accepted.send_at)
    if accepted.dry_run:
        shown |= {"dry_run": True, "refusal": accepted.refusal}
    else:
        shown["links"] = {"self": f"/v1/messages/{accepted.message_id}"}
    if decision or accepted.dry_run:
        shown["decision"] = accepted.decision
    return shown


def refused(accepted: Accepted, *, decision: bool = True) -> Refused:
    """The error for a message that a rule refused: it is stored, and will not leave."""
    verdict = accepted.refusal or {}
    extra: dict[str, Any] = {"message_id": accepted.message_id, "verdict": verdict}
    if decision:
        extra["decision"] = accepted.decision
    return Refused(verdict["code"], verdict["reason"], remedy=verdict["remedy"], extra=extra)


def _result(outcome: Accepted | GatewayError, *, decision: bool) -> dict[str, Any]:
    if isinstance(outcome, GatewayError):
        return {"error": document(outcome)}
    if outcome.refusal and not outcome.dry_run:
        return {"error": document(refused(outcome, decision=decision))}
    return accepted_document(outcome, decision=decision)


async def find(call: Call[MessageQuery, None]) -> MessagePage:
    query = call.query
    check_cursor(query.cursor)
    search = messages.Search(
        account_id=call.account_id,
        number=read_number(call, query.number, query.region),
        status=query.status or "",
        after=to_micros(query.after) if query.after else None,
        before=to_micros(query.before) if query.before else None,
        cursor=query.cursor,
        limit=query.limit + 1,
    )
    found = await messages.find(call.desk.store, search)
    shown = [Message(**message_values(row)) for row in found[: query.limit]]
    return MessagePage(items=shown, next_cursor=shown[-1].id if len(found) > query.limit else "")


async def get(call: Call[NoQuery, None]) -> MessageStory:
    story = await messages.get(call.desk.store, call.account_id, _message_id(call))
    return MessageStory(
        **message_values(story.message),
        part_states=[_part(row) for row in story.parts],
        timeline=[
            TimelineEntry(seq=row["seq"], type=row["type"], at=iso(row["at"]), data=orjson.loads(row["data"])["data"])
            for row in story.timeline
        ],
        decision=Decision.model_validate(story.decision) if story.decision else None,
    )


async def cancel(call: Call[NoQuery, None]) -> MessageStory:
    await messages.cancel(call.desk.store, call.account_id, _message_id(call), now=call.now())
    return await get(call)


def _message_id(call: Call[Any, Any]) -> str:
    message_id = call.path("id")
    if not UUID.fullmatch(message_id):
        raise NotFound("message_not_found", "There is no message with this id.", field="id")
    return message_id


def message_values(row: Mapping[Any, Any]) -> Mapping[str, Any]:
    """The fields of ``Message`` of a row."""
    same = (
        "id", "status", "reason_code", "reason", "country", "identity_id", "pool_id", "body", "encoding", "parts",
        "message_type", "purpose", "attempts", "on_unknown", "in_reply_to",
    )  # fmt: skip
    times = ("status_at", "created_at", "expires_at", "submitted_at", "final_at")
    waits = row["status"] == Status.SCHEDULED and row["next_at"] is not None
    return {
        **{name: row[name] for name in same},
        **{name: iso(row[name]) if row[name] is not None else None for name in times},
        "to": row["destination"],
        "sender": row["sender"],
        "price": f"{from_millionths(row['price']):f}",
        "connector": row["connector_id"],
        "possible_duplicate": bool(row["possible_duplicate"]),
        "send_at": iso(row["next_at"]) if waits else None,
        "context": orjson.loads(row["context"]),
        "links": {"self": f"/v1/messages/{row['id']}"},
    }


def _part(row: RowMapping) -> PartState:
    return PartState(
        number=row["number"], status=row["status"], status_at=iso(row["status_at"]), connector=row["connector_id"],
        carrier_id=row["carrier_id"], raw_code=row["raw_code"], raw_state=row["raw_state"], raw_error=row["raw_error"],
    )  # fmt: skip


_IDEMPOTENT = ("Idempotency-Key",)

ENDPOINTS = (
    Endpoint(
        method="POST", path="/v1/messages", scope="send", tag="Messages", summary="Send a text",
        handle=send, body=SendMessage, query=DecisionQuery, answer=AcceptedMessage, status=_ACCEPTED,
        also={_OK: AcceptedMessage}, problems=frozenset({404, 409, 429}), headers=_IDEMPOTENT, quick=True,
        note="202 once the message is stored; it then leaves by itself. A rule's refusal is a problem 409 with the "
        "verdict, the whole decision, and the id under which the refusal is kept. A dry run answers 200, whatever "
        "the decision is.",
    ),
    Endpoint(
        method="POST", path="/v1/messages/batch", scope="send", tag="Messages", summary="Send up to 1,000 texts",
        handle=send_batch, body=SendBatch, query=DecisionQuery, answer=BatchAnswer, status=_ACCEPTED,
        also={_OK: BatchAnswer}, headers=_IDEMPOTENT,
        note="A batch that does not fit this document is refused as a whole, and nothing is stored. Otherwise each "
        "message has its result in its place: what was accepted, or the problem. 200 when all are dry runs.",
    ),
    Endpoint(
        method="GET", path="/v1/messages", scope="read", tag="Messages", summary="Find messages",
        handle=find, query=MessageQuery, answer=MessagePage,
    ),
    Endpoint(
        method="GET", path="/v1/messages/{id}", scope="read", tag="Messages", summary="One message and its story",
        handle=get, answer=MessageStory,
        note="With the state of each part, every event so far, and the whole decision.",
    ),
    Endpoint(
        method="DELETE", path="/v1/messages/{id}", scope="send", tag="Messages", summary="Cancel a waiting message",
        handle=cancel, answer=MessageStory, problems=frozenset({409}),
        note="A message that has left cannot be called back: 409.",
    ),
)  # fmt: skip
