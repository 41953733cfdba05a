from __future__ import annotations

import re

import pytest
from smpplib import consts

from carriers.smpp.status import STATUSES, StatusClass, describe

# What to do about every status, as the session and the worker rely on it.
CLASSES = {
    StatusClass.OK: [0x00],
    StatusClass.THROTTLE: [0x58],
    StatusClass.RETRY: [0x08, 0x14, 0x45, 0x64, 0xFF, 0x102],
    StatusClass.SESSION: [0x04, 0x05, 0x0D],
    StatusClass.BIND_FATAL: [0x0E, 0x0F, 0x53],
    StatusClass.PROTO: [0x02, 0x03, 0xC0],
    StatusClass.PERM: [
        *(0x01, 0x06, 0x07, 0x0A, 0x0B, 0x0C, 0x11, 0x13, 0x15, 0x33, 0x34, 0x40, 0x42, 0x43, 0x44, 0x48, 0x49, 0x50),
        *(0x51, 0x54, 0x55, 0x61, 0x62, 0x63, 0x65, 0x66, 0x67, 0xC1, 0xC2, 0xC3, 0xC4, 0xFE, 0x100, 0x101, 0x103),
        *range(0x104, 0x113),
    ],
}


@pytest.mark.parametrize(("klass", "codes"), CLASSES.items())
def test_every_status_has_its_class(klass, codes):
    assert {code: describe(code).klass for code in codes} == dict.fromkeys(codes, klass)


def test_the_table_holds_these_and_no_others():
    assert sorted(STATUSES) == sorted(code for codes in CLASSES.values() for code in codes)


def test_names_are_those_of_smpplib():
    theirs = {
        value: name.removeprefix("SMPP_ESME_")
        for name, value in vars(consts).items()
        if name.startswith("SMPP_ESME_") and value in STATUSES
    }
    differing = {code: (STATUSES[code].name, name) for code, name in theirs.items() if STATUSES[code].name != name}
    assert differing == {}
    assert len(theirs) > 40


def test_rows_are_named_once_and_have_a_sentence():
    assert len({row.name for row in STATUSES.values()}) == len(STATUSES)
    assert len({row.sentence for row in STATUSES.values()}) == len(STATUSES)
    for code, row in STATUSES.items():
        assert row.code == code
        assert re.fullmatch(r"R[A-Z_]+", row.name)
        assert len(row.sentence) >= 8


@pytest.mark.parametrize("code", [0x0401, 0x04FF, 0x09, 0x113, 0xFFFFFFFF])
def test_an_unknown_status_keeps_its_number_and_is_tried_again(code):
    row = describe(code)
    assert (row.code, row.name, row.klass) == (code, f"vendor 0x{code:08X}", StatusClass.RETRY)


def test_a_connector_gives_its_own_class_to_any_code():
    overrides = {0x0401: StatusClass.PERM, 0x14: StatusClass.THROTTLE}
    assert describe(0x0401, overrides).klass is StatusClass.PERM
    assert describe(0x14, overrides).klass is StatusClass.THROTTLE
    assert describe(0x14, overrides).name == "RMSGQFUL"
    assert describe(0x58, overrides).klass is StatusClass.THROTTLE
    assert describe(0x14).klass is StatusClass.RETRY
