"""The one table of endpoints. Routing, validation, scopes and the OpenAPI document come from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.api.rest import (
    account,
    api_keys,
    connectors,
    event_destinations,
    events,
    inbound,
    keywords,
    lookup,
    messages,
    opt_out_lists,
    opt_outs,
    phone_numbers,
    pools,
    preview,
    reviews,
    routes,
    sender_ids,
)

if TYPE_CHECKING:
    from gateway.api.rest.endpoint import Endpoint

_MODULES = (
    messages, preview, inbound, lookup, opt_outs, opt_out_lists, reviews, phone_numbers, sender_ids, pools, keywords,
    connectors, routes, events, event_destinations, api_keys, account,
)  # fmt: skip

ENDPOINTS: tuple[Endpoint, ...] = tuple(endpoint for module in _MODULES for endpoint in module.ENDPOINTS)
