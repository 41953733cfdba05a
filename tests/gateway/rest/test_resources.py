"""What each resource does over HTTP when it is asked well."""

from __future__ import annotations

from datetime import timedelta

import pytest

from carriers.types import ConnectorStatus
from gateway.resources import protect_configurations, reviews
from gateway.store.tables import inbound_messages, messages
from gateway.store.times import new_id, span
from tests.support.api import NUMBER, PERSON, now

ENCODED = "%2B12065550142"


async def items(bench, path):
    answer = await bench.call("GET", path)
    assert answer.status == 200, answer.octets
    return answer.json["items"]


async def test_a_person_is_opted_out_found_and_texted_again(bench):
    made = await bench.call("POST", "/v1/opt-outs", {"number": PERSON, "reason": "phoned us"}, key="compliance")
    again = await bench.call("POST", "/v1/opt-outs", {"number": PERSON}, key="compliance")
    assert (made.status, again.status, again.json) == (201, 200, made.json)
    assert made.headers["Location"] == f"/v1/opt-outs/{ENCODED}"
    assert (await bench.call("GET", made.headers["Location"])).json == made.json
    for written in ("2065550142", "(206) 555-0142", "%2B1206555", "5550142", "12065550142"):
        assert await items(bench, f"/v1/opt-outs?number={written}") == [made.json], written
    assert await items(bench, "/v1/opt-outs?number=2065550142&region=US&list=Default") == [made.json]
    lifted = await bench.call(
        "POST", "/v1/opt-outs/lift", {"number": PERSON, "reason": "asked by letter"}, key="compliance"
    )
    assert (lifted.status, lifted.octets) == (204, b"")
    assert (await bench.call("GET", made.headers["Location"])).json["code"] == "not_opted_out"
    history = await items(bench, f"/v1/opt-outs/{ENCODED}/history")
    assert [(one["action"], one["reason"], one["actor"]) for one in history] == [
        ("OPT_OUT", "phoned us", f"key:{bench.key_ids['compliance']}"),
        ("OPT_OUT", "", f"key:{bench.key_ids['compliance']}"),
        ("OPT_IN", "asked by letter", f"key:{bench.key_ids['compliance']}"),
    ]


async def test_an_opt_out_is_not_lifted_without_a_reason_nor_twice(bench):
    await bench.call("POST", "/v1/opt-outs", {"number": PERSON})
    for reason, code in (("", "too_short"), ("   ", "missing")):
        answer = await bench.call("POST", "/v1/opt-outs/lift", {"number": PERSON, "reason": reason})
        assert (answer.status, answer.json["code"], answer.json["field"]) == (422, code, "reason")
    await bench.call("POST", "/v1/opt-outs/lift", {"number": PERSON, "reason": "yes"})
    answer = await bench.call("POST", "/v1/opt-outs/lift", {"number": PERSON, "reason": "yes"})
    assert (answer.status, answer.json["field"]) == (404, "number")


async def test_opt_outs_come_page_by_page(bench):
    for last in range(5):
        await bench.call("POST", "/v1/opt-outs", {"number": f"+1206555010{last}"})
    first = (await bench.call("GET", "/v1/opt-outs?limit=3")).json
    second = (await bench.call("GET", f"/v1/opt-outs?limit=3&cursor={first['next_cursor'].replace('+', '%2B')}")).json
    numbers = [one["number"] for one in first["items"] + second["items"]]
    assert (numbers, second["next_cursor"]) == ([f"+1206555010{last}" for last in range(5)], "")


@pytest.mark.parametrize("path", ["/v1/opt-outs", "/v1/messages", "/v1/inbound"])
async def test_a_made_up_cursor_is_refused_by_name(bench, path):
    answer = await bench.call("GET", f"{path}?cursor=nonsense")
    assert (answer.status, answer.json["field"], answer.json["code"]) == (422, "cursor", "bad_cursor")


async def test_opt_out_lists_are_made_used_and_deleted(bench):
    made = await bench.call("POST", "/v1/opt-out-lists", {"name": "Marketing"})
    assert (made.status, made.headers["Location"]) == (201, "/v1/opt-out-lists/Marketing")
    assert (await bench.call("POST", "/v1/opt-out-lists", {"name": "Marketing"})).status == 409
    assert [one["name"] for one in await items(bench, "/v1/opt-out-lists")] == ["Default", "Marketing"]
    await bench.call("POST", "/v1/opt-outs", {"number": PERSON, "list": "Marketing"})
    assert (await bench.call("GET", f"/v1/opt-outs/{ENCODED}?list=Marketing")).status == 200
    assert (await bench.call("GET", f"/v1/opt-outs/{ENCODED}")).status == 404
    assert (await bench.call("DELETE", "/v1/opt-out-lists/Marketing")).status == 204
    assert (await bench.call("GET", "/v1/opt-out-lists/Marketing")).json["field"] == "name"
    assert (await bench.call("DELETE", "/v1/opt-out-lists/Default")).status == 409


async def test_a_review_is_decided_once(bench):
    async def doubt(tx):
        await reviews.open_in(
            tx,
            account_id="main",
            phone=PERSON,
            list_name="Default",
            inbound_id="",
            words="leave me be",
            why="like STOP",
            at=now(),
        )

    await bench.services.desk.store.write(doubt)
    (review,) = await items(bench, "/v1/reviews")
    assert (review["number"], review["words"], review["closed_at"]) == (PERSON, "leave me be", None)
    path = f"/v1/reviews/{review['id']}"
    assert (await bench.call("GET", f"/v1/lookup/{ENCODED}")).json["in_review"] == ["Default"]
    body = {"outcome": "OPT_OUT", "reason": "they meant it"}
    closed, again = await bench.call("POST", f"{path}/close", body), await bench.call("POST", f"{path}/close", body)
    assert (closed.json["outcome"], closed.json["actor"]) == ("OPT_OUT", f"key:{bench.key_ids['all']}")
    assert (again.status, again.json["code"]) == (409, "review_closed")
    assert await items(bench, "/v1/reviews") == []
    assert [one["id"] for one in await items(bench, "/v1/reviews?open=false")] == [review["id"]]
    assert (await bench.call("GET", path)).json == closed.json
    assert (await bench.call("GET", f"/v1/opt-outs/{ENCODED}")).json["by_end_user"] is True


async def test_a_phone_number_is_added_changed_and_given_up(bench):
    body = {"number": "+1 206 555 0101", "kind": "TEN_DLC", "rate": 5, "match_mode": "begins"}
    made = await bench.call("POST", "/v1/phone-numbers", body, key="admin")
    path = made.headers["Location"]
    assert (made.status, made.json["number"], made.json["country"], made.json["rate"]) == (201, "+12065550101", "US", 5)
    assert (await bench.call("POST", "/v1/phone-numbers", body)).json["code"] == "phone_number_exists"
    changed = await bench.call("PATCH", path, {"rate": None, "active": False, "message_type": "PROMOTIONAL"})
    assert changed.json == {**made.json, "rate": None, "active": False, "message_type": "PROMOTIONAL"}
    assert (await bench.call("PATCH", path, {})).json == (await bench.call("GET", path)).json
    assert len(await items(bench, "/v1/phone-numbers")) == 2
    assert (await bench.call("DELETE", path)).status == 204
    assert (await bench.call("GET", path)).status == 404


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("/v1/phone-numbers", {"number": "12345", "kind": "LONG_CODE"}, 422, "number"),
        ("/v1/phone-numbers", {"number": "+12065550101", "kind": "SENDER_ID"}, 422, "kind"),
        (
            "/v1/phone-numbers",
            {"number": "+12065550101", "kind": "LONG_CODE", "opt_out_list": "No"},
            404,
            "opt_out_list",
        ),
        ("/v1/phone-numbers", {"number": "12345", "kind": "SHORT_CODE", "country": "XX"}, 422, "country"),
        ("/v1/sender-ids", {"sender": "NO\nWAY"}, 422, "sender"),
        ("/v1/sender-ids", {"sender": "123456789"}, 422, "sender"),
        ("/v1/routes", {"connectors": ["nobody"]}, 422, "connectors"),
        ("/v1/routes", {"connectors": ["c1", "c1"]}, 422, "connectors"),
        ("/v1/routes", {"connectors": ["c1"], "identity_id": "phone-0"}, 404, "identity_id"),
        ("/v1/connectors", {"id": "c2", "kind": "pigeon", "settings": {}}, 422, "kind"),
        ("/v1/connectors", {"id": "c2", "kind": "smpp", "settings": {"port": 1}}, 422, "settings.system_id"),
        ("/v1/event-destinations", {"kind": "webhook", "target": "ftp://example.com/"}, 422, "target"),
        ("/v1/event-destinations", {"kind": "file", "target": "../../etc/passwd"}, 422, "target"),
        ("/v1/event-destinations", {"kind": "file", "target": "x", "types": ["no.such"]}, 422, "types[0]"),
        ("/v1/pools", {"identity_id": "phone-0"}, 404, "identity_id"),
    ],
)
async def test_what_does_not_fit_is_refused_by_name(bench, path, body, status, field):
    before = await bench.counts()
    answer = await bench.call("POST", path, body)
    assert (answer.status, answer.json["field"] or "identity_id") == (status, field), answer.octets
    assert await bench.counts() == before


async def test_a_sender_id_is_added_changed_and_given_up(bench):
    made = await bench.call("POST", "/v1/sender-ids", {"sender": "Shop", "country": "GB"}, key="admin")
    path = made.headers["Location"]
    assert (made.status, made.json["sender"], made.json["country"]) == (201, "Shop", "GB")
    assert (await bench.call("POST", "/v1/sender-ids", {"sender": "SHOP", "country": "GB"})).status == 409
    assert (await bench.call("PATCH", path, {"active": False})).json["active"] is False
    assert (await bench.call("GET", path)).json["active"] is False
    assert [one["sender"] for one in await items(bench, "/v1/sender-ids")] == ["ACME", "Shop"]
    assert (await bench.call("DELETE", path)).status == 204
    assert (await bench.call("GET", path)).status == 404


async def test_a_pool_takes_in_members_and_lets_them_go(bench):
    number = bench.numbers["number"]
    pool = await bench.call("POST", "/v1/pools", {"identity_id": number, "name": "otp", "deletion_protection": True})
    path = pool.headers["Location"]
    assert (pool.status, pool.json["name"]) == (201, "otp")
    joined = await bench.call("PUT", f"{path}/members/{bench.numbers['sender']}")
    assert (joined.status, joined.json["pool_ids"]) == (200, [pool.json["id"]])
    assert [one["sender"] for one in await items(bench, f"{path}/members")] == [NUMBER, "ACME"]
    assert [one["id"] for one in await items(bench, f"/v1/phone-numbers?pool={pool.json['id']}")] == [number]
    assert len(await items(bench, f"/v1/sender-ids?pool={pool.json['id']}")) == 1
    assert (await bench.call("DELETE", f"{path}/members/{number}")).json["code"] == "last_phone_number"
    assert (await bench.call("DELETE", f"{path}/members/{bench.numbers['sender']}")).status == 204
    assert (await bench.call("DELETE", path)).json["code"] == "deletion_protection"
    changed = await bench.call("PATCH", path, {"deletion_protection": False, "match_mode": "begins"})
    assert (changed.json["deletion_protection"], changed.json["match_mode"]) == (False, "begins")
    assert (await bench.call("GET", f"/v1/phone-numbers/{number}")).json["match_mode"] == "begins"
    assert [one["name"] for one in await items(bench, "/v1/pools")] == ["otp"]
    assert (await bench.call("DELETE", path)).status == 204
    assert (await bench.call("GET", path)).status == 404


async def test_a_text_leaves_from_the_pool_it_names(bench):
    pool = await bench.call("POST", "/v1/pools", {"identity_id": bench.numbers["number"]})
    sent = await bench.call("POST", "/v1/messages", {"to": PERSON, "body": "x", "from": pool.json["id"]})
    shown = await bench.call("GET", sent.json["links"]["self"])
    assert (shown.json["pool_id"], shown.json["from"]) == (pool.json["id"], NUMBER)


@pytest.mark.parametrize("owner", ["phone-numbers", "pools"])
async def test_keywords_are_added_changed_and_removed(bench, owner):
    made = await bench.call("POST", "/v1/phone-numbers", {"number": "+12065550101", "kind": "LONG_CODE"})
    if owner == "pools":
        made = await bench.call("POST", "/v1/pools", {"identity_id": made.json["id"]})
    path = f"{made.headers['Location']}/keywords"
    assert {one["word"] for one in await items(bench, path)} >= {"STOP", "HELP"}
    put = await bench.call("PUT", f"{path}/HOURS", {"message": "9 to 5"})
    assert put.json == {"word": "HOURS", "action": "AUTOMATIC_RESPONSE", "message": "9 to 5"}
    assert (await bench.call("PUT", f"{path}/hours", {"message": "9 to 6"})).json["message"] == "9 to 6"
    assert (await bench.call("GET", f"{path}/Hours")).json["message"] == "9 to 6"
    assert (await bench.call("DELETE", f"{path}/HOURS")).status == 204
    assert (await bench.call("GET", f"{path}/HOURS")).json["code"] == "keyword_not_found"
    assert (await bench.call("DELETE", f"{path}/STOP")).status == 409


async def test_a_connector_shows_its_links_and_never_its_password(bench):
    settings = {"host": "smsc.example.net", "port": 2775, "system_id": "us", "password": "hush"}
    made = await bench.call("POST", "/v1/connectors", {"id": "c2", "kind": "smpp", "settings": settings}, key="admin")
    assert (made.status, made.json["up"], made.json["secrets"]) == (201, False, ["password"])
    bench.links.shown.append(ConnectorStatus("c2", up=True, free=1))
    changed = await bench.call("PATCH", "/v1/connectors/c2", {"settings": {**settings, "port": 2776}, "group": "g"})
    assert (changed.json["up"], changed.json["settings"]["port"], changed.json["group"]) == (True, 2776, "g")
    shown = await bench.call("GET", "/v1/connectors/c1")
    assert shown.json["links"][0]["state"] == "BOUND_TRX"
    everything = [
        made,
        changed,
        shown,
        await bench.call("GET", "/v1/connectors/c2"),
        await bench.call("GET", "/v1/connectors"),
    ]
    assert not any(b"hush" in one.octets for one in everything)
    assert (await bench.call("DELETE", "/v1/connectors/c2")).status == 204
    assert (await bench.call("DELETE", "/v1/connectors/c1")).json["code"] == "connector_in_use"
    assert len(bench.restarts) == 3


async def test_routes_are_added_ordered_changed_and_deleted(bench):
    made = await bench.call("POST", "/v1/routes", {"connectors": ["c1"], "prefix": "+44", "price": "0.05"}, key="admin")
    path = made.headers["Location"]
    assert (made.status, made.json["prefix"], made.json["price"], made.json["position"]) == (201, "+44", "0.050000", 2)
    first = (await items(bench, "/v1/routes"))[0]["id"]
    ordered = await bench.call("PUT", "/v1/routes", {"route_ids": [made.json["id"], first]})
    assert [one["id"] for one in ordered.json["items"]] == [made.json["id"], first]
    assert (await bench.call("PUT", "/v1/routes", {"route_ids": [first]})).json["field"] == "route_ids"
    changed = await bench.call("PATCH", path, {"prefix": "", "country": "GB", "price": "0.06"})
    assert (changed.json["prefix"], changed.json["country"], changed.json["price"]) == ("", "GB", "0.060000")
    assert (await bench.call("GET", path)).json == changed.json
    sent = await bench.call("POST", "/v1/messages", {"to": "+447400123456", "body": "x", "from": "ACME"})
    assert sent.json["price"] == "0.060000"
    assert (await bench.call("DELETE", path)).status == 204
    assert (await bench.call("GET", path)).status == 404


async def test_inbound_texts_are_listed_and_shown(bench):
    ids = [await receive(bench, body, age) for body, age in (("first", 20), ("second", 10))]
    assert [one["id"] for one in await items(bench, "/v1/inbound")] == ids[::-1]
    assert [one["body"] for one in await items(bench, "/v1/inbound?limit=1")] == ["second"]
    assert [one["body"] for one in await items(bench, f"/v1/inbound?cursor={ids[1]}")] == ["first"]
    assert len(await items(bench, "/v1/inbound?number=2065550142&region=US")) == 2
    assert len(await items(bench, f"/v1/inbound?number={NUMBER[1:]}")) == 2
    assert await items(bench, "/v1/inbound?number=+4930123456") == []
    assert await items(bench, "/v1/inbound?before=2020-01-01T00:00:00Z") == []
    shown = (await bench.call("GET", f"/v1/inbound/{ids[0]}")).json
    assert (shown["from"], shown["to"], shown["body"], shown["complete"]) == (PERSON, NUMBER, "first", True)
    assert (await bench.call("GET", f"/v1/inbound/{ids[0]}", key="other")).status == 404


async def receive(bench, body, age):
    values = {
        "id": new_id(), "account_id": "main", "identity": NUMBER, "identity_id": bench.numbers["number"], "source": PERSON,
        "body": body, "match": "{}", "received_at": now() - age,
    }  # fmt: skip

    async def work(tx):
        await tx.conn.execute(inbound_messages.insert().values(values))

    await bench.services.desk.store.write(work)
    return values["id"]


async def test_an_event_destination_shows_its_secret_once_and_takes_a_test(bench, tmp_path):
    made = await bench.call("POST", "/v1/event-destinations", {"kind": "file", "target": "out.jsonl", "batch_size": 10})
    path = made.headers["Location"]
    assert (made.status, made.json["secret"], made.json["batch_size"]) == (201, "", 10)
    assert (await bench.call("POST", f"{path}/test")).json == {"ok": True, "status": 0, "error": ""}
    assert b"destination.test" in (tmp_path / "events" / "out.jsonl").read_bytes()
    assert (await bench.call("POST", f"{path}/secret")).json["code"] == "no_secret"
    hook = await bench.call("POST", "/v1/event-destinations", {"kind": "webhook", "target": "http://127.0.0.1:1/"})
    secret = hook.json["secret"]
    assert secret.startswith("whsec_")
    assert "secret" not in (await bench.call("GET", hook.headers["Location"])).json
    assert (await bench.call("POST", f"{hook.headers['Location']}/secret")).json["secret"] != secret
    assert (await bench.call("POST", f"{hook.headers['Location']}/test")).json["ok"] is False
    changed = await bench.call("PATCH", path, {"enabled": False, "types": ["message.delivered"], "target": "b.jsonl"})
    assert (changed.json["enabled"], changed.json["types"], changed.json["target"]) == (
        False,
        ["message.delivered"],
        "b.jsonl",
    )
    assert (await bench.call("PATCH", path, {"target": "../b"})).json["field"] == "target"
    assert len(await items(bench, "/v1/event-destinations")) == 2
    assert (await bench.call("DELETE", path)).status == 204
    assert (await bench.call("GET", path)).status == 404


async def test_events_that_were_given_are_given_again(bench):
    made = await bench.call("POST", "/v1/event-destinations", {"kind": "file", "target": "out.jsonl"})
    path = made.headers["Location"]
    assert (await bench.call("GET", f"{path}/dead-letters")).json == {"items": []}
    assert (await bench.call("POST", f"{path}/replay", {})).json == {"count": 0}
    span_of_time = {"since": "2020-01-01T00:00:00Z", "until": "2020-01-02T00:00:00Z"}
    assert (await bench.call("POST", f"{path}/replay", span_of_time)).json == {"count": 0}
    for body in ({"since": "2020-01-01T00:00:00Z"}, {**span_of_time, "seqs": [1]}):
        assert (await bench.call("POST", f"{path}/replay", body)).json["code"] == "unclear_replay"


async def test_the_account_changes_its_limits_one_at_a_time(bench):
    body = {"limits": {"enabled_countries": ["US", "GB"], "recipient_limits": [{"count": 2, "seconds": 60}]}}
    changed = await bench.call("PATCH", "/v1/account", body, key="admin")
    limits = changed.json["limits"]
    assert (limits["enabled_countries"], limits["recipient_limits"]) == (["GB", "US"], [{"count": 2, "seconds": 60.0}])
    body = {"name": "Shop", "limits": {"monthly_spend_limit": "100.5", "duplicate_window": 30}}
    shown = (await bench.call("PATCH", "/v1/account", body)).json
    assert (shown["name"], shown["limits"]["monthly_spend_limit"]) == ("Shop", "100.5")
    assert (shown["limits"]["enabled_countries"], shown["limits"]["duplicate_window"]) == (["GB", "US"], 30.0)
    assert (await bench.call("GET", "/v1/account")).json == shown
    refused = await bench.call("POST", "/v1/messages", {"to": "+4915112345678", "body": "x", "from": "ACME"})
    assert refused.json["code"] == "country_not_enabled"
    opened = await bench.call("PATCH", "/v1/account", {"limits": {"enabled_countries": None}})
    assert opened.json["limits"]["enabled_countries"] is None


async def test_an_account_in_the_sandbox_texts_verified_numbers_only(bench):
    changed = await bench.call("PATCH", "/v1/account", {"limits": {"sandbox": True}})
    assert changed.json["limits"]["sandbox"] is True
    refused = await bench.call("POST", "/v1/messages", {"to": PERSON, "body": "x"})
    assert (refused.status, refused.json["code"]) == (409, "destination_not_verified")
    await bench.call("PATCH", "/v1/account", {"limits": {"sandbox": False}})
    assert (await bench.call("POST", "/v1/messages", {"to": PERSON, "body": "x"})).status == 202


async def test_a_protect_configuration_holds_on_the_native_api_too(bench):
    desk, main = bench.services.desk, {"account_id": "main"}
    one = await protect_configurations.create(desk, **main, now=now())
    rules = {"configuration_id": one.id, "capability": "SMS", "changes": {"US": "BLOCK"}}
    await protect_configurations.change_country_rules(desk, **main, **rules)
    await protect_configurations.set_default(desk, **main, configuration_id=one.id)
    refused = await bench.call("POST", "/v1/messages", {"to": PERSON, "body": "x"})
    assert (refused.status, refused.json["code"]) == (409, "country_blocked")
    assert refused.json["decision"]["protection"]["configuration"] == one.id


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        ({"enabled_countries": ["ZZ"]}, "limits.enabled_countries"),
        ({"enabled_countries": ["us"]}, "limits.enabled_countries[0]"),
        ({"recipient_limits": [{"count": 0, "seconds": 1}]}, "limits.recipient_limits[0].count"),
        ({"monthly_spend_limit": "-1"}, "limits.monthly_spend_limit"),
        ({"monthly_spend_limit": "NaN"}, "limits.monthly_spend_limit"),
        ({"duplicate_window": 10**9}, "limits.duplicate_window"),
    ],
)
async def test_a_limit_that_cannot_be_is_refused_by_name(bench, limits, field):
    answer = await bench.call("PATCH", "/v1/account", {"limits": limits})
    assert (answer.status, answer.json["field"]) == (422, field)


async def test_a_lookup_tells_what_would_happen(bench):
    before = await bench.counts()
    shown = (await bench.call("GET", f"/v1/lookup/{ENCODED}", key="read")).json
    assert (shown["number"], shown["country"], shown["opted_out"]) == (PERSON, "US", [])
    assert (shown["send"]["effect"], shown["send"]["decision"]["identity"]["sender"]) == ("allow", NUMBER)
    assert await bench.counts() == before
    await bench.call("POST", "/v1/opt-outs", {"number": PERSON})
    shown = (
        await bench.call("GET", f"/v1/lookup/{ENCODED}?message_type=TRANSACTIONAL&from={bench.numbers['number']}")
    ).json
    assert [one["list"] for one in shown["opted_out"]] == ["Default"]
    assert (shown["send"]["effect"], shown["send"]["code"]) == ("refuse", "destination_opted_out")


async def test_a_lookup_of_where_nothing_leads_says_so(bench):
    shown = (await bench.call("GET", f"/v1/lookup/{ENCODED}?message_type=PROMOTIONAL")).json
    assert (shown["send"]["effect"], shown["send"]["code"]) == ("impossible", "no_origination_identity")


async def test_a_lookup_shows_the_sender_that_the_person_is_used_to(bench):
    sent = await bench.call("POST", "/v1/messages", {"to": PERSON, "body": "x"})

    async def deliver(tx):
        await tx.conn.execute(messages.update().values(status="DELIVERED", final_at=now()))

    await bench.services.desk.store.write(deliver)
    shown = (await bench.call("GET", f"/v1/lookup/{ENCODED}")).json["sticky_sender"]
    assert (shown["sender"], shown["message_id"]) == (NUMBER, sent.json["id"])

    async def age(tx):
        await tx.conn.execute(messages.update().values(created_at=now() - span(timedelta(hours=26))))

    await bench.services.desk.store.write(age)
    assert (await bench.call("GET", f"/v1/lookup/{ENCODED}")).json["sticky_sender"] is None


async def test_a_lookup_of_no_number_says_what_is_wrong(bench):
    answer = await bench.call("GET", "/v1/lookup/hello")
    assert (answer.status, answer.json["code"], answer.json["field"]) == (422, "number_has_letters", "number")
