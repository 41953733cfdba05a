"""Submissions as PDUs, PDUs as receipts and texts, and the settings both follow."""

from __future__ import annotations

import warnings
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from carriers.smpp.fields import Command, Tag
from carriers.smpp.incoming import read
from carriers.smpp.outgoing import Outgoing
from carriers.smpp.pdu import Pdu, PduError, build, build_body, framed, parse
from carriers.smpp.settings import Host, SmppSettings
from carriers.types import Concatenation, DeliveryReceipt, Encoding, InboundMessage, Segment
from tests.support.pdu_mutator import mutants
from tests.support.scripted_smsc import submission

PLAIN = SmppSettings(host="smsc.example", system_id="esme")


def sent(item, **changes):
    """The submit_sm that leaves for a submission."""
    body = Outgoing(PLAIN.model_copy(update=changes)).body(item)
    return parse(framed(Command.SUBMIT_SM, 0, 1, body))


# --- out ---

SOURCES = [
    ("+15550100", (1, 1, b"15550100")),
    ("72345", (3, 0, b"72345")),
    ("ACME", (5, 0, b"ACME")),
]


@pytest.mark.parametrize(("source", "party"), SOURCES)
def test_each_kind_of_sender_has_its_type_of_number(source, party):
    body = sent(submission("a", source=source)).body
    assert (body["source_addr_ton"], body["source_addr_npi"], body["source_addr"]) == party
    assert (body["dest_addr_ton"], body["dest_addr_npi"], body["destination_addr"]) == (1, 1, b"447700900123")


def test_short_codes_go_as_the_carrier_wants_by_pattern():
    wanted = SmppSettings(
        host="h", system_id="a", short_code_ton_npi=(6, 0), short_code_rules=({"pattern": "^55", "ton_npi": (0, 1)},)
    )
    out = Outgoing(wanted)
    for source, party in [("72345", (6, 0)), ("55123", (0, 1))]:
        for octets in (out.body(submission("a", source=source)), build_body(out.pdu(submission("a", source=source)))):
            body = parse(framed(Command.SUBMIT_SM, 0, 1, octets)).body
            assert (body["source_addr_ton"], body["source_addr_npi"]) == party


def test_validity_receipt_header_and_reference_are_on_the_wire():
    segment = Segment(1, 2, Encoding.GSM7, 0, b"part", "part", udh=bytes.fromhex("050003070201"))
    pdu = sent(
        submission(
            "a", segment=segment, validity=timedelta(hours=2), user_message_reference=513, tlvs=((0x1400, b"dlt"),)
        )
    )
    assert pdu.body["esm_class"] == 0x40
    assert pdu.body["short_message"] == bytes.fromhex("050003070201") + b"part"
    assert pdu.body["validity_period"] == b"000000020000000R"
    assert pdu.body["registered_delivery"] == 1
    assert pdu.tlvs == ((Tag.USER_MESSAGE_REFERENCE, b"\x02\x01"), (0x1400, b"dlt"))


def test_no_receipt_is_asked_for_when_none_is_wanted():
    assert sent(submission("a", wants_receipt=False), registered_delivery=17).body["registered_delivery"] == 0


def test_sar_parts_carry_their_tlvs():
    segment = Segment(2, 3, Encoding.GSM7, 0, b"part", "part", sar=Concatenation("sar", 0x1234, 3, 2))
    pdu = sent(submission("a", segment=segment))
    assert pdu.tlvs == (
        (Tag.SAR_MSG_REF_NUM, b"\x12\x34"),
        (Tag.SAR_TOTAL_SEGMENTS, b"\x03"),
        (Tag.SAR_SEGMENT_SEQNUM, b"\x02"),
    )


def test_what_is_too_long_for_short_message_goes_as_payload():
    whole = Segment(1, 1, Encoding.GSM7, 0, b"x" * 600, "x" * 600, as_payload=True)
    pdu = sent(submission("a", segment=whole))
    assert pdu.body["short_message"] == b""
    assert pdu.tlv(Tag.MESSAGE_PAYLOAD) == b"x" * 600


@pytest.mark.parametrize("tlvs", [((0x1400, bytes(65_536)),), ((0x10000, b""),), ((0x1400, bytes(40_000)),) * 2])
def test_tlvs_that_do_not_fit_are_refused_as_the_builder_refuses_them(tlvs):
    out = Outgoing(PLAIN)
    with pytest.raises(ValueError, match=r"^(tlvs|command_length): "):
        out.body(submission("a", tlvs=tlvs))


def test_an_smsc_without_tlvs_gets_no_reference():
    assert sent(submission("a", user_message_reference=7), send_tlvs=False).tlvs == ()


def test_what_a_country_asks_for_goes_in_the_tlvs_that_the_carrier_takes():
    asked = {"IN_ENTITY_ID": "1101", "IN_TEMPLATE_ID": "1107", "OTHER": "x"}
    item = submission("a", country_parameters=asked)
    tags = {"IN_ENTITY_ID": 0x1400, "IN_TEMPLATE_ID": 0x1401, "NOT_GIVEN": 0x1402}
    assert sent(item, country_tlvs=tags).tlvs == ((0x1400, b"1101"), (0x1401, b"1107"))
    assert sent(item).tlvs == ()
    assert sent(item, country_tlvs=tags, send_tlvs=False).tlvs == ()


@given(
    source=st.sampled_from(["+15550100", "72345", "ACME"]),
    octets=st.binary(max_size=300),
    udh=st.sampled_from([b"", bytes.fromhex("050003070201")]),
    reference=st.integers(0, 65535),
    seconds=st.none() | st.integers(1, 10**7),
    receipt=st.booleans(),
    tlvs=st.lists(st.tuples(st.integers(0x1400, 0x3FFF), st.binary(max_size=20)), max_size=3),
    data_coding=st.integers(0, 255),
    payload=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_the_fast_way_writes_what_the_table_would(
    source, octets, udh, reference, seconds, receipt, tlvs, data_coding, payload
):
    item = submission(
        "a",
        source=source,
        segment=Segment(1, 1, Encoding.BINARY, data_coding, octets, "", udh=udh, as_payload=payload),
        validity=None if seconds is None else timedelta(seconds=seconds),
        wants_receipt=receipt,
        user_message_reference=reference,
        tlvs=tuple(tlvs),
    )
    out = Outgoing(
        SmppSettings(host="h", system_id="a", service_type="CMT", protocol_id=3, priority_flag=2, esm_mode=3)
    )
    assert out.body(item) == build_body(out.pdu(item))


# --- in ---


def deliver(octets=b"STOP", tlvs=(), **body):
    parties = {"source_addr_ton": 1, "source_addr": b"447700900123", "destination_addr": b"72345"}
    return Pdu(Command.DELIVER_SM, 0, 1, {**parties, "short_message": octets, **body}, tuple(tlvs))


def taken(*args, **body):
    return read(parse(build(deliver(*args, **body))), PLAIN)


def test_a_text_keeps_its_raw_octets():
    assert taken() == InboundMessage(source="+447700900123", destination="72345", text="STOP", octets=b"STOP")


def test_a_part_by_user_data_header():
    message = taken(bytes.fromhex("06080412340302") + b"two", esm_class=0x40)
    assert (message.concatenation, message.octets, message.text) == (
        Concatenation("udh16", 0x1234, 3, 2),
        b"two",
        "two",
    )


def test_a_part_by_sar_tlvs_of_any_width():
    message = taken(b"two", [(0x020C, b"\x12\x34"), (0x020E, b"\x03"), (0x020F, b"\x02")])
    assert message.concatenation == Concatenation("sar", 0x1234, 3, 2)


BAD_SAR = [
    [(0x020C, b"\x12\x34"), (0x020E, b"\x03"), (0x020F, b"\x04")],
    [(0x020C, b"\x12\x34"), (0x020E, b"\x03")],
    [(0x020C, b""), (0x020E, b"\x03"), (0x020F, b"\x01")],
    [(0x020C, b"\x12\x34"), (0x020E, b"\x01"), (0x020F, b"\x01")],
]


@pytest.mark.parametrize("tlvs", BAD_SAR)
def test_sar_tlvs_against_all_sense_are_as_if_they_were_not_there(tlvs):
    assert taken(b"text", tlvs).concatenation is None


def test_ports_by_header_or_by_tlvs():
    assert taken(bytes.fromhex("0605040b8423f0") + b"x", esm_class=0x40).ports == (0x0B84, 0x23F0)
    assert taken(b"x", [(0x020B, b"\x0b\x84"), (0x020A, b"\x23\xf0")]).ports == (0x0B84, 0x23F0)


def test_a_text_in_message_payload():
    assert taken(b"", [(0x0424, "naïve €".encode("utf-16-be"))], data_coding=8).text == "naïve €"


def test_the_carriers_id_of_a_text_where_it_gives_one():
    assert taken(b"x", [(0x001E, b"mo-17\0")]).carrier_id == "mo-17"
    other = PLAIN.model_copy(update={"inbound_id_tag": 0x1403})
    assert read(deliver(b"x", [(0x1403, b"77")]), other).carrier_id == "77"


def test_a_receipt_is_no_text():
    receipt = taken(b"id:7 stat:DELIVRD", esm_class=4)
    assert isinstance(receipt, DeliveryReceipt)
    assert receipt.carrier_id == "7"


@pytest.mark.parametrize(("error", "opted_out"), [("045", True), ("45", False), ("000", False)])
def test_an_error_may_say_that_the_person_has_opted_out(error, opted_out):
    settings = PLAIN.model_copy(update={"opted_out_errors": frozenset({"045", "9"})})
    told = deliver(f"id:7 stat:UNDELIV err:{error} text:".encode(), esm_class=4)
    assert (read(told, settings).opted_out, read(told, PLAIN).opted_out) == (opted_out, False)


@pytest.mark.parametrize("data_coding", [0x0B, 0xF5, 0xC0, 0xFF])
def test_any_data_coding_keeps_the_octets(data_coding):
    assert taken(b"\xff\x00\x80", data_coding=data_coding).octets == b"\xff\x00\x80"


def test_reading_never_fails():
    kinds = set()
    for octets in mutants(3000, seed=11):
        try:
            pdu = parse(octets)
        except PduError:
            continue
        if pdu.command_id in {Command.DELIVER_SM, Command.DATA_SM}:
            kinds.add(type(read(pdu, PLAIN)))
    assert kinds == {DeliveryReceipt, InboundMessage}


# --- settings ---

REFUSED = [
    ({}, "give either host or hosts"),
    ({"host": "h", "hosts": [{"host": "i"}]}, "give either host or hosts"),
    ({"host": "h", "window": 0}, "window"),
    ({"host": "h", "window": 1001}, "window"),
    ({"host": "h", "bind": "both"}, "bind"),
    ({"host": "h", "send_tlvs": False, "long_mode": "sar"}, "needs TLVs"),
    ({"host": "h", "tls": True, "tls_verify": False}, "only with tls_pin"),
    ({"host": "h", "tls_pin": "short"}, "tls_pin"),
    ({"host": "h", "password": "x" * 65}, "at most 64"),
    ({"host": "h", "short_code_rules": [{"pattern": "(", "ton_npi": (0, 0)}]}, "regular expression"),
    ({"host": "h", "colour": "blue"}, "colour"),
]


@pytest.mark.parametrize(("values", "sentence"), REFUSED)
def test_settings_that_cannot_work_are_refused_with_the_field(values, sentence):
    with pytest.raises(ValidationError, match=sentence):
        SmppSettings(**{"system_id": "a", **values})


def test_every_setting_is_described():
    missing = [
        name
        for model in (SmppSettings, Host)
        for name, field in model.model_fields.items()
        if not field.description or len(field.description) < 15
    ]
    assert missing == []


def test_a_password_over_the_limit_warns_and_stays_whole():
    with pytest.warns(UserWarning, match="password_limit"):
        long = SmppSettings(host="h", system_id="a", password="nine chars")
    assert long.session_config("trx").password == "nine chars"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SmppSettings(host="h", system_id="a", password="nine chars", password_limit=16)


def test_the_password_is_in_no_repr():
    secret = SmppSettings(host="h", system_id="a", password="hunter2")
    assert "hunter2" not in repr(secret) + repr(secret.session_config("trx"))


def test_kinds_of_links_come_in_pairs_where_the_carrier_wants_pairs():
    assert SmppSettings(host="h", system_id="a", bind="tx+rx", binds=2).kinds == ("tx", "rx", "tx", "rx")
    assert SmppSettings(host="h", system_id="a", binds=3).kinds == ("trx", "trx", "trx")


def test_the_text_profile_is_the_carriers():
    profile = SmppSettings(
        host="h", system_id="a", long_mode="sar", default_alphabet="latin1", max_parts=3
    ).text_profile
    assert (profile.long_mode, profile.default_alphabet, profile.max_parts) == ("sar", "latin1", 3)
