from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carriers.smpp.receipt import address, outbound_address


@pytest.mark.parametrize(
    ("ton", "raw", "expected"),
    [
        (1, b"447887123456", "+447887123456"),
        (1, b"+447887123456", "+447887123456"),
        (1, b"00447887123456", "+447887123456"),
        (0, b"447887123456", "+447887123456"),
        (0, b"+447887123456", "+447887123456"),
        (0, b"00447887123456", "+447887123456"),
        (0, b"07887123456", "07887123456"),
        (0, b"60777", "60777"),
        (1, b"60777", "60777"),
        (2, b"7887123456", "7887123456"),
        (3, b"60777", "60777"),
        (3, b"14155550100", "14155550100"),
        (6, b"60777", "60777"),
        (5, b"Heliograph", "Heliograph"),
        (5, b"14155550100", "14155550100"),
        (0, b"Heliograph", "Heliograph"),
        (0xFF, b"447887123456", "+447887123456"),
        (1, b"44788\0", "44788"),
        (1, b"4" * 20, "+" + "4" * 20),
        (1, b"4" * 21, "4" * 21),
        (1, b"44788712345\xb2", "44788712345²"),
        (1, b"\xe9t\xe9", "été"),
        (1, b"", ""),
    ],
)
def test_addresses_come_in_in_our_form(ton, raw, expected):
    assert address(ton, raw) == expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("+447887123456", (1, 1, b"447887123456")),
        ("60777", (3, 0, b"60777")),
        ("Heliograph", (5, 0, b"Heliograph")),
        ("My Shop", (5, 0, b"My Shop")),
        ("A1", (5, 0, b"A1")),
    ],
)
def test_addresses_go_out_with_their_type(number, expected):
    assert outbound_address(number) == expected


def test_short_codes_go_out_as_the_carrier_wants_them():
    assert outbound_address("60777", (0, 1)) == (0, 1, b"60777")


@pytest.mark.parametrize(
    "number",
    ["", "+", "+0123456", "+12", "+1234567890123456", "+1415555x", "1" * 21, "Heliographer", "Héliograph", "a\0b"],
)
def test_an_address_that_does_not_fit_is_refused_and_never_cut(number):
    with pytest.raises(ValueError, match=r"^address: "):
        outbound_address(number)


@settings(max_examples=50, deadline=None)
@given(st.from_regex(r"\A\+[1-9][0-9]{6,14}\Z"))
def test_e164_makes_the_trip(number):
    ton, _npi, octets = outbound_address(number)
    assert address(ton, octets) == number
