"""Opt-out lists and the numbers on them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from gateway.api.aws import identities, tagging
from gateway.api.aws.errors import about, not_found
from gateway.api.aws.lists import PAGE, after, asked, filtered, owned, page, token, yes
from gateway.errors import NotFound
from gateway.resources import opt_out_lists, opt_outs
from gateway.resources.desk import everything

if TYPE_CHECKING:
    from gateway.api.aws.call import Call
    from gateway.resources.opt_out_lists import OptOutList
    from gateway.resources.opt_outs import OptOut

_HOW = "AWS API"
_FILTERS = {"end-user-opted-out": lambda one: yes(one.by_end_user)}


async def create_opt_out_list(call: Call) -> dict[str, Any]:
    name, tags = call.input["OptOutListName"], tagging.tags_of(call)
    with about("opt-out-list", name):
        made = await opt_out_lists.create(call.desk, account_id=call.account_id, name=name, tagged=tags, now=call.now())
    return _list(call, made) | {"Tags": tagging.shown(tags)}


async def describe_opt_out_lists(call: Call) -> dict[str, Any]:
    mine = owned(call, "OptOutListNames", await everything(opt_out_lists.find, call.desk, account_id=call.account_id))
    chosen = asked(call, "OptOutListNames", "opt-out-list", {one.name: one for one in mine})
    return page(call, "OptOutLists", chosen, lambda one: one.name, partial(_list, call))


async def delete_opt_out_list(call: Call) -> dict[str, Any]:
    known = await _the_list(call)
    with about("opt-out-list", known.name):
        await opt_out_lists.delete(
            call.desk, account_id=call.account_id, name=known.name, actor=call.actor, now=call.now()
        )
    return _list(call, known)


async def put_opted_out_number(call: Call) -> dict[str, Any]:
    known = await _the_list(call)
    stands, _ = await opt_outs.add(
        call.desk, account_id=call.account_id, phone=_e164(call.input["OptedOutNumber"]), actor=call.actor, how=_HOW,
        list_name=known.name, now=call.now(),
    )  # fmt: skip
    return _names(call, known.name) | _shown(stands)


async def describe_opted_out_numbers(call: Call) -> dict[str, Any]:
    known = await _the_list(call)
    if wanted := call.input.get("OptedOutNumbers"):
        found = [await _standing(call, known.name, one) for one in dict.fromkeys(wanted)]
        listed = page(call, "OptedOutNumbers", filtered(call, found, _FILTERS), lambda one: one.phone, _shown)
    else:
        listed = await _page(call, known.name)
    return _names(call, known.name) | listed


async def delete_opted_out_number(call: Call) -> dict[str, Any]:
    """OptedOutTimestamp is "the time that the number was removed at" (model: DeleteOptedOutNumberResult)."""
    known, now = await _the_list(call), call.now()
    stood = await _standing(call, known.name, call.input["OptedOutNumber"])
    with about("opted-out-number", stood.phone):
        await opt_outs.lift(
            call.desk, account_id=call.account_id, phone=stood.phone, actor=call.actor, how=_HOW,
            reason="DeleteOptedOutNumber", list_name=known.name, lock_days=call.services.settings.opt_in_lock_days,
            now=now,
        )  # fmt: skip
    return _names(call, known.name) | _shown(stood) | {"OptedOutTimestamp": now}


async def _the_list(call: Call) -> OptOutList:
    name = identities.named_list(call)
    with about("opt-out-list", name):
        return await opt_out_lists.get(call.desk, account_id=call.account_id, name=name)


async def _standing(call: Call, name: str, number: str) -> OptOut:
    try:
        return await opt_outs.get(call.desk, account_id=call.account_id, phone=_e164(number), list_name=name)
    except NotFound as error:
        raise not_found("opted-out-number", number) from error


async def _page(call: Call, name: str) -> dict[str, Any]:
    """A list may be long: the database turns its pages."""
    behind, asked = after(call), _asked(call)
    if not asked:
        return {"OptedOutNumbers": []}
    found = await opt_outs.find(
        call.desk, account_id=call.account_id, list_name=name, limit=call.input.get("MaxResults", PAGE),
        after=f"{behind} {name}" if behind else "", by_end_user=None if len(asked) > 1 else asked == {"true"},
    )  # fmt: skip
    following = token(call, found.items[-1].phone) if found.next else None
    return {"OptedOutNumbers": [_shown(one) for one in found.items], "NextToken": following}


def _asked(call: Call) -> set[str]:
    """What the filters let through of "true" (who said so themselves) and "false" (the others)."""
    return {"true", "false"}.intersection(*(one["Values"] for one in call.input.get("Filters", ())))


def _e164(number: str) -> str:
    """E.164, whose plus AWS lets its clients leave out. Raises Invalid."""
    return opt_outs.e164(number if number.startswith("+") else f"+{number}", "OptedOutNumber")


def _names(call: Call, name: str) -> dict[str, Any]:
    return {"OptOutListArn": call.arn(f"opt-out-list/{name}"), "OptOutListName": name}


def _list(call: Call, one: OptOutList) -> dict[str, Any]:
    return _names(call, one.name) | {"CreatedTimestamp": one.created_at}


def _shown(one: OptOut) -> dict[str, Any]:
    return {
        "OptedOutNumber": one.phone,
        "OptedOutTimestamp": one.opted_out_at,
        "EndUserOptedOut": one.by_end_user,
    }
