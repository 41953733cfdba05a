from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carriers.text import TextProfile, split
from carriers.types import Concatenation, InboundMessage
from carriers.udh import ReassemblyKey, UserDataHeader, parse_udh, reassembly_key


class TestUserDataHeader:
    @pytest.mark.parametrize(
        ("octets", "elements", "concatenation", "ports", "rest"),
        [
            ("050003A20302 4142", [(0, "A20302")], Concatenation("udh8", 0xA2, 3, 2), None, "4142"),
            ("06080412340302 41", [(8, "12340302")], Concatenation("udh16", 0x1234, 3, 2), None, "41"),
            (
                "0B0504158A0000 0003A20302 41",
                [(5, "158A0000"), (0, "A20302")],
                Concatenation("udh8", 0xA2, 3, 2),
                (0x158A, 0),
                "41",
            ),
            ("040402F0E1 41", [(4, "F0E1")], None, (0xF0, 0xE1), "41"),
            ("03240101 41", [(0x24, "01")], None, None, "41"),  # a shift table: unknown here, kept
            ("050003A20300", [(0, "A20300")], None, None, ""),  # numbered 0
            ("050003A20304", [(0, "A20304")], None, None, ""),  # above its total
            ("050003A20000", [(0, "A20000")], None, None, ""),
            ("040002A203 41", [(0, "A203")], None, None, "41"),  # an element too short
            (
                "0A 0003010201 0003A20302 41",
                [(0, "010201"), (0, "A20302")],
                Concatenation("udh8", 0xA2, 3, 2),
                None,
                "41",
            ),  # the last of two counts
            ("08 0003A20302 700501 41", [(0, "A20302")], Concatenation("udh8", 0xA2, 3, 2), None, "41"),  # cut short
            ("06 0003A20302 70 41", [(0, "A20302")], Concatenation("udh8", 0xA2, 3, 2), None, "41"),
            ("00 41", [], None, None, "41"),
            ("050003A203", [], None, None, "050003A203"),  # claims more than there is
            ("FF", [], None, None, "FF"),
            ("", [], None, None, ""),
        ],
    )
    def test_reading(self, octets, elements, concatenation, ports, rest):
        known = tuple((identifier, bytes.fromhex(data)) for identifier, data in elements)
        header = UserDataHeader(known, concatenation, ports)
        assert parse_udh(bytes.fromhex(octets)) == (header, bytes.fromhex(rest))

    @given(st.binary(max_size=140))
    @settings(max_examples=300)
    def test_anything_is_read_and_nothing_lost(self, octets):
        header, rest = parse_udh(octets)
        assert octets.endswith(rest)
        assert sum(2 + len(data) for _, data in header.elements) <= len(octets) - len(rest)

    @pytest.mark.parametrize("mode", ["udh8", "udh16"])
    def test_what_split_writes_is_read_back(self, mode):
        for part in split("1234567890" * 40, 0x1234, TextProfile(long_mode=mode)):
            header, rest = parse_udh(part.udh + part.octets)
            assert rest == part.octets
            assert header.concatenation == Concatenation(mode, 0x34 if mode == "udh8" else 0x1234, 3, part.number)


class TestReassemblyKey:
    def test_parts_share_it_and_other_sources_do_not(self):
        first, second = (
            InboundMessage("+4917012345", "12345", "", concatenation=Concatenation("udh8", 7, 2, number))
            for number in (1, 2)
        )
        other = InboundMessage("+4917099999", "12345", "", concatenation=Concatenation("udh8", 7, 2, 1))
        assert reassembly_key(first) == reassembly_key(second) == ReassemblyKey("+4917012345", "12345", "udh8", 7, 2)
        assert reassembly_key(first) != reassembly_key(other)

    @pytest.mark.parametrize("kind", ["udh16", "sar"])
    def test_kinds_do_not_mix(self, kind):
        keys = {
            reassembly_key(InboundMessage("+1", "2", "", concatenation=Concatenation(each, 7, 2, 1)))
            for each in ("udh8", kind)
        }
        assert len(keys) == 2

    @pytest.mark.parametrize(
        "mark",
        [
            None,
            Concatenation("udh8", 1, 1, 1),
            Concatenation("sar", 1, 2, 3),
            Concatenation("sar", 1, 2, 0),
            Concatenation("sar", 1, 0, 0),
        ],
    )
    def test_a_text_alone_has_none(self, mark):
        assert reassembly_key(InboundMessage("+1", "2", "", concatenation=mark)) is None
