from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carriers.gsm0338 import GSM7_CHARACTERS, decode, decode_gsm7, encode_gsm7
from carriers.text import encoding_of
from carriers.types import Encoding

# The places that are not ASCII's own, row by row from the printed table of 3GPP TS 23.038 section 6.2.1.
ROWS = {
    0x00: "@£$¥èéùìòÇ\nØø\rÅå",
    0x10: "Δ_ΦΓΛΩΠΨΣΘΞ",
    0x1C: "ÆæßÉ",
    0x24: "¤",
    0x40: "¡",
    0x5B: "ÄÖÑÜ§¿",
    0x7B: "äöñüà",
}
PLACES = [(character, bytes((start + place,))) for start, row in ROWS.items() for place, character in enumerate(row)]
SAME_AS_ASCII = [
    (chr(octet), bytes((octet,))) for octet in range(0x20, 0x7B) if octet not in {0x24, 0x40, *range(0x5B, 0x61)}
]
# Those that implementations get wrong, one by one; then section 6.2.1.1.
BY_NAME = {"Ç": "09", "Δ": "10", "Φ": "12", "É": "1F", "¤": "24", "¡": "40", "§": "5F", "¿": "60", "à": "7F"}
EXTENSION = {
    "\f": "1B0A",
    "^": "1B14",
    "{": "1B28",
    "}": "1B29",
    "\\": "1B2F",
    "[": "1B3C",
    "~": "1B3D",
    "]": "1B3E",
    "|": "1B40",
    "€": "1B65",
}
NAMED = [(character, bytes.fromhex(octets)) for character, octets in (BY_NAME | EXTENSION).items()]


class TestAlphabet:
    @pytest.mark.parametrize(("character", "octets"), PLACES + SAME_AS_ASCII + NAMED)
    def test_places_both_ways(self, character, octets):
        assert encode_gsm7(character) == octets
        assert decode_gsm7(octets) == character

    def test_the_tables_above_are_the_whole_alphabet(self):
        assert {character for character, _ in PLACES + SAME_AS_ASCII + NAMED} == GSM7_CHARACTERS
        assert len(GSM7_CHARACTERS) == 127 + 10

    def test_no_other_character_of_the_basic_plane_encodes(self):
        encodable = {chr(code) for code in range(0x10000) if encoding_of(chr(code)) is Encoding.GSM7}
        assert encodable == GSM7_CHARACTERS

    @given(st.text(st.sampled_from(sorted(GSM7_CHARACTERS))))
    @settings(max_examples=50)
    def test_every_text_in_it_comes_back(self, text):
        assert decode_gsm7(encode_gsm7(text)) == text

    @pytest.mark.parametrize("character", ["ç", "á", "`", "\x1b", "\t", "\x00", "😀", "€ç", "Δ’"])
    def test_what_is_not_in_it_does_not_encode(self, character):
        with pytest.raises(UnicodeEncodeError):
            encode_gsm7(character)

    @pytest.mark.parametrize(
        ("octets", "text"),
        [
            (b"\x1b\x41", "A"),  # an empty place of the extension shows the default table's character
            (b"a\x1b", "a "),  # an escape at the end
            (b"\x1b\x1b\x65", " e"),  # an escape of an escape is reserved: a space
            (b"\x1b\x65\x1b\x28", "€{"),
            (b"\x1b\x0a\x0a", "\f\n"),
            (b"a\x80\xffb", "a\ufffd\ufffdb"),
            (b"\x1b\x80", "\ufffd"),
            (b"", ""),
        ],
    )
    def test_odd_septets_are_read_all_the_same(self, octets, text):
        assert decode_gsm7(octets) == text


class TestDecode:
    @pytest.mark.parametrize(
        ("octets", "data_coding", "text"),
        [
            (b"\x00\x1b\x65", 0x00, "@€"),
            (b"@\x80", 0x01, "@\ufffd"),
            ("é".encode(), 0x02, "é"),
            (b"\xe9@", 0x03, "é@"),
            (b"\xe9@", 0x04, "é@"),
            ("テスト".encode("shift_jis"), 0x05, "テスト"),
            ("Да".encode("iso8859-5"), 0x06, "Да"),
            ("שלום".encode("iso8859-8"), 0x07, "שלום"),
            (b"\xd8\x3d\xde\x00", 0x08, "😀"),
            (b"\x00A\x00", 0x08, "A\ufffd"),
            (b"\xd8\x3d\x00A", 0x08, "\ufffdA"),
            ("テスト".encode("iso2022_jp"), 0x0A, "テスト"),
            ("안녕".encode("euc_kr"), 0x0E, "안녕"),
            (b"\x00", 0x0F, "@"),
            ("é".encode(), 0x0F, "é"),
            (b"\x00\xe9", 0x10, "@\ufffd"),
            (b"@", 0x14, "@"),
            (b"\x04\x16", 0x18, "Ж"),
            (b"\x00\xe9", 0x40, "@\ufffd"),
            (b"\x04\x16", 0x48, "Ж"),
            (b"\xe9", 0x30, "é"),
            (b"\x00", 0x9F, "@"),
            (b"\x00\xe9", 0xC8, "@\ufffd"),
            (b"\x00\xe9", 0xD0, "@\ufffd"),
            (b"\x04\x16", 0xE0, "Ж"),
            (b"\x00\xe9", 0xF0, "@\ufffd"),
            (b"@", 0xF5, "@"),
            (b"\xe9", 0xF7, "é"),
            (b"\x00", 4711, "@"),
        ],
    )
    def test_every_group(self, octets, data_coding, text):
        assert decode(octets, data_coding) == text

    @pytest.mark.parametrize("data_coding", [0x00, 0x10, 0xC0, 0xF0])
    def test_the_default_is_the_smscs_own(self, data_coding):
        assert decode(b"@\xe9", data_coding, "latin1") == "@é"
        assert decode(b"@\xe9", data_coding, "ascii") == "@\ufffd"

    @given(st.binary(max_size=160), st.integers(-1, 0x100), st.sampled_from(["gsm7", "latin1", "ascii"]))
    @settings(max_examples=300)
    def test_anything_is_read(self, octets, data_coding, alphabet):
        assert isinstance(decode(octets, data_coding, alphabet), str)
