"""Sending, finding and cancelling over HTTP."""

from __future__ import annotations

import pytest

from gateway.api.rest.message_models import AcceptedMessage, BatchAnswer
from gateway.resources import messages
from gateway.store.times import HOUR
from tests.support.api import NUMBER, PERSON

SEND = {"to": PERSON, "body": "Hello"}


async def test_a_send_answers_202_after_it_is_stored(bench):
    answer = await bench.call("POST", "/v1/messages", {**SEND, "context": {"order": "4711"}}, key="send")
    assert answer.status == 202
    shown = answer.json
    AcceptedMessage.model_validate(shown)
    assert (shown["status"], shown["to"], shown["from"], shown["parts"]) == ("QUEUED", PERSON, NUMBER, 1)
    assert set(shown) == {
        "id", "status", "to", "from", "parts", "encoding", "message_type", "price", "created_at", "links",
    }  # fmt: skip
    stored = await messages.get(bench.services.desk.store, "main", shown["id"])
    assert stored.message["body"] == "Hello"
    assert [one.id for one in bench.offered] == [shown["id"]]


async def test_the_decision_comes_when_it_is_asked_for(bench):
    answer = await bench.call("POST", "/v1/messages?decision=true", SEND)
    assert answer.json["decision"]["effect"] == "allow"
    assert {one["rule"] for one in answer.json["decision"]["verdicts"]} >= {"opted_out", "country_not_enabled"}


async def test_a_dry_run_answers_200_with_the_decision_and_stores_nothing(bench):
    before = await bench.counts()
    answer = await bench.call("POST", "/v1/messages", {**SEND, "dry_run": True}, headers={"Idempotency-Key": "k"})
    assert (answer.status, answer.json["id"], answer.json["refusal"]) == (200, "", None)
    assert answer.json["decision"]["identity"]["sender"] == NUMBER
    assert await bench.counts() == before


async def test_a_dry_run_of_what_would_be_refused_answers_200_and_says_so(bench):
    await bench.call("POST", "/v1/opt-outs", {"number": PERSON})
    answer = await bench.call("POST", "/v1/messages", {**SEND, "dry_run": True})
    assert (answer.status, answer.json["status"]) == (200, "REFUSED")
    assert answer.json["refusal"]["code"] == "destination_opted_out"


async def test_a_refused_send_is_a_409_that_says_why_and_is_kept(bench):
    await bench.call("POST", "/v1/opt-outs", {"number": PERSON})
    answer = await bench.call("POST", "/v1/messages", SEND)
    shown = answer.json
    assert (answer.status, answer.headers["Content-Type"]) == (409, "application/problem+json")
    assert (shown["code"], shown["verdict"]["rule"]) == ("destination_opted_out", "opted_out")
    assert shown["decision"]["effect"] == "refuse"
    kept = await bench.call("GET", f"/v1/messages/{shown['message_id']}")
    assert (kept.json["status"], kept.json["reason_code"]) == ("REFUSED", "destination_opted_out")


@pytest.mark.parametrize(
    ("changes", "status", "code", "field"),
    [
        ({"to": "12065550142"}, 422, "number_without_country_code", "to"),
        ({"to": "+1206555014"}, 422, "number_too_short", "to"),
        ({"from": "+12065550177"}, 404, "unknown_origination_identity", "from"),
        ({"send_at": "2999-01-01T00:00:00Z"}, 422, "out_of_range", "send_at"),
        ({"send_at": "tomorrow"}, 422, "bad_time", "send_at"),
        ({"send_at": "2026-02-30T00:00:00Z"}, 422, "bad_time", "send_at"),
        ({"max_price": "1e3"}, 422, "bad_amount", "max_price"),
        ({"max_price": 1}, 422, "wrong_type", "max_price"),
        ({"ttl": 4}, 422, "out_of_range", "ttl"),
        ({"ttl": 259_201}, 422, "out_of_range", "ttl"),
        ({"ttl": "60"}, 422, "wrong_type", "ttl"),
        ({"ttl": True}, 422, "wrong_type", "ttl"),
        ({"dry_run": "yes"}, 422, "wrong_type", "dry_run"),
        ({"context": {"a": 1}}, 422, "wrong_type", "context.a"),
        ({"context": {"": "x"}}, 422, "too_short", "context."),
        ({"context": {f"k{n}": "" for n in range(21)}}, 422, "too_long", "context"),
        ({"context": {"k": "x" * 801}}, 422, "too_long", "context.k"),
        ({"message_type": "URGENT"}, 422, "unknown_value", "message_type"),
        ({"on_unknown": "hope"}, 422, "unknown_value", "on_unknown"),
        ({"body": "x" * 1601}, 422, "too_long", "body"),
        ({"body": "字" * 1600}, 422, "too_many_parts", "body"),
        ({"body": ""}, 422, "too_short", "body"),
        ({"text": "old name"}, 422, "unknown_field", "text"),
    ],
)
async def test_what_cannot_be_sent_is_a_problem_that_names_the_field(bench, changes, status, code, field):
    answer = await bench.call("POST", "/v1/messages", {**SEND, **changes})
    assert (answer.status, answer.json["code"], answer.json["field"]) == (status, code, field)
    assert (await bench.counts())["messages"] == 0


async def test_several_wrong_fields_are_all_listed(bench):
    answer = await bench.call("POST", "/v1/messages", {"to": 5, "body": None, "ttl": 1})
    assert {one["field"] for one in answer.json["errors"]} == {"to", "body", "ttl"}


async def test_a_text_that_lies_ahead_is_scheduled_and_one_that_is_past_leaves_at_once(bench):
    ahead = await bench.call("POST", "/v1/messages", {**SEND, "send_at": "2027-06-01T08:00:00.5+02:00"})
    past = await bench.call("POST", "/v1/messages", {**SEND, "send_at": "2020-06-01T08:00:60Z"})
    assert (ahead.json["status"], ahead.json["send_at"]) == ("SCHEDULED", "2027-06-01T06:00:00.500000Z")
    assert past.json["status"] == "QUEUED"


async def test_the_same_key_and_body_give_the_first_answer(bench):
    headers = {"Idempotency-Key": "order-4711"}
    first = await bench.call("POST", "/v1/messages", SEND, headers=headers)
    spaced = b' { "body" : "Hello",\n "to":"+12065550142" } '
    again = await bench.call("POST", "/v1/messages", raw=spaced, headers=headers)
    assert (again.status, again.json) == (202, first.json)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (await bench.counts())["messages"] == 1


async def test_a_refusal_is_replayed_too(bench):
    await bench.call("POST", "/v1/opt-outs", {"number": PERSON})
    headers = {"Idempotency-Key": "k"}
    first = await bench.call("POST", "/v1/messages", SEND, headers=headers)
    again = await bench.call("POST", "/v1/messages", SEND, headers=headers)
    assert (again.status, again.json, again.headers["Idempotent-Replayed"]) == (409, first.json, "true")


async def test_the_same_key_with_another_body_is_422(bench):
    headers = {"Idempotency-Key": "k"}
    await bench.call("POST", "/v1/messages", SEND, headers=headers)
    answer = await bench.call("POST", "/v1/messages", {**SEND, "body": "Other"}, headers=headers)
    assert (answer.status, answer.json["code"]) == (422, "idempotency_key_reused")
    assert answer.json["field"] == "Idempotency-Key"


async def test_the_same_key_on_another_path_is_422(bench):
    headers = {"Idempotency-Key": "k"}
    await bench.call("POST", "/v1/messages", SEND, headers=headers)
    answer = await bench.call("POST", "/v1/messages/batch", {"messages": [SEND]}, headers=headers)
    assert answer.status == 422


async def test_the_same_key_of_another_account_is_another_key(bench):
    headers = {"Idempotency-Key": "k"}
    await bench.call("POST", "/v1/messages", SEND, headers=headers)
    answer = await bench.call("POST", "/v1/messages", {**SEND, "body": "Other"}, key="other", headers=headers)
    assert answer.status == 202


@pytest.mark.parametrize("key", ["", "x" * 256, "ключ", "a\tb"])
async def test_a_key_that_is_not_printable_ascii_is_422(bench, key):
    answer = await bench.call("POST", "/v1/messages", SEND, headers={"Idempotency-Key": key})
    assert (answer.status, answer.json["field"]) == (422, "Idempotency-Key")


async def test_a_batch_answers_each_in_its_place(bench):
    await bench.call("POST", "/v1/opt-outs", {"number": "+12065550143"})
    entries = [
        {"to": PERSON},
        {"to": "nonsense"},
        {"to": "+12065550143"},
        {"to": PERSON, "body": "Own", "dry_run": True},
    ]
    answer = await bench.call("POST", "/v1/messages/batch", {"messages": entries, "defaults": {"body": "Shared"}})
    BatchAnswer.model_validate(answer.json)
    assert (answer.status, answer.json["accepted"]) == (202, 2)
    first, second, third, fourth = answer.json["results"]
    assert first["status"] == "QUEUED"
    assert (second["error"]["status"], second["error"]["field"]) == (422, "messages[1].to")
    assert (third["error"]["code"], bool(third["error"]["message_id"])) == ("destination_opted_out", True)
    assert (fourth["dry_run"], fourth["id"]) == (True, "")
    assert [one.body for one in bench.offered] == ["Shared"]


async def test_a_batch_of_dry_runs_answers_200(bench):
    body = {"messages": [SEND, SEND], "defaults": {"dry_run": True}}
    answer = await bench.call("POST", "/v1/messages/batch", body)
    assert (answer.status, [one["status"] for one in answer.json["results"]]) == (200, ["QUEUED", "QUEUED"])


async def test_an_entry_overrules_the_defaults(bench):
    body = {"messages": [{**SEND, "ttl": 60}, SEND], "defaults": {"ttl": 3600, "body": "no"}}
    await bench.call("POST", "/v1/messages/batch", body)
    first, second = bench.offered
    assert (first.expires_at - first.created_at, second.expires_at - second.created_at) == (HOUR // 60, HOUR)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": [{"to": PERSON}]}, "messages[0].body"),
        ({"messages": [SEND, {**SEND, "to": 5}]}, "messages[1].to"),
        ({"messages": [SEND, "text"]}, "messages[1]"),
        ({"messages": [SEND] * 1001}, "messages"),
        ({"messages": [SEND], "defaults": {"to": PERSON}}, "defaults.to"),
        ({"messages": [SEND], "defaults": None}, "defaults"),
    ],
)
async def test_a_batch_that_does_not_fit_is_refused_whole(bench, body, field):
    answer = await bench.call("POST", "/v1/messages/batch", body)
    assert (answer.status, answer.json["field"]) == (422, field)
    assert (await bench.counts())["messages"] == 0


async def test_a_batch_is_replayed_whole(bench):
    headers = {"Idempotency-Key": "b"}
    body = {"messages": [SEND, {"to": "bad", "body": "x"}]}
    first = await bench.call("POST", "/v1/messages/batch", body, headers=headers)
    again = await bench.call("POST", "/v1/messages/batch", body, headers=headers)
    assert (again.json, again.headers["Idempotent-Replayed"]) == (first.json, "true")
    assert (await bench.counts())["messages"] == 1


async def test_a_thousand_messages_are_one_batch(bench):
    entries = [{"to": f"+1206555{number:04}", "body": "x"} for number in range(100, 1100)]
    answer = await bench.call("POST", "/v1/messages/batch", {"messages": entries})
    assert (answer.status, len(answer.json["results"])) == (202, 1000)
    assert len({one["id"] for one in answer.json["results"]}) == 1000


async def test_a_message_shows_its_story(bench):
    sent = await bench.call("POST", "/v1/messages", {**SEND, "context": {"order": "4711"}})
    answer = await bench.call("GET", sent.json["links"]["self"], key="read")
    shown = answer.json
    assert (shown["id"], shown["body"], shown["context"]) == (sent.json["id"], "Hello", {"order": "4711"})
    assert [entry["type"] for entry in shown["timeline"]] == ["message.accepted"]
    assert shown["decision"]["identity"]["sender"] == NUMBER
    assert shown["part_states"] == []


@pytest.mark.parametrize(
    "written", ["+12065550142", "%2B1 (206) 555-0142", "12065550142", "2065550142&region=US", NUMBER[1:]]
)
async def test_messages_are_found_by_number_in_any_form(bench, written):
    sent = await bench.call("POST", "/v1/messages", SEND)
    await bench.call("POST", "/v1/messages", {**SEND, "to": "+12065550143", "from": "ACME"})
    answer = await bench.call("GET", f"/v1/messages?number={written.replace('+', '%2B')}")
    assert [one["id"] for one in answer.json["items"]] == [sent.json["id"]]


async def test_messages_are_found_by_sender_id_status_and_time(bench):
    await bench.call("POST", "/v1/messages", {**SEND, "to": "+447400123456", "from": "ACME"})
    await bench.call("POST", "/v1/messages", {**SEND, "send_at": "2027-01-01T00:00:00Z"})
    found = {
        query: len((await bench.call("GET", f"/v1/messages?{query}")).json["items"])
        for query in (
            "number=acme",
            "number=ACME",
            "status=SCHEDULED",
            "after=2026-01-01T00:00:00Z",
            "before=2026-01-01T00:00:00Z",
        )
    }
    assert found == {
        "number=acme": 0, "number=ACME": 1, "status=SCHEDULED": 1, "after=2026-01-01T00:00:00Z": 2,
        "before=2026-01-01T00:00:00Z": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        ("status=SCHEDULED", 1),
        ("status=DELIVERED", 0),
        ("after=2026-01-01T00:00:00Z", 2),
        ("after=2027-01-01T00:00:00Z", 0),
        ("before=2026-01-01T00:00:00Z", 0),
        ("before=2028-01-01T00:00:00Z", 2),
        ("limit=1", 1),
    ],
)
async def test_what_was_sent_to_a_person_is_found_by_status_and_time(bench, condition, count):
    await bench.call("POST", "/v1/messages", SEND)
    await bench.call("POST", "/v1/messages", {**SEND, "send_at": "2027-01-01T00:00:00Z"})
    await bench.call("POST", "/v1/messages", {**SEND, "to": "+12065550143"})
    answer = await bench.call("GET", f"/v1/messages?number={SEND['to'].replace('+', '%2B')}&{condition}")
    assert len(answer.json["items"]) == count


@pytest.mark.parametrize("number", ["", SEND["to"], NUMBER])
async def test_pages_follow_one_another_without_gaps(bench, number):
    sent = [(await bench.call("POST", "/v1/messages", {**SEND, "body": f"n{n}"})).json["id"] for n in range(5)]
    of = f"number={number.replace('+', '%2B')}&" if number else ""
    seen, cursor = [], ""
    for _ in range(3):
        page = (await bench.call("GET", f"/v1/messages?{of}limit=2&cursor={cursor}")).json
        seen += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
    assert (seen, cursor) == (sent[::-1], "")


async def test_a_waiting_message_is_cancelled_once(bench):
    sent = await bench.call("POST", "/v1/messages", {**SEND, "send_at": "2027-01-01T00:00:00Z"})
    path = sent.json["links"]["self"]
    first, second = await bench.call("DELETE", path), await bench.call("DELETE", path)
    assert (first.status, first.json["status"]) == (200, "CANCELLED")
    assert (second.status, second.json["code"]) == (409, "too_late")


async def test_a_preview_says_what_forces_ucs2_and_what_would_save_a_part(bench):
    text = "a" * 100 + "\N{RIGHT SINGLE QUOTATION MARK}"
    answer = await bench.call("POST", "/v1/preview", {"body": text}, key="send")
    shown = answer.json
    assert (shown["encoding"], shown["parts"]) == ("UCS2", 2)
    assert shown["forcing"] == [{"character": "\N{RIGHT SINGLE QUOTATION MARK}", "position": 100}]
    assert (shown["substitution"]["encoding"], shown["substitution"]["parts"]) == ("GSM7", 1)


async def test_nothing_is_taken_while_the_store_cannot_write(bench, monkeypatch):
    async def full(_pieces):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bench.services.desk.store.writer, "_together", full)
    answer = await bench.call("POST", "/v1/messages", SEND)
    assert (answer.status, answer.json["code"]) == (503, "store_unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
