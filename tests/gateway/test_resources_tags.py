from __future__ import annotations

import orjson
import pytest

from gateway.errors import Invalid, NotFound, QuotaExceeded
from gateway.resources import accounts, phone_numbers, pools, resource_policies, sender_ids, tags
from tests.gateway.conftest import NOW

MAIN = {"account_id": "main"}
LIST = "opt-out-list/Default"
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sms-voice:Send*"}]}


@pytest.fixture
async def resources(desk):
    """One of each kind, as their ARNs name them."""
    number = await phone_numbers.create(desk, **MAIN, number="+12065550100", kind="LONG_CODE", now=NOW)
    pool = await pools.create(desk, **MAIN, identity_id=number.id, now=NOW)
    await sender_ids.create(desk, **MAIN, sender="Acme", country="GB", now=NOW)
    return {
        "phone-number": f"phone-number/{number.id}", "pool": f"pool/{pool.id}", "opt-out-list": LIST,
        "sender-id": "sender-id/Acme/GB",
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["phone-number", "pool", "opt-out-list", "sender-id"])
async def test_every_kind_takes_tags(desk, resources, kind):
    resource = resources[kind]
    await tags.add(desk, **MAIN, resource=resource, tags={"b": "2", "a": "1"})
    await tags.add(desk, **MAIN, resource=resource, tags={"a": "9", "c": ""})
    assert list((await tags.find(desk, **MAIN, resource=resource)).items()) == [("a", "9"), ("b", "2"), ("c", "")]
    await tags.remove(desk, **MAIN, resource=resource, keys=["a", "not there"])
    assert await tags.find(desk, **MAIN, resource=resource) == {"b": "2", "c": ""}


async def test_tags_are_of_one_resource_of_one_account(desk, resources):
    await accounts.create(desk, account_id="other", name="Other", now=NOW)
    await tags.add(desk, **MAIN, resource=LIST, tags={"a": "1"})
    assert await tags.find(desk, account_id="other", resource=LIST) == {}
    assert await tags.find(desk, **MAIN, resource=resources["pool"]) == {}
    with pytest.raises(NotFound):
        await tags.find(desk, account_id="other", resource=resources["pool"])


@pytest.mark.parametrize(
    ("resource", "code"),
    [
        ("pool/pool-1", "pool_not_found"),
        ("opt-out-list/News", "opt_out_list_not_found"),
        ("sender-id/ACME/FR", "sender_id_not_found"),
        ("phone-number/x\x00", "phone_number_not_found"),
        ("castle/1", "resource_not_found"),
        ("pool", "pool_not_found"),
    ],
)
async def test_what_is_not_there_has_no_tags(desk, resource, code):
    for call in (
        lambda: tags.add(desk, **MAIN, resource=resource, tags={"a": "1"}),
        lambda: tags.remove(desk, **MAIN, resource=resource, keys=["a"]),
        lambda: tags.find(desk, **MAIN, resource=resource),
    ):
        with pytest.raises(NotFound) as caught:
            await call()
        assert caught.value.code == code


async def test_fifty_tags_and_no_more(desk):
    await tags.add(desk, **MAIN, resource=LIST, tags={str(number): "" for number in range(50)})
    await tags.add(desk, **MAIN, resource=LIST, tags={"7": "changed"})
    with pytest.raises(QuotaExceeded) as caught:
        await tags.add(desk, **MAIN, resource=LIST, tags={"7": "again", "50": ""})
    assert caught.value.code == "tags_per_resource"
    found = await tags.find(desk, **MAIN, resource=LIST)
    assert (len(found), found["7"]) == (50, "changed")


async def test_a_policy_is_kept_as_it_was_written(desk):
    written = orjson.dumps(POLICY, option=orjson.OPT_INDENT_2).decode()
    put = await resource_policies.put(desk, **MAIN, resource=LIST, policy="  " + written, now=NOW)
    assert await resource_policies.get(desk, **MAIN, resource=LIST) == put
    assert (put.policy, put.created_at) == ("  " + written, NOW)
    newer = await resource_policies.put(desk, **MAIN, resource=LIST, policy=written, now=NOW + 1)
    assert await resource_policies.delete(desk, **MAIN, resource=LIST) == newer
    with pytest.raises(NotFound) as caught:
        await resource_policies.get(desk, **MAIN, resource=LIST)
    assert caught.value.code == "policy_not_found"


STATEMENT = POLICY["Statement"][0]


@pytest.mark.parametrize(
    "document",
    [
        "no JSON",
        [],
        {"Statement": []},
        {"Version": "2012-10-17"},
        {"Version": "1999-01-01", "Statement": STATEMENT},
        {"Statement": ["Allow"]},
        {"Statement": STATEMENT | {"Effect": "Perhaps"}},
        {"Statement": {"Effect": "Allow", "Action": "*"}},
        {"Statement": {"Effect": "Allow", "Principal": "*"}},
        {"Statement": STATEMENT | {"NotPrincipal": "*"}},
    ],
)
async def test_what_is_no_policy_is_refused(desk, document):
    text = document if isinstance(document, str) else orjson.dumps(document).decode()
    with pytest.raises(Invalid) as caught:
        await resource_policies.put(desk, **MAIN, resource=LIST, policy=text, now=NOW)
    assert (caught.value.code, caught.value.field) == ("bad_policy", "policy")


@pytest.mark.parametrize(
    "document",
    [
        POLICY,
        {"Statement": STATEMENT},
        {"Version": "2008-10-17", "Statement": {"Effect": "Deny", "NotPrincipal": "*", "NotAction": "*"}},
    ],
)
async def test_one_statement_needs_no_list(desk, document):
    text = orjson.dumps(document).decode()
    assert (await resource_policies.put(desk, **MAIN, resource=LIST, policy=text, now=NOW)).policy == text


@pytest.mark.parametrize("resource", ["opt-out-list/News", "configuration-set/Default"])
async def test_a_policy_needs_something_that_can_be_shared(desk, resource):
    with pytest.raises(NotFound):
        await resource_policies.put(desk, **MAIN, resource=resource, policy=orjson.dumps(POLICY).decode(), now=NOW)
