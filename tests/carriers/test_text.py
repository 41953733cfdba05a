from __future__ import annotations

import json
from itertools import accumulate
from pathlib import Path

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from carriers.graphemes import graphemes, is_plain
from carriers.gsm0338 import GSM7_CHARACTERS
from carriers.text import (
    DEFAULT_PROFILE,
    Forcing,
    Preview,
    TextError,
    TextProfile,
    count_parts,
    decode,
    encoding_of,
    preview,
    split,
    substitute,
)
from carriers.types import Concatenation, Encoding

DIGITS = "1234567890" * 200
VECTORS = json.loads(Path(__file__).with_name("encoding_vectors.json").read_text(encoding="utf-8"))
VECTOR_NAMES = {Encoding.GSM7: "GSM-7", Encoding.UCS2: "UCS-2"}

GSM_PIECES = [*sorted(GSM7_CHARACTERS), *["€", "\r\n"] * 10]
GSM_TEXT = st.lists(st.sampled_from(GSM_PIECES), min_size=1, max_size=400).map("".join)
LATIN1_TEXT = st.text(st.characters(max_codepoint=0xFF), min_size=1, max_size=400)
ASCII_TEXT = st.text(st.sampled_from(sorted(filter(str.isascii, GSM7_CHARACTERS))), min_size=1, max_size=400)
CLUSTERS = [
    "ж",
    "中",
    "a",
    "\r\n",
    "\n",
    "e\u0301",
    "😀",
    "🇮🇹",
    "🏳️\u200d🌈",
    "👨\u200d👩\u200d👧",
    "각",
    "क्षि",
    "\u0301",
    "\u200d",
]
WIDE_TEXT = st.lists(st.sampled_from(CLUSTERS), min_size=1, max_size=250).map("".join)
ANY_TEXT = st.one_of(GSM_TEXT, LATIN1_TEXT, ASCII_TEXT, WIDE_TEXT, st.text(min_size=1, max_size=300))
PROFILES = st.builds(
    TextProfile,
    long_mode=st.sampled_from(["udh8", "udh16", "sar", "payload"]),
    default_alphabet=st.sampled_from(["gsm7", "latin1", "ascii"]),
    max_parts=st.just(255),
)


def units(encoding: Encoding, octets: bytes) -> int:
    return len(octets) // 2 if encoding is Encoding.UCS2 else len(octets)


class TestVectors:
    def test_there_are_all_53(self):
        assert len(VECTORS) == 53

    @pytest.mark.parametrize("row", VECTORS, ids=lambda row: row["description"])
    def test_encoding_units_and_parts(self, row):
        seen = preview(row["text"])
        assert VECTOR_NAMES[seen.encoding] == row["expected_encoding"]
        assert (seen.units, seen.parts) == (row["units"], row["expected_segments"])
        assert count_parts(row["text"]) == len(split(row["text"])) == row["expected_segments"]
        assert encoding_of(row["text"]) is seen.encoding


class TestSplit:
    def test_one_part_has_no_mark(self):
        (segment,) = split("Hello", 7)
        assert (segment.number, segment.total, segment.octets, segment.text) == (1, 1, b"Hello", "Hello")
        assert (segment.udh, segment.sar, segment.as_payload, segment.data_coding) == (b"", None, False, 0)

    @pytest.mark.parametrize(
        ("alphabet", "text", "encoding", "data_coding", "octets"),
        [
            ("gsm7", "é€", Encoding.GSM7, 0, b"\x05\x1b\x65"),
            ("gsm7", "ç", Encoding.UCS2, 8, b"\x00\xe7"),
            ("latin1", "éç@", Encoding.LATIN1, 0, b"\xe9\xe7@"),
            ("latin1", "€", Encoding.UCS2, 8, b"\x20\xac"),
            ("ascii", "a@[", Encoding.GSM7, 0, b"a@["),
            ("ascii", "é", Encoding.UCS2, 8, b"\x00\xe9"),
            ("ascii", "`", Encoding.UCS2, 8, b"\x00`"),
            ("gsm7", "😀", Encoding.UCS2, 8, b"\xd8\x3d\xde\x00"),
        ],
    )
    def test_data_coding_follows_the_default_alphabet(self, alphabet, text, encoding, data_coding, octets):
        (segment,) = split(text, profile=TextProfile(default_alphabet=alphabet))
        assert (segment.encoding, segment.data_coding, segment.octets) == (encoding, data_coding, octets)

    @pytest.mark.parametrize(
        ("alphabet", "character", "mode", "single", "of_several"),
        [
            ("gsm7", "a", "udh8", 160, 153),
            ("gsm7", "a", "udh16", 160, 152),
            ("gsm7", "a", "sar", 160, 153),
            ("gsm7", "ж", "udh8", 70, 67),
            ("gsm7", "ж", "udh16", 70, 66),
            ("gsm7", "ж", "sar", 70, 67),
            ("latin1", "ç", "udh8", 140, 134),
            ("latin1", "ç", "udh16", 140, 133),
            ("latin1", "ç", "sar", 140, 134),
            ("ascii", "a", "udh8", 160, 153),
            ("ascii", "a", "udh16", 160, 152),
        ],
    )
    def test_capacities(self, alphabet, character, mode, single, of_several):
        profile = TextProfile(long_mode=mode, default_alphabet=alphabet)
        assert [len(part.text) for part in split(character * single, profile=profile)] == [single]
        over = [len(part.text) for part in split(character * (single + 1), profile=profile)]
        assert over == [of_several, single + 1 - of_several]
        assert preview(character * single, profile).units_per_part == single
        assert preview(character * (single + 1), profile).units_per_part == of_several

    @pytest.mark.parametrize(
        ("mode", "reference", "udh", "sar"),
        [
            ("udh8", 0x1A2, "050003A20202", None),
            ("udh16", 0x1A2, "06080401A20202", None),
            ("udh16", 0x1FFFF, "060804FFFF0202", None),
            ("sar", 0x1A2, "", Concatenation("sar", 0x1A2, 2, 2)),
            ("sar", 0x1FFFF, "", Concatenation("sar", 0xFFFF, 2, 2)),
        ],
    )
    def test_marks(self, mode, reference, udh, sar):
        second = split(DIGITS[:200], reference, TextProfile(long_mode=mode))[1]
        assert (second.udh, second.sar, second.number, second.total) == (bytes.fromhex(udh), sar, 2, 2)

    def test_payload_keeps_a_long_text_whole_and_counts_what_will_be_billed(self):
        profile = TextProfile(long_mode="payload")
        (segment,) = split(DIGITS[:307], profile=profile)
        assert (segment.as_payload, segment.octets, segment.udh) == (True, DIGITS[:307].encode(), b"")
        assert count_parts(DIGITS[:307], profile) == 3
        assert not split("short", profile=profile)[0].as_payload

    def test_a_grapheme_moves_whole_to_the_next_part(self):
        flag = "🏳️\u200d🌈"
        assert [part.text for part in split("ж" * 62 + flag + "ж" * 30)] == ["ж" * 62, flag + "ж" * 30]

    @pytest.mark.parametrize("text", ["ж" * 66 + "e\u0301" + "ж" * 30, "ж" * 66 + "\r\n" + "ж" * 30])
    def test_nor_is_one_of_two_plain_code_points_cut(self, text):
        assert [len(part.text) for part in split(text)] == [66, 32]

    def test_a_part_beside_graphemes_is_filled_to_the_last_unit(self):
        assert [part.text for part in split("😀" + "ж" * 75)] == ["😀" + "ж" * 65, "ж" * 10]

    def test_carriage_return_and_line_feed_stay_together(self):
        assert [part.text for part in split("a" * 152 + "\r\n" + "b" * 20)] == ["a" * 152, "\r\n" + "b" * 20]
        assert preview("\r\n").units == 2

    def test_a_grapheme_longer_than_a_part_is_cut_between_code_points(self):
        text = "e" + "\u0301" * 66 + "😀" + "\u0301" * 100
        assert "".join(part.text for part in split(text)) == text
        assert all(len(part.octets) <= 134 for part in split(text))

    @given(ANY_TEXT, st.integers(0, 0xFFFFF), PROFILES)
    @settings(max_examples=150)
    def test_the_parts_are_the_text_and_fit(self, text, reference, profile):
        segments = split(text, reference, profile)
        assert "".join(part.text for part in segments) == text
        seen = preview(text, profile)
        for part in segments:
            assert decode(part.octets, part.data_coding, profile.default_alphabet) == part.text
            assert part.as_payload or units(part.encoding, part.octets) <= seen.units_per_part
            assert len(part.udh) == {"udh8": 6, "udh16": 7}.get(profile.long_mode, 0) * (len(segments) > 1)
        assert count_parts(text, profile) == seen.parts
        assert len(segments) == (1 if profile.long_mode == "payload" else seen.parts)
        joined = b"".join(part.octets for part in segments)
        assert decode(joined, segments[0].data_coding, profile.default_alphabet) == text

    @given(st.one_of(GSM_TEXT, WIDE_TEXT), st.sampled_from(["udh8", "udh16", "sar"]))
    @settings(max_examples=100)
    def test_no_cut_falls_inside_a_grapheme(self, text, mode):
        clusters = regex.findall(r"\X", text)
        too_long = any(len(cluster.encode("utf-16-be")) > 132 for cluster in clusters)
        boundaries = set(accumulate(map(len, clusters)))
        cuts = set(accumulate(len(part.text) for part in split(text, profile=TextProfile(mode, max_parts=255))))
        assert too_long or cuts <= boundaries

    @given(st.text(max_size=20))
    @settings(max_examples=150)
    def test_plain_text_has_no_clusters(self, text):
        assert not is_plain(text) or graphemes(text) == list(text)
        assert is_plain("Привет,\nмир 中")


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("", "empty"),
            ("a\ud83d", "not_unicode"),
            (DIGITS[:1531], "too_many_parts"),
            ("ж" * 671, "too_many_parts"),
            ("€" * 761, "too_many_parts"),  # 1,522 septets, but the pairs leave one place empty in each part
            ("x" * 3_000_000, "too_many_parts"),
        ],
        ids=["empty", "half a pair", "GSM", "UCS-2", "pairs", "huge"],
    )
    def test_what_cannot_be_sent_says_why(self, text, code):
        for refused in (split, count_parts):
            with pytest.raises(TextError) as caught:
                refused(text)
            assert caught.value.code == code
            assert str(caught.value).endswith(".")

    def test_the_most_that_fits(self):
        assert count_parts(DIGITS[:1530]) == 10
        assert count_parts("ж" * 670) == 10
        assert count_parts("€" * 760) == 10

    def test_a_preview_shows_a_text_over_the_limit_but_not_beyond_all_bounds(self):
        assert preview(DIGITS[:1531]).parts == 11
        with pytest.raises(TextError):
            preview("x" * (153 * 255 + 1))

    @pytest.mark.parametrize("max_parts", [0, 256])
    def test_a_profile_that_cannot_work_names_its_field(self, max_parts):
        with pytest.raises(ValueError, match="max_parts"):
            TextProfile(max_parts=max_parts)


class TestPreview:
    def test_of_a_short_text(self):
        assert preview("Hi €") == Preview(Encoding.GSM7, 5, 1, 160, (), None)

    @pytest.mark.parametrize(
        ("text", "alphabet", "forcing"),
        [
            ("más", "gsm7", [("á", 1)]),
            ("Çağrı işareti", "gsm7", [("ğ", 2), ("ı", 4), ("ş", 7)]),
            ("garçon", "gsm7", [("ç", 3)]),
            ("a😀b’", "gsm7", [("😀", 1), ("’", 3)]),
            ("e\u0301", "gsm7", [("\u0301", 1)]),
            ("ça: 5 €", "latin1", [("€", 6)]),
            ("5 £ `", "ascii", [("£", 2), ("`", 4)]),
            ("Ünïcode", "gsm7", [("ï", 2)]),
            ("naïve", "latin1", []),
        ],
    )
    def test_names_what_forces_ucs2_and_where(self, text, alphabet, forcing):
        seen = preview(text, TextProfile(default_alphabet=alphabet))
        assert seen.forcing == tuple(Forcing(character, position) for character, position in forcing)


class TestSubstitution:
    def test_is_offered_when_it_saves_a_part(self):
        text = "Your doctor’s appointment – Monday… " + DIGITS[:60]
        offered = preview(text).substitution
        assert offered is not None
        assert (offered.encoding, offered.parts) == (Encoding.GSM7, 1)
        assert offered.text == "Your doctor's appointment - Monday... " + DIGITS[:60]
        assert offered.replaced == (("’", "'"), ("–", "-"), ("…", "..."))

    @pytest.mark.parametrize(
        "text",
        ["it’s", "’" + "[" * 100, "“" + DIGITS[:100] + "😀", DIGITS[:161], "\u200b" * 80, "…" * 17_000],
        ids=["one part anyway", "as long", "not all", "GSM already", "nothing left", "beyond all bounds"],
    )
    def test_is_not_offered_when_it_saves_none(self, text):
        assert preview(text).substitution is None

    @given(st.text(st.sampled_from("ab[“’…–áé\u200b"), min_size=60, max_size=300))
    @settings(max_examples=50)
    def test_an_offer_is_cheaper_gsm_and_what_substitute_gives(self, text):
        seen = preview(text)
        cheaper = count_parts(substitute(text)) if substitute(text) else seen.parts
        assert (seen.substitution is not None) == (cheaper < seen.parts)
        if seen.substitution:
            assert seen.substitution.encoding is Encoding.GSM7
            assert (seen.substitution.text, seen.substitution.parts) == (substitute(text), cheaper)

    @pytest.mark.parametrize(
        ("text", "substitute_text"),
        [
            ("“Hi” „you‟ «there»", '"Hi" "you" "there"'),
            ("10\u202f000\u00a0kg", "10 000 kg"),
            ("a\u200b\ufeffb\u00adc", "abc"),
            ("Ｈｉ１２", "Hi12"),
            ("ﬁne • № 5", "fine * No 5"),
            ("e\u0301te\u0301", "été"),  # composed it is in the alphabet
            ("más é", "mas é"),  # accents go only where they must
            ("garçon Ç", "garcon Ç"),
            ("Łódź, ışığ, œuf", "Lodz, isig, oeuf"),
            ("ΚΑΛΗΜΕΡΑ", "KAΛHMEPA"),
            ("`x` ×", "'x' x"),
        ],
    )
    def test_look_alikes(self, text, substitute_text):
        assert substitute(text) == substitute_text

    @pytest.mark.parametrize("text", ["10² m", "½", "“Привет”", "❤️ ’", "", "plain [é]"])
    def test_all_or_nothing(self, text):
        assert substitute(text) == text

    def test_keeps_what_the_smsc_takes(self):
        assert substitute("naïve “ç”", "latin1") == 'naïve "ç"'
        assert substitute("«\u200d»", "latin1") == "«»"
        assert substitute("naïve", "ascii") == "naive"


def test_the_default_profile_is_the_common_one():
    assert TextProfile("udh8", "gsm7", 10) == DEFAULT_PROFILE
