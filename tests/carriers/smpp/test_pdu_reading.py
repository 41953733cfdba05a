from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carriers.smpp.fields import RESP, Command, Tag
from carriers.smpp.pdu import (
    HEADER,
    MAX_PDU,
    MAX_TLVS,
    FramingError,
    Pdu,
    PduError,
    build,
    parse,
    split_stream,
)
from tests.support.octets import raw_pdu, raw_tlv
from tests.support.pdu_mutator import sample_body

# --- reading: TLVs and padding ---


@pytest.mark.parametrize(
    ("value", "number"),
    [(b"\x02", 2), (b"\x00\x02", 2), (b"\x00\x00\x00\x02", 2), (b"", None), (b"\0\0\2", None), (bytes(5), None)],
)
def test_an_integer_tlv_is_read_by_the_length_it_has(value, number):
    pdu = parse(
        raw_pdu(Command.DATA_SM, bytes(10) + raw_tlv(Tag.MESSAGE_STATE, value) + raw_tlv(Tag.DISPLAY_TIME, b"\x01"))
    )
    assert pdu.tlv_int(Tag.MESSAGE_STATE) == number
    assert pdu.tlv_int(Tag.DISPLAY_TIME) == 1  # smpplib reads the next TLV in the wrong place here


def test_an_absent_tlv_is_none():
    assert Pdu(Command.DATA_SM).tlv(Tag.MESSAGE_STATE) is None
    assert Pdu(Command.DATA_SM).tlv_int(Tag.MESSAGE_STATE) is None


def test_unknown_tlvs_stay_raw_in_order_with_duplicates():
    body = bytes(17) + raw_tlv(0x3FFF, b"b") + raw_tlv(0x1400, b"") + raw_tlv(0x3FFF, b"a")
    pdu = parse(raw_pdu(Command.DELIVER_SM, body))
    assert pdu.tlvs == ((0x3FFF, b"b"), (0x1400, b""), (0x3FFF, b"a"))
    assert pdu.tlv(0x3FFF) == b"b"


@pytest.mark.parametrize("padding", [b"\0", b"\0\0", b"\x01\x02\x03"])
def test_up_to_three_octets_of_padding_are_nothing(padding):
    assert parse(raw_pdu(Command.ENQUIRE_LINK, padding)) == Pdu(Command.ENQUIRE_LINK, 0, 7)
    assert parse(raw_pdu(Command.DATA_SM, bytes(10) + raw_tlv(0x1400, b"x") + padding)).tlvs == ((0x1400, b"x"),)


def test_strings_longer_than_the_specification_are_read():
    long = b"4" * 100
    body = b"\0" + b"\1\1" + long + b"\0" + b"\1\1" + long + b"\0" + bytes(10)
    pdu = parse(raw_pdu(Command.DELIVER_SM, body))
    assert pdu.body["source_addr"] == pdu.body["destination_addr"] == long


def test_values_outside_every_enumeration_are_read():
    values = {
        "source_addr_ton": 0xFF,
        "dest_addr_npi": 0x77,
        "data_coding": 0xF5,
        "esm_class": 0xFF,
        "priority_flag": 9,
    }
    pdu = parse(build(Pdu(Command.DELIVER_SM, 0x0401, 1, values)))
    assert {name: pdu.body[name] for name in values} == values
    assert pdu.status == 0x0401


def test_a_memoryview_is_read_like_bytes():
    octets = build(Pdu(Command.SUBMIT_SM, 0, 7, sample_body(Command.SUBMIT_SM)))
    assert parse(memoryview(octets)) == parse(octets)


# --- reading: one bad request ---

SUBMIT = build(Pdu(Command.SUBMIT_SM, 0, 7, sample_body(Command.SUBMIT_SM)))[HEADER:]


@pytest.mark.parametrize(
    ("octets", "status", "answerable", "says"),
    [
        (raw_pdu(0x00000099), 0x03, True, "command_id: 0x00000099"),
        (raw_pdu(0x80000099), 0x03, False, "command_id: 0x80000099"),
        (raw_pdu(0), 0x03, True, "command_id: 0x00000000"),
        (raw_pdu(Command.SUBMIT_SM), 0xC2, True, "service_type: no NUL"),
        (raw_pdu(Command.SUBMIT_SM, SUBMIT.replace(b"\0", b"")), 0xC2, True, "service_type: no NUL"),
        (raw_pdu(Command.DATA_SM, b"\0\1"), 0xC2, True, "source_addr_ton: the PDU ends"),
        (raw_pdu(Command.SUBMIT_SM, bytes(16)), 0x01, True, "short_message: longer"),
        (raw_pdu(Command.SUBMIT_SM, bytes(16) + b"\x05abcd"), 0x01, True, "short_message: longer"),
        (raw_pdu(Command.DATA_SM, bytes(10) + raw_tlv(0x0424, b"abc", 4)), 0xC0, True, "TLV 0x0424: longer"),
        (raw_pdu(Command.DATA_SM, bytes(10) + raw_tlv(0x0424, b"", 0xFFFF)), 0xC0, True, "TLV 0x0424: longer"),
        (raw_pdu(Command.DATA_SM, bytes(10) + raw_tlv(0, b"") * 101), 0xC0, True, "tlvs: more than 100"),
        (raw_pdu(Command.ENQUIRE_LINK, b"junk!"), 0xC0, True, "TLV 0x6A75: longer"),
        (raw_pdu(Command.SUBMIT_MULTI, bytes(4)), 0x33, True, "dest_address: the PDU ends"),
        (raw_pdu(Command.SUBMIT_MULTI, bytes(4) + b"\x01\x03"), 0x40, True, "dest_flag: 3"),
        (raw_pdu(Command.SUBMIT_MULTI, bytes(4) + b"\x02\x02a\0"), 0x40, True, "dest_flag: 0"),
        (raw_pdu(Command.SUBMIT_MULTI, bytes(4) + b"\x01\x01\0"), 0xC2, True, "dest_addr_ton: the PDU ends"),
        (raw_pdu(Command.ALERT_NOTIFICATION, b"\0"), 0xC2, False, "source_addr_ton: the PDU ends"),
        (raw_pdu(Command.OUTBIND, b"x"), 0xC2, False, "system_id: no NUL"),
    ],
)
def test_a_bad_request_says_what_is_wrong_and_what_to_answer(octets, status, answerable, says):
    with pytest.raises(PduError, match=f"^{says}") as caught:
        parse(octets)
    error = caught.value
    assert (error.status, error.answerable, error.sequence) == (status, answerable, 7)
    assert error.command_id == int.from_bytes(octets[4:8], "big")


def test_a_bad_request_is_answered_by_its_own_response_and_an_unknown_one_by_generic_nack():
    with pytest.raises(PduError) as bad:
        parse(raw_pdu(Command.SUBMIT_SM))
    with pytest.raises(PduError) as unknown:
        parse(raw_pdu(0x00000099))
    assert bad.value.answer() == Pdu(Command.SUBMIT_SM_RESP, 0xC2, 7)
    assert unknown.value.answer() == Pdu(Command.GENERIC_NACK, 0x03, 7)
    assert build(unknown.value.answer()) == raw_pdu(Command.GENERIC_NACK, status=3)


@pytest.mark.parametrize("octets", [b"", b"\0", bytes(15), raw_pdu(Command.ENQUIRE_LINK) + b"\0", SUBMIT[:20]])
def test_octets_that_are_not_one_whole_pdu_are_refused(octets):
    with pytest.raises(PduError, match=r"^command_length: ") as caught:
        parse(octets)
    assert caught.value.status == 0x02


def test_a_pdu_bomb_is_refused_at_the_hundred_and_first_tlv():
    bomb = raw_pdu(Command.DELIVER_SM, bytes(17) + raw_tlv(0, b"") * 16_000)
    with pytest.raises(PduError) as caught:
        parse(bomb)
    assert caught.value.status == 0xC0
    # What was read before the refusal is all there is: the rest was not looked at.
    as_response = parse(raw_pdu(Command.DATA_SM_RESP, b"id\0" + raw_tlv(0x1400, b"") * 16_000 + b"\0\0\0\0\0"))
    assert len(as_response.tlvs) == MAX_TLVS
    assert as_response.problem == "tlvs: more than 100"


# --- reading: responses in every shape ---

OOPS = raw_tlv(Tag.ADDITIONAL_STATUS_INFO_TEXT, b"oops\0")


@pytest.mark.parametrize(
    ("status", "body", "fields", "tlvs"),
    [
        (0x58, b"", {}, ()),
        (0x58, b"\0", {"message_id": b""}, ()),
        (0x58, b"\0" + OOPS, {"message_id": b""}, ((0x001D, b"oops\0"),)),
        (0x58, OOPS, {}, ((0x001D, b"oops\0"),)),
        (0x58, raw_tlv(0x1400, b"x") + OOPS, {}, ((0x1400, b"x"), (0x001D, b"oops\0"))),
        (0x0401, b"", {}, ()),
        (0, b"", {}, ()),
        (0, b"\0", {"message_id": b""}, ()),
        (0, b"1\0", {"message_id": b"1"}, ()),
        (0, b"1\0" + OOPS, {"message_id": b"1"}, ((0x001D, b"oops\0"),)),
        (0, b"1\0\0\0", {"message_id": b"1"}, ()),
        (0, b"1\0" + raw_tlv(Tag.CONGESTION_STATE, b"\x5a"), {"message_id": b"1"}, ((0x0428, b"\x5a"),)),
        (0, raw_tlv(Tag.CONGESTION_STATE, b"\x5a"), {}, ((0x0428, b"\x5a"),)),
        (0, b"0" * 36 + b"\0", {"message_id": b"0" * 36}, ()),
        (0, b"0" * 200 + b"\0", {"message_id": b"0" * 200}, ()),
    ],
)
@pytest.mark.parametrize("command", [Command.SUBMIT_SM_RESP, Command.DATA_SM_RESP, Command.DELIVER_SM_RESP])
def test_responses_are_read_in_every_shape(command, status, body, fields, tlvs):
    assert parse(raw_pdu(command, body, status)) == Pdu(command, status, 7, fields, tlvs)


@pytest.mark.parametrize("body", [b"", b"\0", b"smsc\0", raw_tlv(Tag.SC_INTERFACE_VERSION, b"\x34")])
def test_a_refused_bind_is_read_with_and_without_its_body(body):
    assert parse(raw_pdu(Command.BIND_TRANSCEIVER_RESP, body, 0x0E)).problem == ""


def test_a_refusal_may_leave_out_the_fields_of_success():
    assert parse(raw_pdu(Command.QUERY_SM_RESP, b"1\0", 0x67)) == Pdu(
        Command.QUERY_SM_RESP, 0x67, 7, {"message_id": b"1"}
    )


@pytest.mark.parametrize(
    ("command", "body", "fields", "problem"),
    [
        (Command.SUBMIT_SM_RESP, b"abc", {"message_id": b"abc"}, "message_id: no NUL ends it"),
        (Command.SUBMIT_SM_RESP, b"1\0\x14\0\0\x09x", {"message_id": b"1"}, "TLV 0x1400: longer than the PDU"),
        (Command.QUERY_SM_RESP, b"1\0", {"message_id": b"1"}, "final_date: no NUL ends it"),
        (
            Command.QUERY_SM_RESP,
            b"1\0\0\2",
            {"message_id": b"1", "final_date": b""},
            "message_state: the PDU ends before it",
        ),
        (Command.SUBMIT_MULTI_RESP, b"1\0", {"message_id": b"1"}, "unsuccess_sme: the PDU ends before its count"),
        (Command.SUBMIT_MULTI_RESP, b"1\0\1\0", {"message_id": b"1"}, "dest_addr_ton: the PDU ends before it"),
    ],
)
def test_a_bad_body_never_loses_a_response(command, body, fields, problem):
    assert parse(raw_pdu(command, body)) == Pdu(command, 0, 7, fields, (), problem)


def test_what_came_before_a_bad_tlv_of_a_response_is_kept():
    pdu = parse(raw_pdu(Command.SUBMIT_SM_RESP, b"1\0" + OOPS + raw_tlv(0x1400, b"x", 9)))
    assert pdu.tlvs == ((0x001D, b"oops\0"),)
    assert pdu.problem == "TLV 0x1400: longer than the PDU"


# --- the stream ---

ENQUIRE = raw_pdu(Command.ENQUIRE_LINK)


@pytest.mark.parametrize("cut", range(len(ENQUIRE) + 1))
def test_a_pdu_in_two_pieces_waits_for_the_second(cut):
    buffer = bytearray(ENQUIRE + ENQUIRE[:cut])
    expected = [ENQUIRE] if cut < len(ENQUIRE) else [ENQUIRE, ENQUIRE]
    assert split_stream(buffer) == expected
    assert buffer == ENQUIRE[:cut] if cut < len(ENQUIRE) else buffer == b""
    buffer += ENQUIRE[cut:] if cut < len(ENQUIRE) else b""
    assert split_stream(buffer) == ([ENQUIRE] if cut < len(ENQUIRE) else [])
    assert buffer == b""


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_cutting_of_a_stream_gives_the_same_pdus(data):
    pdus = [
        raw_pdu(command, data.draw(st.binary(max_size=40))) for command in data.draw(st.lists(st.sampled_from(Command)))
    ]
    stream = b"".join(pdus)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)))))
    buffer, found = bytearray(), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        buffer += stream[start:end]
        found += split_stream(buffer)
    assert found == pdus
    assert buffer == b""


@pytest.mark.parametrize(
    "junk",
    [
        bytes(4),
        b"\0\0\0\x0f",
        (MAX_PDU + 1).to_bytes(4, "big"),
        b"\x7f\xff\xff\xff",
        b"\xff\xff\xff\xff",
        b"\r\n\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n<html>",  # https://github.com/python-smpplib/python-smpplib/issues/22
    ],
)
def test_a_length_no_pdu_has_is_a_framing_error(junk):
    with pytest.raises(FramingError, match=r"^command_length: "):
        split_stream(bytearray(junk))


def test_whole_pdus_in_front_of_a_bad_length_are_given_first():
    buffer = bytearray(ENQUIRE + b"HTTP")
    assert split_stream(buffer) == [ENQUIRE]
    with pytest.raises(FramingError):
        split_stream(buffer)


@pytest.mark.parametrize("length", [HEADER, MAX_PDU])
def test_the_shortest_and_the_longest_length_are_in_step(length):
    whole = length.to_bytes(4, "big") + bytes(length - 4)
    assert split_stream(bytearray(whole)) == [whole]


def test_nothing_is_allocated_for_an_announced_length():
    buffer = bytearray(MAX_PDU.to_bytes(4, "big"))
    tracemalloc.start()
    try:
        assert split_stream(buffer) == []
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10_000


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([command for command in Command if command & RESP]), st.binary(max_size=80), st.integers(0, 255))
def test_no_body_makes_a_response_lose_its_result(command, body, status):
    pdu = parse(raw_pdu(command, body, status))
    assert (pdu.command_id, pdu.status, pdu.sequence) == (command, status, 7)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([command for command in Command if not command & RESP] + [0x99, 0x80000099]), st.binary(max_size=80)
)
def test_any_body_of_a_request_is_read_or_is_one_bad_pdu(command, body):
    octets = raw_pdu(command, body)
    try:
        pdu = parse(octets)
    except PduError:
        return
    assert (pdu.command_id, pdu.sequence) == (command, 7)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_any_octets_are_split_or_out_of_step(octets):
    buffer = bytearray(octets)
    try:
        found = split_stream(buffer)
    except FramingError:
        assert bytes(buffer) == octets
    else:
        assert b"".join(found) + bytes(buffer) == octets
