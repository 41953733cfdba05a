"""Event streams: what happens to an application's messages, to Kinesis or Firehose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.resources import event_streams

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.api.aws.call import Call
    from gateway.resources.event_streams import EventStream


async def put_event_stream(call: Call) -> Mapping[str, Any]:
    given = call.input["WriteEventStream"]
    made = await event_streams.put(
        call.desk, **_whose(call), stream_arn=given["DestinationStreamArn"], role_arn=given["RoleArn"], now=call.now()
    )
    await call.services.post.refresh()
    return _shown(made)


async def get_event_stream(call: Call) -> Mapping[str, Any]:
    return _shown(await event_streams.get(call.desk, **_whose(call)))


async def delete_event_stream(call: Call) -> Mapping[str, Any]:
    gone = await event_streams.delete(call.desk, **_whose(call))
    await call.services.post.refresh()
    return _shown(gone)


def _whose(call: Call) -> dict[str, str]:
    return {"account_id": call.account_id, "application_id": call.input["ApplicationId"]}


def _shown(one: EventStream) -> Mapping[str, Any]:
    shown = {"ApplicationId": one.application_id, "DestinationStreamArn": one.stream_arn, "RoleArn": one.role_arn}
    return {"EventStream": shown}
