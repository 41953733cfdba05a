from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from smpplib import consts, smpp
from smpplib.command_codes import commands as smpplib_commands

from carriers.smpp.fields import PDUS, RESP, TLVS, Command, Kind, Tag
from carriers.smpp.pdu import (
    Pdu,
    acknowledgement,
    build,
    parse,
    response_to,
)
from tests.support.octets import raw_pdu
from tests.support.pdu_mutator import RECEIPT, sample_body

# --- every row, both ways ---


@pytest.mark.parametrize("command", PDUS, ids=lambda command: command.name.lower())
def test_every_command_builds_to_octets_that_parse_to_the_same_and_build_to_the_same(command):
    pdu = Pdu(command, 0, 0x01020304, sample_body(command))
    octets = build(pdu)
    assert parse(octets) == pdu
    assert build(parse(octets)) == octets


@pytest.mark.parametrize("command", PDUS, ids=lambda command: command.name.lower())
def test_every_command_carries_every_tlv(command):
    tlvs = tuple((row.tag, b"\x01" * row.longest) for row in TLVS.values() if row.longest < 1000)
    pdu = Pdu(command, 0, 1, sample_body(command), tlvs)
    assert parse(build(pdu)) == pdu


@pytest.mark.parametrize(
    ("command", "field"),
    [(command, row) for command, rows in PDUS.items() for row in rows],
    ids=lambda value: getattr(value, "name", ""),
)
def test_every_field_is_refused_by_name_when_it_does_not_fit_and_kept_whole_when_it_just_does(command, field):
    party = {"destination_addr": b"1"}
    most, over = {
        Kind.INTEGER: (256**field.size - 1, 256**field.size),
        Kind.C_OCTETS: (b"x" * (field.size - 1), b"x" * field.size),
        Kind.OCTETS: (b"x" * field.size, b"x" * (field.size + 1)),
        Kind.DESTINATIONS: (({"dest_flag": 1, **party},) * 254, (party,) * 255),
        Kind.FAILURES: ((party,) * 255, (party,) * 256),
    }[field.kind]
    read = parse(build(Pdu(command, 0, 1, {field.name: most}))).body[field.name]
    assert len(read) == len(most) if field.kind in {Kind.DESTINATIONS, Kind.FAILURES} else read == most
    for bad in (over, None, "text"):
        with pytest.raises(ValueError, match=f"^{field.name}: "):
            build(Pdu(command, 0, 1, {field.name: bad}))


def test_fields_left_out_are_zero_or_empty():
    assert build(Pdu(Command.SUBMIT_SM, 0, 1)) == raw_pdu(Command.SUBMIT_SM, bytes(17), sequence=1)


@pytest.mark.parametrize(
    ("pdu", "message"),
    [
        (Pdu(Command.SUBMIT_SM, body={"sm_length": 3}), "sm_length: no such field"),
        (Pdu(Command.ENQUIRE_LINK, body={"message_id": b""}), "message_id: no such field"),
        (Pdu(0x99), "command_id: 0x00000099"),
        (Pdu(Command.SUBMIT_SM, body={"source_addr": b"1\x002"}), "source_addr: must not contain NUL"),
        (Pdu(Command.SUBMIT_SM, tlvs=((0x1400, b"x" * 65536),)), "tlvs: "),
        (Pdu(Command.SUBMIT_SM, tlvs=((0x10000, b""),)), "tlvs: "),
        (Pdu(Command.SUBMIT_SM, tlvs=((0x1400, b""),) * 101), "tlvs: 101"),
        (Pdu(Command.SUBMIT_SM, tlvs=((0x0424, bytes(60_000)),) * 2), "command_length: 120041"),
        (Pdu(Command.SUBMIT_MULTI, body={"dest_address": ({"dest_flag": 3},)}), "dest_flag: 3"),
        (Pdu(Command.SUBMIT_MULTI, body={"dest_address": ({"dl_name": b"x"},)}), "dl_name: no such field"),
        (Pdu(Command.ENQUIRE_LINK, sequence=2**32), "command_status, sequence_number: "),
        (Pdu(Command.ENQUIRE_LINK, sequence=-1), "command_status, sequence_number: "),
    ],
)
def test_what_cannot_be_built_is_refused_by_name(pdu, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        build(pdu)


def test_passwords_longer_than_the_specification_allows_work():
    # https://www.infobip.com/docs/essentials/api-essentials/smpp-specification hands them out
    password = b"p" * 64
    assert parse(build(Pdu(Command.BIND_TRANSCEIVER, body={"password": password}))).body["password"] == password


def test_the_largest_payload_the_tlv_can_hold_makes_the_trip():
    payload = b"\x00" * 65_535
    pdu = parse(build(Pdu(Command.DATA_SM, tlvs=((Tag.MESSAGE_PAYLOAD, payload),))))
    assert pdu.tlv(Tag.MESSAGE_PAYLOAD) == payload


# --- smpplib as an independent oracle ---

text = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=20)
octet = st.integers(0, 255)
KINDS_FROM_SMPPLIB = {
    "interface_version": st.just(0x34),
    "short_message": st.binary(max_size=254),
    "service_type": text.map(lambda value: value[:5]),
    "schedule_delivery_time": text.map(lambda value: value[:16]),
    "validity_period": text.map(lambda value: value[:16]),
    "system_id": text.map(lambda value: value[:15]),
    "password": text.map(lambda value: value[:8]),
    "system_type": text.map(lambda value: value[:12]),
    "final_date": text.map(lambda value: value[:16]),
    "message_id": text.filter(bool),
}
KNOWN_TO_SMPPLIB = [
    Command.BIND_TRANSMITTER,
    Command.BIND_TRANSMITTER_RESP,
    Command.BIND_RECEIVER,
    Command.BIND_RECEIVER_RESP,
    Command.BIND_TRANSCEIVER,
    Command.BIND_TRANSCEIVER_RESP,
    Command.DATA_SM,
    Command.DATA_SM_RESP,
    Command.GENERIC_NACK,
    Command.SUBMIT_SM,
    Command.SUBMIT_SM_RESP,
    Command.DELIVER_SM,
    Command.DELIVER_SM_RESP,
    Command.QUERY_SM,
    Command.QUERY_SM_RESP,
    Command.UNBIND,
    Command.UNBIND_RESP,
    Command.ENQUIRE_LINK,
    Command.ENQUIRE_LINK_RESP,
    Command.ALERT_NOTIFICATION,
]


def by_smpplib(command: Command, values: dict[str, object], tlvs: dict[str, object], sequence: int) -> bytes:
    pdu = smpp.make_pdu(command.name.lower(), sequence=sequence, **values, **tlvs)
    pdu.sequence = sequence
    return pdu.generate()


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from(KNOWN_TO_SMPPLIB), st.integers(1, 0x7FFFFFFF))
def test_octets_are_those_of_smpplib(data, command, sequence):
    strategies = {
        row.name: KINDS_FROM_SMPPLIB.get(row.name, octet if row.kind is Kind.INTEGER else text) for row in PDUS[command]
    }
    values = data.draw(st.fixed_dictionaries(strategies))
    ours = {name: value.encode() if isinstance(value, str) else value for name, value in values.items()}
    expected = by_smpplib(command, values, {}, sequence)
    assert build(Pdu(command, 0, sequence, ours)) == expected
    assert parse(expected) == Pdu(command, 0, sequence, ours)


@settings(max_examples=50, deadline=None)
@given(text.filter(bool), st.integers(0, 255), st.integers(0, 65535))
def test_tlvs_are_those_of_smpplib(message_id, state, reference):
    tlvs = {"user_message_reference": reference, "message_state": state, "receipted_message_id": message_id}
    expected = by_smpplib(Command.DELIVER_SM, {"short_message": RECEIPT, "esm_class": 4}, tlvs, 9)
    ours = (
        (Tag.USER_MESSAGE_REFERENCE, reference.to_bytes(2, "big")),
        (Tag.MESSAGE_STATE, bytes((state,))),
        (Tag.RECEIPTED_MESSAGE_ID, message_id.encode() + b"\0"),
    )
    assert build(Pdu(Command.DELIVER_SM, 0, 9, {"short_message": RECEIPT, "esm_class": 4}, ours)) == expected
    assert parse(expected).tlvs == ours


def test_command_ids_are_those_of_smpplib():
    assert {name: code for name, code in smpplib_commands.items() if name.upper() in Command.__members__} == {
        command.name.lower(): command for command in Command if command.name.lower() in smpplib_commands
    }


def test_tags_are_those_of_smpplib():
    ours = {tag.name.lower(): int(tag) for tag in Tag}
    shared = ours.keys() & consts.OPTIONAL_PARAMS.keys()
    assert {name: ours[name] for name in shared} == {name: consts.OPTIONAL_PARAMS[name] for name in shared}
    assert len(shared) > 40


def test_every_tag_has_one_row():
    assert set(TLVS) == set(Tag)
    assert all(row.shortest <= row.longest for row in TLVS.values())


def test_every_response_answers_a_request_and_every_request_but_two_has_one():
    requests = {command for command in PDUS if not command & RESP}
    responses = {command & ~RESP for command in PDUS if command & RESP} - {0}
    assert responses <= requests
    assert requests - responses == {Command.OUTBIND, Command.ALERT_NOTIFICATION}


# --- responses we send ---


@pytest.mark.parametrize(
    ("request_id", "status", "octets"),
    [
        (Command.DELIVER_SM, 0, raw_pdu(Command.DELIVER_SM_RESP, b"\0")),
        (Command.DELIVER_SM, 0x64, raw_pdu(Command.DELIVER_SM_RESP, b"\0", 0x64)),
        (Command.SUBMIT_SM, 0x58, raw_pdu(Command.SUBMIT_SM_RESP, b"", 0x58)),
        (Command.BIND_TRANSCEIVER, 0x0E, raw_pdu(Command.BIND_TRANSCEIVER_RESP, b"", 0x0E)),
        (Command.ENQUIRE_LINK, 0, raw_pdu(Command.ENQUIRE_LINK_RESP)),
        (Command.ALERT_NOTIFICATION, 3, raw_pdu(Command.GENERIC_NACK, b"", 3)),
        (0x00000099, 3, raw_pdu(Command.GENERIC_NACK, b"", 3)),
    ],
)
def test_responses_have_the_body_the_specification_gives_them(request_id, status, octets):
    assert build(response_to(Pdu(request_id, 0, 7), status)) == octets


@pytest.mark.parametrize("status", [0, 0x64])
@pytest.mark.parametrize("request_id", [0x99, *(command for command in PDUS if not command & RESP)])
def test_an_acknowledgement_is_the_response_without_fields(request_id, status):
    request = Pdu(request_id, 0, 7, {"message_id": b"1"}, ((0x1400, b"x"),))
    assert acknowledgement(request, status) == build(response_to(request, status))


def test_a_response_takes_its_fields_by_name():
    answer = response_to(Pdu(Command.SUBMIT_SM, 0, 9), message_id=b"39f99dd5")
    assert answer == Pdu(Command.SUBMIT_SM_RESP, 0, 9, {"message_id": b"39f99dd5"})


@pytest.mark.parametrize(
    ("command", "expected"),
    [(Command.SUBMIT_SM, False), (Command.SUBMIT_SM_RESP, True), (Command.GENERIC_NACK, True), (0x99, False)],
)
def test_the_top_bit_makes_a_response(command, expected):
    assert Pdu(command).is_response is expected
