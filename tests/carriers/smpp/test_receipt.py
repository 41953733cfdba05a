from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from carriers.smpp import receipt as module
from carriers.smpp.fields import Command, Tag
from carriers.smpp.idbase import explained_by
from carriers.smpp.pdu import Pdu, build, parse
from carriers.smpp.receipt import candidates, canonical, read_receipt
from carriers.types import DeliveryReceipt, ReceiptState

DIALECTS = yaml.safe_load((Path(__file__).parent / "receipts.yaml").read_text(encoding="utf-8"))
PLAIN = "id:9 sub:001 dlvrd:001 submit date:0610191018 done date:0610191019 stat:DELIVRD err:000 text:"
ID, STATE = Tag.RECEIPTED_MESSAGE_ID, Tag.MESSAGE_STATE


def deliver(text: str | bytes, *tlvs: tuple[int, bytes], command: int = Command.DELIVER_SM, **fields: object) -> Pdu:
    body = {
        "source_addr_ton": 1,
        "source_addr_npi": 1,
        "source_addr": b"447887123456",
        "dest_addr_ton": 3,
        "destination_addr": b"60777",
        "esm_class": 4,
        "short_message": text if isinstance(text, bytes) else text.encode("latin-1"),
        **fields,
    }
    if command == Command.DATA_SM:
        tlvs = (*tlvs, (Tag.MESSAGE_PAYLOAD, body.pop("short_message")))
    return parse(build(Pdu(command, 0, 1, body, tlvs)))


def read(text: str | bytes, *tlvs: tuple[int, bytes], **fields: object) -> DeliveryReceipt:
    found = read_receipt(deliver(text, *tlvs, **fields))
    assert found is not None
    return found


# --- dialects ---


@pytest.mark.parametrize("row", DIALECTS, ids=lambda row: row["name"])
@pytest.mark.parametrize("command", [Command.DELIVER_SM, Command.DATA_SM])
def test_every_dialect_is_read(row, command):
    found = read_receipt(deliver(row["text"], command=command, esm_class=row.get("esm_class", 4)))
    if not row.get("receipt", True):
        assert found is None
        return
    assert found == DeliveryReceipt(
        carrier_id=row["id"],
        state=ReceiptState[row["state"]],
        handset="+447887123456",
        identity="60777",
        raw_state=row.get("raw_state", ""),
        raw_error=row.get("error", ""),
        raw_text=row["text"],
        submitted_at=row.get("submitted"),
        done_at=row.get("done"),
    )


def test_the_corpus_is_as_large_as_promised_and_names_its_sources():
    assert len(DIALECTS) >= 40
    assert len({row["name"] for row in DIALECTS}) == len(DIALECTS)
    assert sum(row["source"] != "variant" for row in DIALECTS) >= 25


def test_a_receipt_that_says_it_is_a_plain_text_can_be_left_a_text():
    assert read_receipt(deliver(PLAIN, esm_class=0), text_pattern_with_esm_0=False) is None
    assert read_receipt(deliver(PLAIN, esm_class=4), text_pattern_with_esm_0=False) is not None


WORDS = st.text("abcDEF019_é-", min_size=1, max_size=9)


@settings(max_examples=150, deadline=None)
@given(
    WORDS,
    st.text("0123456789", min_size=1, max_size=14),
    WORDS,
    st.sampled_from(["", " text:", " text:id:6 stat:DELIVRD", " Text: err:9", " sub:7"]),
)
def test_the_short_cut_for_appendix_b_reads_what_the_search_by_key_reads(carrier_id, digits, word, rest):
    date = f"submit date:{digits} done date:{digits}"
    text = f"id:{carrier_id} sub:{digits} dlvrd:{digits} {date} stat:{word} err:{word}{rest}"
    assert module._told(text) == module._told_by_key(text)


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=255),
        st.lists(
            st.sampled_from(
                [b"id:", b"stat:", b"err:", b"done date:", b"text:", b" ", b"\x0b", b"\x85", b"000R", b"9" * 12, b"+"]
            )
        ).map(b"".join),
    ),
    st.integers(0, 255),
    st.integers(0, 255),
    st.lists(
        st.tuples(st.sampled_from([ID, STATE, Tag.NETWORK_ERROR_CODE, Tag.MESSAGE_PAYLOAD]), st.binary(max_size=9))
    ),
)
def test_no_octets_make_the_reader_raise(octets, esm_class, data_coding, tlvs):
    found = read_receipt(deliver(octets[:255], *tlvs, esm_class=esm_class, data_coding=data_coding))
    assert found is None or found.state in ReceiptState


# --- TLVs ---


@pytest.mark.parametrize("value", [b"ABC123", b"ABC123\0", b"ABC123\0\0", b" ABC123 "])
def test_the_id_of_the_tlv_is_whole_with_and_without_its_nul(value):
    assert read("", (ID, value), (STATE, b"\x02")).carrier_id == "ABC123"


def test_tlvs_come_before_text():
    found = read(PLAIN, (ID, b"70BA8A69\0"), (STATE, b"\x05"))
    assert (found.carrier_id, found.state, found.raw_state) == ("70BA8A69", ReceiptState.UNDELIVERED, "DELIVRD")


def test_of_a_tlv_that_comes_twice_the_first_counts():
    found = read("", (ID, b"first"), (STATE, b"\x02"), (ID, b"second"), (STATE, b"\x05"))
    assert (found.carrier_id, found.state) == ("first", ReceiptState.DELIVERED)


def test_an_empty_tlv_id_falls_back_to_the_text():
    assert read(PLAIN, (ID, b"\0"), (STATE, b"\x02")).carrier_id == "9"


# SMPP 3.4 section 5.2.28; 0 and 9 are SMPP 5.0's.
NUMBERED = [
    "SCHEDULED",
    "ENROUTE",
    "DELIVERED",
    "EXPIRED",
    "DELETED",
    "UNDELIVERED",
    "ACCEPTED",
    "UNKNOWN",
    "REJECTED",
    "SKIPPED",
]


@pytest.mark.parametrize(("number", "state"), list(enumerate(NUMBERED)))
def test_message_state_is_read_by_its_number(number, state):
    found = read("", (ID, b"1"), (STATE, bytes((number,))))
    assert (found.state, found.raw_state) == (state, str(number))


@pytest.mark.parametrize("value", [b"\x02", b"\x00\x02", b"\x00\x00\x00\x02"])
def test_message_state_is_read_in_any_width(value):
    assert read("", (ID, b"1"), (STATE, value)).state is ReceiptState.DELIVERED


def test_a_message_state_out_of_the_table_leaves_the_word_to_the_text():
    assert read(PLAIN, (ID, b"1"), (STATE, b"\x63")).state is ReceiptState.DELIVERED
    assert read("", (ID, b"1"), (STATE, b"\x63")).state is ReceiptState.UNKNOWN


def test_both_tlvs_make_a_receipt_of_a_plain_text_and_one_does_not():
    assert read("", (ID, b"1"), (STATE, b"\x02"), esm_class=0).carrier_id == "1"
    assert read_receipt(deliver("hello", (ID, b"1"), esm_class=0)) is None
    assert read_receipt(deliver("hello", (STATE, b"\x02"), esm_class=0)) is None


@pytest.mark.parametrize("esm_class", [0x04, 0x44, 0x84, 0xC7, 0x20, 0x24, 0x0C])
def test_the_type_is_read_through_mode_and_feature_bits(esm_class):
    assert read(PLAIN, esm_class=esm_class).carrier_id == "9"


@pytest.mark.parametrize("esm_class", [0x08, 0x10, 0x18, 0x48, 0x13])
def test_acknowledgements_are_no_receipts_even_with_tlvs(esm_class):
    assert read_receipt(deliver(PLAIN, (ID, b"1"), (STATE, b"\x02"), esm_class=esm_class)) is None


def test_only_deliver_sm_and_data_sm_carry_receipts():
    assert read_receipt(Pdu(Command.SUBMIT_SM, 0, 1, {"esm_class": 4, "short_message": PLAIN.encode()})) is None


def test_the_reference_we_gave_comes_back():
    assert read(PLAIN, (Tag.USER_MESSAGE_REFERENCE, b"\x01\x02")).user_message_reference == 0x0102
    assert read(PLAIN).user_message_reference is None


def test_the_networks_own_code_stands_in_for_a_missing_err():
    assert read("id:9 stat:UNDELIV", (Tag.NETWORK_ERROR_CODE, b"\x03\x00\x22")).raw_error == "3:34"
    assert read("id:9 stat:UNDELIV err:5", (Tag.NETWORK_ERROR_CODE, b"\x03\x00\x22")).raw_error == "5"
    assert read("id:9 stat:UNDELIV", (Tag.NETWORK_ERROR_CODE, b"\x03")).raw_error == ""


def test_the_text_may_be_in_message_payload():
    assert read("", (Tag.MESSAGE_PAYLOAD, PLAIN.encode())).carrier_id == "9"


@pytest.mark.parametrize("octets", [PLAIN.encode("utf-16-be"), PLAIN.encode()])
def test_a_receipt_in_ucs2_is_read_and_so_is_one_that_only_says_so(octets):
    found = read("", (Tag.MESSAGE_PAYLOAD, octets), data_coding=8)
    assert (found.carrier_id, found.state, found.raw_text) == ("9", ReceiptState.DELIVERED, PLAIN)


def test_a_huge_text_is_cut():
    found = read("", (Tag.MESSAGE_PAYLOAD, PLAIN.encode() + b"x" * 60_000))
    assert found.carrier_id == "9"
    assert len(found.raw_text) == 1024


def test_the_comma_form_gives_the_number_when_the_address_is_missing():
    assert read("00,0210021543,0210021500,,447887123456,x", source_addr=b"").handset == "+447887123456"


def test_a_pdu_without_addresses_is_read():
    found = read_receipt(Pdu(Command.DELIVER_SM, 0, 1, {"esm_class": 4, "short_message": PLAIN.encode()}))
    assert found is not None
    assert (found.handset, found.identity) == ("", "")


# --- ids ---


@pytest.mark.parametrize(
    ("answered", "reported"),
    [
        ("39f99dd5", "0972660181"),
        ("812FC7470000001B", "9308878062554710043"),
        ("9308878062554710043", "812fc7470000001b"),
        ("00B8BE19", "B8BE19"),
        ("000024", "24"),
        ("24", "000024"),
        ("0e999f21-81ef-4c5b-8d7e-000000000001", "E999F21-81EF-4C5B-8D7E-000000000001"),
        ("33E95179", "0870928761"),  # https://github.com/opentelecoms-org/jsmpp/issues/56
        ("abc", " ABC\0"),
        ("0", "000"),
    ],
)
def test_ids_that_carriers_write_in_two_ways_meet(answered, reported):
    assert canonical(answered) in candidates(reported)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [("", ""), ("0", "0"), ("000", "0"), ("00a", "a"), ("A0", "a0"), (" 7 ", "7"), ("0-1", "-1"), ("\0\0", "")],
)
def test_the_canonical_form_has_no_blanks_no_capitals_and_no_leading_zeros(raw, expected):
    assert canonical(raw) == expected


@pytest.mark.parametrize(
    ("raw", "base", "expected"),
    [
        ("10", "", ("10", "16", "a")),
        ("a", "", ("a", "10")),
        ("7", "", ("7",)),
        ("xyz", "", ("xyz",)),
        ("", "", ()),
        ("10", "same", ("10",)),
        ("10", "hex_to_dec", ("16",)),
        ("10", "dec_to_hex", ("a",)),
        ("a", "dec_to_hex", ("a",)),
        ("xyz", "hex_to_dec", ("xyz",)),
        ("", "same", ()),
        ("f" * 33, "", ("f" * 33,)),
        ("1" + "0" * 32, "", ("1" + "0" * 32, f"{10**32:x}")),
        ("9" * 5000, "", ("9" * 5000,)),
    ],
)
def test_candidates_go_from_the_most_exact_and_follow_what_was_learned(raw, base, expected):
    assert candidates(raw, base) == expected


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**64 - 1), st.integers(0, 20), st.booleans())
def test_any_number_meets_itself_in_the_other_base_padded_and_in_capitals(number, zeros, capitals):
    hexadecimal = "0" * zeros + f"{number:x}"
    written = hexadecimal.upper() if capitals else hexadecimal
    assert canonical(written) in candidates(str(number), "dec_to_hex")
    assert canonical(str(number)) in candidates(written, "hex_to_dec")


@settings(max_examples=200, deadline=None)
@given(st.text("0123456789abcdefg", max_size=42), st.sampled_from(["hex_to_dec", "dec_to_hex"]))
def test_candidates_are_what_each_base_makes_of_the_id_and_none_comes_twice(raw, base):
    every = candidates(raw)
    assert len(set(every)) == len(every)
    assert set(candidates(raw, base)) <= set(every)
    assert set(every) == {form for one in ("same", "hex_to_dec", "dec_to_hex") for form in candidates(raw, one)}


EXPLAINED = [
    ("0972660181", "39f99dd5", "dec_to_hex"),
    ("39f99dd5", "972660181", "hex_to_dec"),
    ("0972660181", "972660181", "same"),
    ("ab", "ab", "same"),
    ("9" * 39, "9" * 39, "same"),
    ("5", "5", ""),
    ("xyz", "xyz", ""),
    ("9" * 40, "9" * 40, ""),
    ("77", "nothing", ""),
    ("xyz", "", ""),
    ("", "", ""),
]


@pytest.mark.parametrize(("reported", "key", "base"), EXPLAINED)
def test_a_match_is_explained_by_one_base_or_by_none(reported, key, base):
    assert explained_by(reported, key) == base


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=70))
def test_the_canonical_form_is_its_own(raw):
    assert canonical(canonical(raw)) == canonical(raw)
