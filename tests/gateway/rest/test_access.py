"""Who may: every endpoint with every key."""

from __future__ import annotations

import pytest

from gateway.api.rest.table import ENDPOINTS
from gateway.resources import api_keys
from tests.gateway.rest.test_bad_input import TAKEN, name_of
from tests.support.api import PERSON, filled

SCOPES = sorted(api_keys.SCOPES)


async def attempt(bench, endpoint, **how):
    return await bench.call(endpoint.method, filled(endpoint.path, bench), TAKEN.get(name_of(endpoint)), **how)


async def test_a_key_without_the_scope_is_403_and_told_which_it_lacks(bench):
    before = await bench.counts()
    for endpoint in ENDPOINTS:
        for scope in set(SCOPES) - {endpoint.scope}:
            answer = await attempt(bench, endpoint, key=scope)
            assert (answer.status, answer.json["code"], answer.json["scope"]) == (
                403,
                "scope_missing",
                endpoint.scope,
            ), name_of(endpoint)
            assert endpoint.scope in answer.json["remedy"]
    assert await bench.counts() == before


async def test_a_key_with_the_scope_is_let_in(bench):
    for endpoint in ENDPOINTS:
        if "stream" not in endpoint.path:
            answer = await attempt(bench, endpoint, key=endpoint.scope)
            assert answer.status not in {401, 403}, name_of(endpoint)


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer hg_unknown", "Basic aGc6eA==", "hg_unknown", "Bearer \u00e9", "Bearer a b"],
)
async def test_no_good_key_is_401_everywhere(bench, header):
    for endpoint in ENDPOINTS:
        answer = await attempt(bench, endpoint, key="", headers={"Authorization": header} if header else {})
        assert (answer.status, answer.json["field"]) == (401, "Authorization"), name_of(endpoint)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_the_scheme_is_read_in_any_case(bench):
    answer = await bench.call("GET", "/v1/account", headers={"Authorization": f"bearer {bench.keys['read']}"})
    assert answer.status == 200


async def test_a_revoked_key_opens_nothing(bench):
    await bench.call("DELETE", f"/v1/api-keys/{bench.key_ids['read']}")
    answer = await bench.call("GET", "/v1/account", key="read")
    assert (answer.status, answer.json["code"]) == (401, "key_unknown")


async def test_what_belongs_to_another_account_is_not_there(bench):
    paths = [
        one
        for one in ENDPOINTS
        if "{id}" in one.path
        and not one.of_instance
        and one.path.split("/")[2] in {"phone-numbers", "sender-ids", "api-keys"}
    ]
    assert len(paths) > 8
    for endpoint in paths:
        path = filled(endpoint.path, bench, "other_")
        answer = await bench.call(endpoint.method, path, TAKEN.get(name_of(endpoint)))
        assert answer.status == 404, (name_of(endpoint), answer.octets)


async def test_messages_lists_and_destinations_of_another_account_are_not_there(bench):
    sent = await bench.call("POST", "/v1/messages", {"to": PERSON, "body": "x"}, key="other")
    made = await bench.call("POST", "/v1/event-destinations", {"kind": "file", "target": "o.jsonl"}, key="other")
    route = (await bench.call("GET", "/v1/routes", key="other")).json["items"][0]
    await bench.call("POST", "/v1/opt-out-lists", {"name": "Theirs"}, key="other")
    destination = f"/v1/event-destinations/{made.json['id']}"
    for method, path in (
        ("GET", f"/v1/messages/{sent.json['id']}"), ("DELETE", f"/v1/messages/{sent.json['id']}"),
        ("GET", destination), ("DELETE", destination), ("POST", f"{destination}/test"), ("GET", f"{destination}/dead-letters"),
        ("POST", f"{destination}/secret"), ("GET", f"/v1/routes/{route['id']}"), ("DELETE", f"/v1/routes/{route['id']}"),
        ("GET", "/v1/opt-out-lists/Theirs"),
    ):  # fmt: skip
        assert (await bench.call(method, path)).status == 404, (method, path)
    assert (await bench.call("POST", f"{destination}/replay", {})).status == 404
    assert (await bench.call("GET", "/v1/messages")).json["items"] == []
    assert (await bench.call("GET", "/v1/events")).json["items"] == []


async def test_an_opt_out_of_one_account_does_not_bind_another(bench):
    await bench.call("POST", "/v1/opt-outs", {"number": PERSON}, key="other")
    assert (await bench.call("POST", "/v1/messages", {"to": PERSON, "body": "x"})).status == 202
    assert (await bench.call("GET", "/v1/opt-outs")).json["items"] == []


async def test_connectors_are_for_the_account_of_the_instance(bench):
    for endpoint in (one for one in ENDPOINTS if one.of_instance):
        answer = await attempt(bench, endpoint, key="other")
        assert (answer.status, answer.json["code"]) == (403, "instance_only")
    assert bench.restarts == []


async def test_health_needs_no_key_and_metrics_only_from_this_machine(bench):
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"):
        assert (await bench.call("GET", path, key="")).status == 200, path
    proxied = {"X-Forwarded-For": "203.0.113.9"}
    assert (await bench.call("GET", "/metrics", key="", headers=proxied)).status == 401
    assert (await bench.call("GET", "/metrics", key="send", headers=proxied)).status == 403
    assert (await bench.call("GET", "/metrics", key="read", headers=proxied)).status == 200


async def test_a_new_key_works_at_once_and_its_secret_is_shown_once(bench):
    made = await bench.call("POST", "/v1/api-keys", {"name": "shop", "scopes": ["send"]})
    secret = made.json["secret"]
    assert made.status == 201
    assert secret.startswith(made.json["prefix"])
    sent = await bench.call(
        "POST", "/v1/messages", {"to": PERSON, "body": "x"}, headers={"Authorization": f"Bearer {secret}"}
    )
    assert sent.status == 202
    shown = await bench.call("GET", made.headers["Location"])
    assert (shown.json["name"], shown.json["scopes"]) == ("shop", ["send"])
    for path in (made.headers["Location"], "/v1/api-keys?limit=1000"):
        assert secret not in (await bench.call("GET", path)).octets.decode()


async def test_api_keys_are_listed_and_revoked(bench):
    made = await bench.call("POST", "/v1/api-keys", {"name": "shop", "scopes": ["send", "read"]}, key="admin")
    assert (made.status, made.json["scopes"], made.json["revoked_at"]) == (201, ["read", "send"], None)
    assert made.json["id"] in [one["id"] for one in (await bench.call("GET", "/v1/api-keys")).json["items"]]
    revoked = await bench.call("DELETE", made.headers["Location"])
    assert revoked.json["revoked_at"]
    assert (await bench.call("GET", made.headers["Location"])).json == revoked.json
