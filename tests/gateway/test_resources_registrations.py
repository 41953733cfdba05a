from __future__ import annotations

import pytest

from gateway.errors import Conflict, Invalid, NotFound
from gateway.resources import (
    accounts,
    phone_numbers,
    registration_associations,
    registration_attachments,
    registration_types,
    registrations,
    sender_ids,
)
from gateway.resources.registration_types import Answer, Field
from tests.gateway.conftest import NOW

MAIN = {"account_id": "main"}
BRAND, CAMPAIGN = "US_TEN_DLC_BRAND_REGISTRATION", "US_TEN_DLC_CAMPAIGN_REGISTRATION"
TOLL_FREE, INDONESIA = "US_TOLL_FREE_REGISTRATION", "ID_SENDER_ID_REGISTRATION"
PNG = b"\x89PNG\r\n\x1a\nrest"


def some(field: Field, attachment_id: str) -> Answer:
    """An answer that will do."""
    if field.kind == "ATTACHMENT":
        return Answer(attachment_id=attachment_id)
    if field.kind == "SELECT":
        return Answer(choices=field.choices[:1])
    if field.longest == 2:
        return Answer(text="US")
    return Answer(text="a" * field.shortest if field.pattern != "^[A-Za-z0-9]+$" else "123456789")


async def new(desk, kind=BRAND):
    return await registrations.create(desk, **MAIN, kind=kind, now=NOW)


async def put(desk, one, path, answer):
    return await registrations.put_answer(desk, **MAIN, registration_id=one.id, path=path, answer=answer)


async def fill_in(desk, one):
    attachment = await registration_attachments.create(desk, **MAIN, now=NOW, body=PNG)
    for path, field in registration_types.of(one.kind).fields.items():
        if field.requirement == "REQUIRED":
            await put(desk, one, path, some(field, attachment.id))


async def submit(desk, one, now=NOW + 1):
    return await registrations.submit(desk, **MAIN, registration_id=one.id, now=now)


async def decide(desk, one, outcome="APPROVED", reason="Looks right", now=NOW + 2):
    return await registrations.decide(
        desk, **MAIN, registration_id=one.id, outcome=outcome, actor="staff:alice", reason=reason, now=now
    )


async def again(desk, one, now=NOW + 3):
    return await registrations.new_version(desk, **MAIN, registration_id=one.id, now=now)


async def discard(desk, one):
    return await registrations.discard(desk, **MAIN, registration_id=one.id, now=NOW + 4)


async def delete(desk, one):
    return await registrations.delete(desk, **MAIN, registration_id=one.id)


async def now_is(desk, one):
    return await registrations.get(desk, **MAIN, registration_id=one.id)


async def approved(desk, kind=BRAND):
    one = await new(desk, kind)
    await fill_in(desk, one)
    await submit(desk, one)
    return await decide(desk, one)


async def conflict_of(awaitable):
    with pytest.raises(Conflict) as caught:
        await awaitable
    return caught.value.code


async def associate(desk, one, resource):
    return await registration_associations.create(desk, **MAIN, registration_id=one.id, resource=resource, now=NOW)


async def test_a_registration_begins_with_an_empty_draft(desk):
    one = await new(desk)
    assert one.id.startswith("registration-")
    assert (one.status, one.last.number, one.last.status) == ("CREATED", 1, "DRAFT")
    assert (one.last.answers, one.last.times) == ({}, {"DRAFT": NOW})
    assert await registrations.find(desk, **MAIN) == (one,)


async def test_an_unknown_kind_is_not_found(desk):
    with pytest.raises(NotFound) as caught:
        await new(desk, "XX_REGISTRATION")
    assert caught.value.code == "registration_type_not_found"


async def test_from_draft_to_approval(desk):
    one = await new(desk)
    await fill_in(desk, one)
    submitted = await submit(desk, one)
    assert (submitted.status, (await now_is(desk, one)).status) == ("SUBMITTED", "SUBMITTED")
    assert [each.id for each in await registrations.waiting(desk, **MAIN)] == [one.id]
    done = await decide(desk, one)
    assert (done.status, done.last.status, done.last.reason, done.last.actor) == (
        "COMPLETE", "APPROVED", "Looks right", "staff:alice",
    )  # fmt: skip
    assert done.last.times == {"DRAFT": NOW, "SUBMITTED": NOW + 1, "APPROVED": NOW + 2}
    assert await registrations.waiting(desk, **MAIN) == ()
    assert await conflict_of(decide(desk, one)) == "not_submitted"


async def test_a_denial_costs_one_field_and_not_the_form(desk):
    one = await new(desk)
    await fill_in(desk, one)
    await submit(desk, one)
    denied = await decide(desk, one, "DENIED", "The tax ID is not the company's")
    assert (denied.status, denied.last.status) == ("REQUIRES_UPDATES", "DENIED")
    second = await again(desk, one)
    assert (second.number, second.status, second.answers) == (2, "DRAFT", denied.last.answers)
    assert (await now_is(desk, one)).status == "REQUIRES_UPDATES"
    await put(desk, one, "companyInfo.taxId", Answer(text="987654321"))
    await submit(desk, one)
    done = await decide(desk, one)
    assert [each.status for each in done.versions] == ["DENIED", "APPROVED"]
    assert done.versions[0].answers["companyInfo.taxId"] == Answer(text="123456789")
    assert done.status == "COMPLETE"


async def test_a_newly_approved_version_archives_the_one_before(desk):
    one = await approved(desk)
    await again(desk, one)
    assert (await now_is(desk, one)).status == "COMPLETE"
    await submit(desk, one)
    done = await decide(desk, one, now=NOW + 9)
    assert [each.status for each in done.versions] == ["ARCHIVED", "APPROVED"]
    assert done.versions[0].times["ARCHIVED"] == NOW + 9


async def test_a_discarded_draft_is_not_copied(desk):
    one = await approved(desk)
    await again(desk, one)
    await put(desk, one, "companyInfo.city", Answer(text="Elsewhere"))
    assert (await discard(desk, one)).status == "DISCARDED"
    third = await again(desk, one)
    assert (third.number, third.answers) == (3, one.last.answers)


async def test_a_discarded_first_draft_leaves_nothing_to_copy(desk):
    one = await new(desk)
    await put(desk, one, "companyInfo.city", Answer(text="Riga"))
    await discard(desk, one)
    assert (await now_is(desk, one)).status == "CREATED"
    assert (await again(desk, one)).answers == {}


async def test_what_is_with_staff_stays_as_it_is(desk):
    one = await new(desk)
    await fill_in(desk, one)
    await submit(desk, one)
    assert await conflict_of(put(desk, one, "companyInfo.city", Answer(text="Riga"))) == "not_editable"
    assert await conflict_of(submit(desk, one)) == "already_submitted"
    assert await conflict_of(again(desk, one)) == "version_open"
    assert await conflict_of(discard(desk, one)) == "version_not_draft"
    assert await conflict_of(delete(desk, one)) == "registration_in_review"
    await decide(desk, one)
    assert await conflict_of(put(desk, one, "companyInfo.city", Answer(text="Riga"))) == "not_editable"
    assert await conflict_of(submit(desk, one)) == "not_submittable"


async def test_one_draft_at_a_time(desk):
    assert await conflict_of(again(desk, await new(desk))) == "version_open"


@pytest.mark.parametrize(("outcome", "reason"), [("MAYBE", "why"), ("APPROVED", " "), ("DENIED", "x" * 501)])
async def test_a_decision_is_one_of_two_and_has_a_reason(desk, outcome, reason):
    one = await new(desk)
    await fill_in(desk, one)
    await submit(desk, one)
    with pytest.raises(Invalid):
        await decide(desk, one, outcome, reason)
    assert (await now_is(desk, one)).status == "SUBMITTED"


@pytest.mark.parametrize(
    ("path", "answer", "code"),
    [
        ("companyInfo.none", Answer(text="x"), "unknown_field"),
        ("companyInfo.city", Answer(choices=("Riga",)), "wrong_kind"),
        ("companyInfo.city", Answer(text="x" * 101), "wrong_answer"),
        ("companyInfo.city", Answer(text="  "), "wrong_answer"),
        ("companyInfo.taxId", Answer(text="12-3456789"), "wrong_answer"),
        ("companyInfo.isoCountryCode", Answer(text="usa"), "wrong_answer"),
        ("companyInfo.legalType", Answer(choices=("CLUB",)), "wrong_answer"),
        ("companyInfo.legalType", Answer(choices=("NON_PROFIT", "GOVERNMENT")), "wrong_answer"),
    ],
)
async def test_an_answer_must_do_for_its_field(desk, path, answer, code):
    with pytest.raises(Invalid) as caught:
        await put(desk, await new(desk), path, answer)
    assert caught.value.code == code


async def test_choices_that_no_source_lists_whole_are_open(desk):
    one = await new(desk, TOLL_FREE)
    saved = await put(desk, one, "messagingUseCase.useCaseCategory", Answer(choices=("SURVEYS",)))
    assert saved.answers["messagingUseCase.useCaseCategory"].choices == ("SURVEYS",)


async def test_a_form_is_submitted_whole(desk):
    one = await new(desk)
    await put(desk, one, "companyInfo.legalType", Answer(choices=("PUBLIC_PROFIT",)))
    with pytest.raises(Invalid) as caught:
        await submit(desk, one)
    assert caught.value.code == "form_incomplete"
    missing = {path for path, _ in caught.value.extra["faults"]}
    assert {"companyInfo.companyName", "companyInfo.stockSymbol"} < missing
    await put(desk, one, "companyInfo.stockSymbol", Answer(text="EXMPL"))
    await put(desk, one, "companyInfo.legalType", Answer(choices=("PRIVATE_PROFIT",)))
    with pytest.raises(Invalid) as caught:
        await submit(desk, one)
    told = dict(caught.value.extra["faults"])
    assert told["companyInfo.stockSymbol"] == "Stock symbol does not go with the other answers."
    assert "companyInfo.stockExchange" not in told


async def test_a_field_that_need_not_be_filled_in_can_be_emptied(desk):
    one = await new(desk)
    await put(desk, one, "companyInfo.stockSymbol", Answer(text="EXMPL"))
    delete_answer = registrations.delete_answer
    version, was = await delete_answer(desk, **MAIN, registration_id=one.id, path="companyInfo.stockSymbol")
    assert (version.answers, was) == ({}, Answer(text="EXMPL"))
    for path, code in (("companyInfo.city", "required_field"), ("companyInfo.none", "unknown_field")):
        with pytest.raises(Invalid) as caught:
            await delete_answer(desk, **MAIN, registration_id=one.id, path=path)
        assert caught.value.code == code


async def test_attachments_are_told_by_their_first_octets(desk):
    for body, kind in ((PNG, "image/png"), (b"%PDF-1.7", "application/pdf"), (b"\xff\xd8\xff\xe0", "image/jpeg")):
        made = await registration_attachments.create(desk, **MAIN, now=NOW, body=body)
        assert (made.content_type, made.url) == (kind, "")
        assert await registration_attachments.read(desk, **MAIN, attachment_id=made.id) == (made, body)
    elsewhere = await registration_attachments.create(desk, **MAIN, now=NOW, url="s3://bucket/letter.pdf")
    assert (elsewhere.content_type, elsewhere.url) == ("", "s3://bucket/letter.pdf")
    assert len(await registration_attachments.find(desk, **MAIN)) == 4


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "one_source"),
        ({"body": PNG, "url": "s3://bucket/x.png"}, "one_source"),
        ({"body": b"GIF89a"}, "wrong_file_type"),
        ({"body": PNG + bytes(registration_attachments.LARGEST)}, "file_too_large"),
        ({"url": "http://example.com/x.png"}, "bad_url"),
        ({"url": "s3://bucket/"}, "bad_url"),
    ],
)
async def test_an_attachment_that_cannot_be_kept(desk, given, code):
    with pytest.raises(Invalid) as caught:
        await registration_attachments.create(desk, **MAIN, now=NOW, **given)
    assert caught.value.code == code


async def test_an_attachment_that_a_form_refers_to_stays(desk):
    one = await new(desk, TOLL_FREE)
    made = await registration_attachments.create(desk, **MAIN, now=NOW, body=PNG)
    with pytest.raises(NotFound):
        await put(desk, one, "messagingUseCase.optInImage", Answer(attachment_id="attachment-none"))
    await put(desk, one, "messagingUseCase.optInImage", Answer(attachment_id=made.id))
    remove = registration_attachments.delete
    assert await conflict_of(remove(desk, **MAIN, attachment_id=made.id)) == "attachment_in_use"
    await delete(desk, one)
    assert await remove(desk, **MAIN, attachment_id=made.id) == made


async def test_a_campaign_rests_on_a_complete_brand(desk):
    brand, campaign = await new(desk), await new(desk, CAMPAIGN)
    resource = f"registration/{brand.id}"
    assert await conflict_of(associate(desk, campaign, resource)) == "registration_not_complete"
    await fill_in(desk, campaign)
    assert await conflict_of(submit(desk, campaign)) == "association_missing"
    await fill_in(desk, brand)
    await submit(desk, brand)
    await decide(desk, brand)
    made = await associate(desk, campaign, resource)
    assert (made.resource, made.resource_type) == (resource, BRAND)
    assert await conflict_of(associate(desk, campaign, resource)) == "already_associated"
    assert await conflict_of(delete(desk, brand)) == "registration_in_use"
    assert (await submit(desk, campaign)).status == "SUBMITTED"


async def test_a_number_joins_its_campaign_after_approval(desk):
    brand = await approved(desk)
    campaign = await new(desk, CAMPAIGN)
    await associate(desk, campaign, f"registration/{brand.id}")
    number = await phone_numbers.create(desk, **MAIN, number="+12065550100", kind="TEN_DLC", country="US", now=NOW)
    resource = f"phone-number/{number.id}"
    assert await conflict_of(associate(desk, campaign, resource)) == "registration_not_complete"
    await fill_in(desk, campaign)
    await submit(desk, campaign)
    await decide(desk, campaign)
    made = await associate(desk, campaign, resource)
    assert (made.resource_type, made.country, made.phone) == ("TEN_DLC", "US", "+12065550100")
    found = await registration_associations.find(desk, **MAIN, registration_id=campaign.id)
    assert [one.resource_type for one in found] == ["TEN_DLC", BRAND]


async def test_what_a_registration_is_not_about(desk):
    one = await new(desk, TOLL_FREE)
    number = await phone_numbers.create(desk, **MAIN, number="+12065550100", kind="LONG_CODE", country="US", now=NOW)
    for resource in (f"phone-number/{number.id}", "pool/pool-1"):
        with pytest.raises(Invalid) as caught:
            await associate(desk, one, resource)
        assert caught.value.code == "association_unsupported"
    for resource in ("phone-number/phone-none", "sender-id/NOBODY/ID", "registration/registration-none"):
        with pytest.raises(NotFound):
            await associate(desk, one, resource)


async def test_a_sender_id_is_associated_by_name_and_country(desk):
    one = await new(desk, INDONESIA)
    await sender_ids.create(desk, **MAIN, sender="Acme", country="ID", now=NOW)
    made = await associate(desk, one, "sender-id/ACME/ID")
    assert (made.resource, made.resource_type, made.country) == ("sender-id/Acme/ID", "SENDER_ID", "ID")


async def test_another_account_sees_nothing(desk):
    one = await new(desk)
    await accounts.create(desk, account_id="other", name="Other", now=NOW)
    assert await registrations.find(desk, account_id="other") == ()
    with pytest.raises(NotFound):
        await registrations.get(desk, account_id="other", registration_id=one.id)


@pytest.mark.parametrize("name", registration_types.types())
async def test_each_form_can_be_filled_in(desk, name):
    one = await new(desk, name)
    await fill_in(desk, one)
    conditional = [field for field in registration_types.of(name).fields.values() if field.when]
    assert all(path in registration_types.of(name).fields for field in conditional for path in field.when)
    answers = (await now_is(desk, one)).last.answers
    faults = dict(registration_types.faults(registration_types.of(name), answers))
    assert not [path for path in faults if registration_types.of(name).fields[path].requirement == "REQUIRED"]
