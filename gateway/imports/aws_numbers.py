"""Steps for opt-out lists, numbers, sender IDs, pools and keywords."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from gateway.errors import GatewayError
from gateway.imports.steps import Fate, Step
from gateway.model import DEFAULT_OPT_OUT_LIST, MessageType
from gateway.resources import keywords as keyword_rows
from gateway.resources import opt_out_lists, opt_outs, phone_numbers
from gateway.resources import pools as pool_rows
from gateway.resources import sender_ids as sender_rows
from gateway.resources.opt_outs import Known
from gateway.store.times import to_micros
from keywords.own import default_keywords
from keywords.types import Action, Keyword, MatchMode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence

    from gateway.imports.aws_account import AwsAccount, Entry
    from gateway.imports.here import Here
    from gateway.model import OriginationIdentity

_HOW = "import from AWS"


async def lists(here: Here, aws: AwsAccount) -> AsyncIterator[Step]:
    for one in aws.opt_out_lists:
        name = one["OptOutListName"]
        make = partial(
            opt_out_lists.create,
            here.desk,
            account_id=here.account_id,
            name=name,
            now=to_micros(one["CreatedTimestamp"]),
        )
        yield _step("opt-out list", name, name in here.lists, make)
        known, rejected = _known(name, aws.opted_out[name])
        fresh = await opt_outs.count_new(here.desk, known, account_id=here.account_id)
        add = partial(opt_outs.add_known, here.desk, known, account_id=here.account_id, actor=here.actor, now=here.now)
        if known:
            yield _step("opted-out numbers", f"{fresh or len(known)} on {name}", fresh == 0, add)
        if rejected:
            yield Step("opted-out numbers", f"{rejected} on {name}", Fate.LEFT, "They are no numbers of any country.")


def _known(name: str, entries: Sequence[Entry]) -> tuple[list[Known], int]:
    """The people on a list as they are kept here, and how many of them have no number that can be."""
    known = []
    for one in entries:
        number = one["OptedOutNumber"]
        try:
            phone = opt_outs.e164(number if number.startswith("+") else f"+{number}")
        except GatewayError:
            continue
        known.append(Known(phone, name, to_micros(one["OptedOutTimestamp"]), _HOW, by_end_user=one["EndUserOptedOut"]))
    return known, len(entries) - len(known)


def numbers(here: Here, aws: AwsAccount) -> Iterator[Step]:
    for one in aws.numbers:
        number = one["PhoneNumber"]
        known = here.numbers.get(number)
        if one["Status"] != "ACTIVE" and not known:
            yield Step("phone number", number, Fate.LEFT, f"It is {one['Status']} at AWS.")
            continue
        step = _step("phone number", number, known is not None, partial(_add_number, here, one))
        yield step if not known or known.id == one["PhoneNumberId"] else _other_id(step, known.id)


def _other_id(step: Step, known_as: str) -> Step:
    return Step(step.what, step.name, step.fate, f"Its id here is {known_as}, another than at AWS.")


async def _add_number(here: Here, one: Entry) -> None:
    await phone_numbers.create(
        here.desk, account_id=here.account_id, number=one["PhoneNumber"], kind=one["NumberType"],
        country=one["IsoCountryCode"], message_type=one["MessageType"], opt_out_list=one["OptOutListName"],
        two_way=one["TwoWayEnabled"], two_way_channel=one.get("TwoWayChannelArn", ""),
        two_way_role=one.get("TwoWayChannelRole", ""), self_managed_opt_outs=one["SelfManagedOptOutsEnabled"],
        match_mode=MatchMode.BEGINS, capabilities=one["NumberCapabilities"],
        international=one.get("InternationalSendingEnabled", False),
        deletion_protection=one["DeletionProtectionEnabled"], monthly_price=Decimal(one["MonthlyLeasingPrice"]),
        known_as=one["PhoneNumberId"], now=to_micros(one["CreatedTimestamp"]),
    )  # fmt: skip


def sender_ids(here: Here, aws: AwsAccount) -> Iterator[Step]:
    """Here a sender ID has an opt-out list of its own: it is that of the pool that it is in."""
    lists_of_pools = {
        (member["OriginationIdentity"], member["IsoCountryCode"]): pool["OptOutListName"]
        for pool in aws.pools
        for member in aws.members[pool["PoolId"]]
    }
    for one in aws.sender_ids:
        name, country, types = one["SenderId"], one["IsoCountryCode"], one["MessageTypes"] or list(MessageType)
        make = partial(
            sender_rows.create, here.desk, account_id=here.account_id, sender=name, country=country,
            message_type=types[0], both_types=len(types) > 1, deletion_protection=one["DeletionProtectionEnabled"],
            opt_out_list=lists_of_pools.get((name, country), DEFAULT_OPT_OUT_LIST), now=here.now,
        )  # fmt: skip
        yield _step("sender ID", f"{name}/{country}", (name.upper(), country) in here.sender_ids, make)


def pools(here: Here, aws: AwsAccount) -> Iterator[Step]:
    for one in aws.pools:
        pool_id = one["PoolId"]
        members = sorted(aws.members[pool_id], key=lambda member: "PhoneNumber" not in member)  # numbers first
        if not members:
            yield Step("pool", pool_id, Fate.LEFT, "It is empty, and a pool here has a member at least.")
            continue
        yield _step("pool", pool_id, pool_id in here.pools, partial(_add_pool, here, one, members[0]))
        for member in members:
            known = _known_member(here, member)
            join = partial(_join, here, pool_id, member)
            name = f"{member.get('PhoneNumber') or member['OriginationIdentity']} in {pool_id}"
            yield _step("pool member", name, known is not None and pool_id in known.pool_ids, join)


def _known_member(here: Here, member: Entry) -> OriginationIdentity | None:
    if "PhoneNumber" in member:
        return here.numbers.get(member["PhoneNumber"])
    return here.sender_ids.get((member["OriginationIdentity"].upper(), member["IsoCountryCode"]))


def _member_now(here: Here, member: Entry) -> OriginationIdentity:
    return here.identity_now(member.get("PhoneNumber", ""), member["OriginationIdentity"], member["IsoCountryCode"])


async def _add_pool(here: Here, one: Entry, first: Entry) -> None:
    """A pool of sender IDs alone has two-way settings of its own, so they are set in any case."""
    await pool_rows.create(
        here.desk, account_id=here.account_id, identity_id=_member_now(here, first).id, known_as=one["PoolId"],
        message_type=one["MessageType"], shared_routes=one["SharedRoutesEnabled"],
        deletion_protection=one["DeletionProtectionEnabled"], now=to_micros(one["CreatedTimestamp"]),
    )  # fmt: skip
    await pool_rows.update(
        here.desk, account_id=here.account_id, pool_id=one["PoolId"], two_way=one["TwoWayEnabled"],
        two_way_channel=one.get("TwoWayChannelArn", ""), two_way_role=one.get("TwoWayChannelRole", ""),
        self_managed_opt_outs=one["SelfManagedOptOutsEnabled"], match_mode=MatchMode.BEGINS,
    )  # fmt: skip


async def _join(here: Here, pool_id: str, member: Entry) -> None:
    await pool_rows.join_with_its_keywords(
        here.desk, account_id=here.account_id, pool_id=pool_id, identity_id=_member_now(here, member).id
    )


async def keywords(here: Here, aws: AwsAccount) -> AsyncIterator[Step]:
    """Those that differ: a new number or pool has STOP, HELP, START and UNSTOP with our messages."""
    by_id = {one["PhoneNumberId"]: one["PhoneNumber"] for one in aws.numbers}
    for owner, entries in aws.keywords.items():
        existing = {one.word.upper(): one for one in await _existing(here, owner, by_id.get(owner, ""))}
        for entry in entries:
            keyword = Keyword(entry["Keyword"], Action(entry["KeywordAction"]), entry["KeywordMessage"])
            name = f"{keyword.word} of {by_id.get(owner, owner)}"
            put = partial(_put_keyword, here, owner, by_id.get(owner, ""), keyword)
            known = existing.get(keyword.word.upper())
            same = known is not None and (known.action, known.message) == (keyword.action, keyword.message)
            yield _step("keyword", name, same, put, Fate.CHANGE if known else Fate.ADD)


async def _existing(here: Here, owner: str, number: str) -> Sequence[Keyword]:
    known = here.numbers.get(number) if number else here.pools.get(owner)
    if known is None:
        return default_keywords()
    return await keyword_rows.find(here.desk, account_id=here.account_id, owner_id=known.id)


async def _put_keyword(here: Here, owner: str, number: str, keyword: Keyword) -> None:
    owner_id = here.identity_now(number, "", "").id if number else owner
    await keyword_rows.put(
        here.desk, account_id=here.account_id, owner_id=owner_id, word=keyword.word, action=keyword.action,
        message=keyword.message, now=here.now,
    )  # fmt: skip


def _step(what: str, name: str, there: bool, do: Callable[[], Awaitable[Any]], otherwise: Fate = Fate.ADD) -> Step:
    return Step(what, name, Fate.SAME) if there else Step(what, name, otherwise, do=do)
