from __future__ import annotations

import pytest

from gateway.errors import Conflict, Invalid, NotFound
from gateway.resources import opt_out_lists, opt_outs, phone_numbers
from tests.gateway.conftest import NOW
from tests.support.consent import ANN, MAIN, standing, stop


@pytest.mark.parametrize("name", ["", " ", "a b", "x" * 65, "ä", "a\x00", "\ud800", "a\n"])
async def test_a_list_name_is_letters_digits_hyphens_underscores(desk, name):
    with pytest.raises(Invalid) as caught:
        await opt_out_lists.create(desk, **MAIN, name=name, now=NOW)
    assert caught.value.field == "name"


async def test_a_list_is_unique_and_found(desk):
    await opt_out_lists.create(desk, **MAIN, name="News", now=NOW)
    with pytest.raises(Conflict) as caught:
        await opt_out_lists.create(desk, **MAIN, name="News", now=NOW)
    assert caught.value.code == "opt_out_list_exists"
    assert [one.name for one in (await opt_out_lists.find(desk, **MAIN)).items] == ["Default", "News"]
    assert (await opt_out_lists.get(desk, **MAIN, name="News")).created_at == NOW


async def test_the_default_list_stays(desk):
    with pytest.raises(Conflict) as caught:
        await opt_out_lists.delete(desk, **MAIN, name="Default", actor="staff:alice", now=NOW)
    assert caught.value.code == "default_opt_out_list"


async def test_a_list_in_use_stays(desk):
    await opt_out_lists.create(desk, **MAIN, name="News", now=NOW)
    number = await phone_numbers.create(
        desk, **MAIN, number="+12065550199", kind="LONG_CODE", opt_out_list="News", now=NOW, country="US"
    )
    with pytest.raises(Conflict) as caught:
        await opt_out_lists.delete(desk, **MAIN, name="News", actor="staff:alice", now=NOW)
    assert caught.value.code == "opt_out_list_in_use"
    assert number.id in caught.value.detail


async def test_a_deleted_list_takes_its_opt_outs_along_and_leaves_their_history(desk):
    await opt_out_lists.create(desk, **MAIN, name="News", now=NOW)
    await stop(desk, ANN, list_name="News")
    await stop(desk, ANN)
    await opt_out_lists.delete(desk, **MAIN, name="News", actor="staff:alice", now=NOW + 3)
    assert [key[2] for key in await standing(desk, ANN)] == ["Default"]
    last = (await opt_outs.history(desk, **MAIN, phone=ANN))[-1]
    assert (last.action, last.list_name, last.actor, last.at) == ("LIST_DELETED", "News", "staff:alice", NOW + 3)
    with pytest.raises(NotFound):
        await opt_out_lists.get(desk, **MAIN, name="News")
