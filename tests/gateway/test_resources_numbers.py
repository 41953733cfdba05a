from __future__ import annotations

import pytest

from gateway.errors import Conflict, Invalid, NotFound
from gateway.model import IdentityKind, MessageType, OriginationIdentity
from gateway.resources import accounts, connectors, keywords, opt_out_lists, phone_numbers, routes, sender_ids
from tests.gateway.conftest import NOW

MAIN = {"account_id": "main"}


async def number(desk, written="+12065550100", **more):
    return await phone_numbers.create(desk, **MAIN | {"number": written, "kind": "LONG_CODE", "now": NOW} | more)


# Phone numbers


async def test_a_number_is_kept_as_given_and_found_by_the_catalog(desk):
    await opt_out_lists.create(desk, **MAIN, name="News", now=NOW)
    made = await number(
        desk, "+1 206 555 0100", kind="TEN_DLC", message_type="PROMOTIONAL", opt_out_list="News",
        self_managed_opt_outs=True, match_mode="begins", rate=5,
    )  # fmt: skip
    assert made == OriginationIdentity(
        made.id,
        IdentityKind.TEN_DLC,
        "+12065550100",
        "US",
        MessageType.PROMOTIONAL,
        "News",
        (),
        True,
        True,
        "begins",
        5,
        created_at=NOW,
    )
    assert made.id.startswith("phone-")
    assert len(made.id) == len("phone-") + 32
    assert await phone_numbers.get(desk, **MAIN, phone_number_id=made.id) == made
    assert desk.catalog.identity_by_sender("+12065550100") == ("main", made)


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"number": "ACME"}, "kind_mismatch", "number"),
        ({"number": "12345"}, "kind_mismatch", "number"),
        ({"kind": "SHORT_CODE"}, "kind_mismatch", "number"),
        ({"kind": "SENDER_ID"}, "unknown_value", "kind"),
        ({"number": "\x00"}, "sender_has_other_characters", "number"),
        ({"country": "XX"}, "unknown_country", "country"),
        ({"number": "12345", "kind": "SHORT_CODE"}, "unknown_country", "country"),
        ({"message_type": "SPAM"}, "unknown_value", "message_type"),
        ({"match_mode": "contains"}, "unknown_value", "match_mode"),
        ({"rate": 0}, "out_of_range", "rate"),
        ({"rate": 1.5}, "not_whole", "rate"),
        ({"opt_out_list": "Nope"}, "opt_out_list_not_found", "opt_out_list"),
        ({"two_way": False, "self_managed_opt_outs": True}, "two_way_needed", "self_managed_opt_outs"),
    ],
)
async def test_what_no_number_can_be(desk, change, code, field):
    with pytest.raises((Invalid, NotFound)) as caught:
        await number(desk, **change)
    assert (caught.value.code, caught.value.field) == (code, field)
    assert (await phone_numbers.find(desk, **MAIN)).items == ()


async def test_a_number_exists_once_for_all_accounts(desk):
    await accounts.create(desk, account_id="other", name="Other", now=NOW)
    await number(desk)
    for account_id in ("main", "other"):
        with pytest.raises(Conflict) as caught:
            await number(desk, "+1 (206) 555-0100", account_id=account_id)
        assert caught.value.code == "phone_number_exists"


async def test_another_account_sees_no_number(desk):
    await accounts.create(desk, account_id="other", name="Other", now=NOW)
    made = await number(desk)
    for call in (
        lambda: phone_numbers.get(desk, account_id="other", phone_number_id=made.id),
        lambda: phone_numbers.update(desk, account_id="other", phone_number_id=made.id, active=False),
        lambda: phone_numbers.delete(desk, account_id="other", phone_number_id=made.id),
        lambda: phone_numbers.get(desk, **MAIN, phone_number_id="phone-\x00"),
        lambda: phone_numbers.get(desk, **MAIN, phone_number_id="\ud800"),
        lambda: keywords.find(desk, account_id="other", owner_id=made.id),
    ):
        with pytest.raises(NotFound) as caught:
            await call()
        assert caught.value.code == "phone_number_not_found"
    assert (await phone_numbers.find(desk, account_id="other")).items == ()
    assert await phone_numbers.get(desk, **MAIN, phone_number_id=made.id) == made


async def test_an_update_changes_what_is_given(desk):
    made = await number(desk, rate=5)
    changed = await phone_numbers.update(desk, **MAIN, phone_number_id=made.id, active=False, rate=None)
    assert (changed.active, changed.rate, changed.message_type) == (False, None, made.message_type)
    assert desk.catalog.directory("main").identity_by_id[made.id] == changed
    assert await phone_numbers.update(desk, **MAIN, phone_number_id=made.id) == changed


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"two_way": False}, "two_way_needed"),
        ({"opt_out_list": "Nope"}, "opt_out_list_not_found"),
        ({"message_type": "SPAM"}, "unknown_value"),
    ],
)
async def test_an_update_is_checked_with_what_is_there(desk, change, code):
    made = await number(desk, self_managed_opt_outs=True)
    with pytest.raises((Invalid, NotFound)) as caught:
        await phone_numbers.update(desk, **MAIN, phone_number_id=made.id, **change)
    assert caught.value.code == code
    assert await phone_numbers.get(desk, **MAIN, phone_number_id=made.id) == made


async def test_a_deleted_number_is_gone_with_its_keywords(desk):
    made = await number(desk)
    await phone_numbers.delete(desk, **MAIN, phone_number_id=made.id)
    assert desk.catalog.identity_by_sender(made.sender) is None
    assert desk.catalog.keywords(made).keywords == ()
    again = await number(desk)
    assert len(await keywords.find(desk, **MAIN, owner_id=again.id)) == 4


async def test_an_identity_that_a_route_names_stays(desk, smpp_connector):
    made = await number(desk)
    sender = await sender_ids.create(desk, **MAIN, sender="ACME", now=NOW)
    for one in (made, sender):
        await routes.create(desk, **MAIN, connectors=[smpp_connector], identity_id=one.id, now=NOW)
    for call in (
        lambda: phone_numbers.delete(desk, **MAIN, phone_number_id=made.id),
        lambda: sender_ids.delete(desk, **MAIN, sender_id=sender.id),
    ):
        with pytest.raises(Conflict) as caught:
            await call()
        assert caught.value.code == "identity_in_use"


@pytest.fixture
async def smpp_connector(desk):
    settings = {"host": "smsc.example", "system_id": "acme"}
    made = await connectors.create(desk, connector_id="smpp-1", kind="smpp", settings=settings, now=NOW)
    return made.id


async def test_pages_of_numbers_in_the_order_they_were_added(desk):
    made = [(await number(desk, f"+1206555010{digit}")).id for digit in range(5)]
    first = await phone_numbers.find(desk, **MAIN, limit=3)
    second = await phone_numbers.find(desk, **MAIN, limit=3, after=first.next)
    assert [one.id for one in first.items + second.items] == made
    assert (first.next, second.next) == (made[2], "")
    with pytest.raises(Invalid):
        await phone_numbers.find(desk, **MAIN, after="\x00")


# Sender IDs


async def test_a_sender_id_is_one_per_country_whatever_its_case(desk):
    made = await sender_ids.create(desk, **MAIN, sender="Acme", now=NOW)
    assert (made.kind, made.sender, made.country, made.two_way) == (IdentityKind.SENDER_ID, "Acme", "", False)
    assert made.id.startswith("sender-")
    await sender_ids.create(desk, **MAIN, sender="Acme", country="fr", now=NOW)
    with pytest.raises(Conflict) as caught:
        await sender_ids.create(desk, **MAIN, sender="ACME", now=NOW)
    assert caught.value.code == "sender_id_exists"
    assert [one.country for one in (await sender_ids.find(desk, **MAIN)).items] == ["", "FR"]


@pytest.mark.parametrize(
    ("sender", "code"),
    [
        ("+12065550100", "kind_mismatch"),
        ("12345", "kind_mismatch"),
        ("", "sender_missing"),
        ("x" * 12, "sender_wrong_length"),
        ("A\x00", "sender_has_other_characters"),
    ],
)
async def test_what_no_sender_id_can_be(desk, sender, code):
    with pytest.raises(Invalid) as caught:
        await sender_ids.create(desk, **MAIN, sender=sender, now=NOW)
    assert (caught.value.code, caught.value.field) == (code, "sender")


async def test_a_sender_id_is_changed_and_deleted(desk):
    made = await sender_ids.create(desk, **MAIN, sender="Acme", now=NOW)
    changed = await sender_ids.update(desk, **MAIN, sender_id=made.id, message_type="PROMOTIONAL", rate=3)
    assert (changed.message_type, changed.rate) == (MessageType.PROMOTIONAL, 3)
    await sender_ids.delete(desk, **MAIN, sender_id=made.id)
    assert desk.catalog.directory("main").identities == ()
    with pytest.raises(NotFound):
        await sender_ids.get(desk, **MAIN, sender_id=made.id)


# Keywords


async def words(desk, owner_id):
    return {one.word: one for one in await keywords.find(desk, **MAIN, owner_id=owner_id)}


async def test_a_new_number_has_the_four_words(desk):
    made = await number(desk)
    found = await words(desk, made.id)
    assert {word: one.action for word, one in found.items()} == {
        "HELP": "AUTOMATIC_RESPONSE", "STOP": "OPT_OUT", "START": "OPT_IN", "UNSTOP": "OPT_IN"
    }  # fmt: skip
    assert set(desk.catalog.keywords(made).keywords) == set(found.values())


async def test_a_word_is_added_changed_in_any_case_and_removed(desk):
    made = await number(desk)
    await keywords.put(desk, **MAIN, owner_id=made.id, word="Menu", message="one", now=NOW)
    await keywords.put(desk, **MAIN, owner_id=made.id, word="MENU", message="two", now=NOW)
    found = await words(desk, made.id)
    assert found["MENU"].message == "two"
    assert "Menu" not in found
    assert (await keywords.get(desk, **MAIN, owner_id=made.id, word="menu")).message == "two"
    assert found["MENU"] in desk.catalog.keywords(made).keywords
    await keywords.delete(desk, **MAIN, owner_id=made.id, word="menu")
    assert len(desk.catalog.keywords(made).keywords) == 4


@pytest.mark.parametrize("word", ["STOP", "stop", "HELP", "help"])
async def test_stop_and_help_stay_with_their_action_and_an_editable_text(desk, word):
    made = await number(desk)
    action = (await keywords.get(desk, **MAIN, owner_id=made.id, word=word)).action
    await keywords.put(desk, **MAIN, owner_id=made.id, word=word, action=action, message="Call us.", now=NOW)
    assert (await keywords.get(desk, **MAIN, owner_id=made.id, word=word)).message == "Call us."
    with pytest.raises(Conflict) as caught:
        await keywords.delete(desk, **MAIN, owner_id=made.id, word=word)
    assert caught.value.code == "mandatory"
    with pytest.raises(Invalid) as invalid:
        await keywords.put(desk, **MAIN, owner_id=made.id, word=word, action="OPT_IN", message="x", now=NOW)
    assert invalid.value.field == "action"
    assert len(await words(desk, made.id)) == 4


@pytest.mark.parametrize("word", ["START", "UNSTOP"])
async def test_start_and_unstop_may_go(desk, word):
    made = await number(desk)
    await keywords.delete(desk, **MAIN, owner_id=made.id, word=word)
    assert word not in await words(desk, made.id)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"word": ""}, "word"),
        ({"word": "x" * 31}, "word"),
        ({"word": " menu"}, "word"),
        ({"word": "\x00"}, "word"),
        ({"word": "a\ud800"}, "word"),
        ({"word": "?"}, "word"),
        ({"action": "DANCE"}, "action"),
        ({"message": "x" * 1601}, "message"),
        ({"message": "a\x00"}, "message"),
    ],
)
async def test_what_no_keyword_can_be(desk, change, field):
    made = await number(desk)
    with pytest.raises(Invalid) as caught:
        await keywords.put(desk, **MAIN, owner_id=made.id, **{"word": "menu", "message": "x", "now": NOW} | change)
    assert caught.value.field == field
    assert len(await words(desk, made.id)) == 4


async def test_thirty_own_keywords_are_the_most(desk):
    made = await number(desk)
    for count in range(28):  # START and UNSTOP are two of them
        await keywords.put(desk, **MAIN, owner_id=made.id, word=f"menu {count}", message="x", now=NOW)
    with pytest.raises(Invalid) as caught:
        await keywords.put(desk, **MAIN, owner_id=made.id, word="menu 28", message="x", now=NOW)
    assert caught.value.code == "too_many"


async def test_a_word_that_is_not_there(desk):
    made = await number(desk)
    for call in (keywords.get, keywords.delete):
        with pytest.raises(NotFound) as caught:
            await call(desk, **MAIN, owner_id=made.id, word="nope")
        assert caught.value.code == "keyword_not_found"


@pytest.mark.parametrize(
    ("owner", "code"),
    [("pool-0", "pool_not_found"), ("phone-0", "phone_number_not_found"), ("x", "phone_number_not_found")],
)
async def test_an_owner_that_is_not_there(desk, owner, code):
    with pytest.raises(NotFound) as caught:
        await keywords.put(desk, **MAIN, owner_id=owner, word="menu", now=NOW)
    assert caught.value.code == code
