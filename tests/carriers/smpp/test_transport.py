"""Sockets: real ones on the loopback, with short timers."""

from __future__ import annotations

import asyncio
import datetime as dt
import socket
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from carriers.smpp.config import SessionConfig
from carriers.smpp.events import Answered, LinkClosed, Requested, Unknown
from carriers.smpp.fields import Command
from carriers.smpp.pdu import Pdu, build, response_to
from carriers.smpp.states import Role, State
from carriers.smpp.tls import spki_pin
from carriers.smpp.transport import dial
from carriers.smpp.wire import CHUNK, Wire
from tests.support.scripted_smsc import Watch, smsc
from tests.support.session_pair import DELIVER, SUBMIT

FAST = SessionConfig(system_id="esme", password="secret", window=1000)


class Esme:
    """The owner of a wire that keeps what it is told."""

    def __init__(self, watch: Watch, config: SessionConfig = FAST) -> None:
        self.watch = watch
        self.config = config
        self.batches: list[list] = []
        self.reason = ""
        self.wire: Wire | None = None

    @property
    def events(self):
        return [event for batch in self.batches for event in batch]

    def connected(self, wire):
        wire.session.bind(asyncio.get_running_loop().time())

    def happened(self, _wire, events):
        self.batches.append(list(events))
        self.watch.ping()

    def gone(self, _wire, events, reason):
        self.batches.append(list(events))
        self.reason = reason
        self.watch.ping()

    def told(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    async def dial(self, port, **options):
        clock = asyncio.get_running_loop().time
        pin = options.pop("pin", "")
        self.wire = await dial(
            lambda: Wire(Role.ESME, self.config, self, clock, pin=pin), "127.0.0.1", port, timeout=5, **options
        )
        return self.wire

    async def bound(self, port, **options):
        await self.dial(port, **options)
        await self.watch.until(lambda: self.wire.session.state is State.BOUND_TRX)
        return self.wire

    def submit(self, count, pdu=SUBMIT):
        for number in range(count):
            self.wire.session.request(pdu, number, asyncio.get_running_loop().time())
        self.wire.settle()


async def test_a_thousand_submits_and_their_answers_cross_in_few_reads():
    async with smsc() as carrier:
        esme = Esme(carrier.watch)
        await esme.bound(carrier.port)
        esme.submit(1000)
        await carrier.watch.until(lambda: len(esme.told(Answered)) == 1000)
        assert [event.token for event in esme.told(Answered)] == list(range(1000))
        assert len(esme.batches) < 100
        esme.wire.abort("done")


async def test_sockets_send_at_once_and_are_watched_by_the_kernel():
    async with smsc() as carrier:
        esme = Esme(carrier.watch)
        wire = await esme.bound(carrier.port)
        sock = wire.transport.get_extra_info("socket")
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000
        wire.abort("done")


async def test_a_silent_smsc_is_noticed_and_the_link_is_cut():
    config = SessionConfig(enquire_link_interval=0.05, enquire_link_timeout=0.05)
    async with smsc() as carrier:
        esme = Esme(carrier.watch, config)
        await esme.bound(carrier.port)
        carrier.links[0].hold()
        await carrier.watch.until(lambda: esme.reason)
        assert "enquire_link was not answered" in esme.reason


async def test_a_deaf_smsc_is_noticed_too():
    config = SessionConfig(enquire_link_interval=0.05, enquire_link_timeout=0.05)
    async with smsc() as carrier:
        esme = Esme(carrier.watch, config)
        await esme.bound(carrier.port)
        carrier.links[0].pause_reading()
        await carrier.watch.until(lambda: esme.reason)
        assert "enquire_link was not answered" in esme.reason


async def test_what_was_held_leaves_on_release():
    async with smsc() as carrier:
        esme = Esme(carrier.watch)
        await esme.bound(carrier.port)
        link = carrier.links[0]
        link.hold()
        esme.submit(3)
        await carrier.watch.until(lambda: len(carrier.submits) == 3)
        assert esme.told(Answered) == []
        link.release()
        await carrier.watch.until(lambda: len(esme.told(Answered)) == 3)
        esme.wire.abort("done")


async def test_an_answer_may_come_twice():
    async with smsc() as carrier:
        esme = Esme(carrier.watch)

        def twice(link, pdu):
            carrier.accept(link, pdu)
            carrier.accept(link, pdu)

        carrier.on_submit = twice
        await esme.bound(carrier.port)
        esme.submit(1)
        await carrier.watch.until(lambda: len(esme.told(Answered)) == 1)
        assert esme.wire.session.state is State.BOUND_TRX
        esme.wire.abort("done")


async def test_garbage_ends_the_link_with_a_reason():
    async with smsc() as carrier:
        esme = Esme(carrier.watch)
        await esme.bound(carrier.port)
        carrier.links[0].send_octets(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await carrier.watch.until(lambda: esme.reason)
        assert "out of step" in esme.reason


@pytest.mark.parametrize("end", ["abort", "close"])
def test_each_end_tells_the_smsc_once(end):
    async def run():
        async with smsc() as carrier:
            esme = Esme(carrier.watch)
            await esme.bound(carrier.port)
            getattr(carrier.links[0], end)()
            await carrier.watch.until(lambda: esme.reason and carrier.told(LinkClosed))
            assert len(carrier.told(LinkClosed)) == 1

    asyncio.run(run())


async def test_when_the_link_drops_what_may_have_arrived_is_unknown_and_the_rest_is_known_not_to():
    async with smsc() as carrier:
        esme = Esme(carrier.watch)
        await esme.bound(carrier.port)
        carrier.on_submit = lambda *_: None
        carrier.links[0].pause_reading()
        esme.submit(900, Pdu(Command.SUBMIT_SM, tlvs=((0x0424, bytes(60_000)),)))  # more than any socket buffer
        carrier.links[0].resume_reading()
        await carrier.watch.until(lambda: carrier.submits)
        carrier.links[0].abort()
        await carrier.watch.until(lambda: esme.reason)
        unknown = len(esme.told(Unknown))
        assert len(carrier.submits) <= unknown < 900
        assert len(esme.events) - 1 == 900  # one Bound, and each of them once


async def test_no_write_holds_more_than_a_chunk():
    async with smsc() as carrier:
        esme = Esme(carrier.watch)
        wire = await esme.bound(carrier.port)
        carrier.links[0].pause_reading()
        esme.submit(900, Pdu(Command.SUBMIT_SM, tlvs=((0x0424, bytes(60_000)),)))
        assert 0 < wire.transport.get_write_buffer_size() <= CHUNK
        wire.abort("done")


async def test_reading_stops_while_as_many_requests_wait_as_are_allowed():
    async with smsc() as carrier:
        esme = Esme(carrier.watch, SessionConfig(inbound_window=5))
        wire = await esme.bound(carrier.port)
        link = carrier.links[0]
        for _ in range(5):
            link.request(DELIVER)
        await carrier.watch.until(lambda: len(esme.told(Requested)) == 5)
        assert not wire.transport.is_reading()
        for event in esme.told(Requested):
            wire.session.respond(response_to(event.pdu))
        wire.settle()
        assert wire.transport.is_reading()
        await carrier.watch.until(lambda: len(carrier.told(Answered)) == 5)
        wire.abort("done")


async def test_closing_lets_the_last_octets_leave():
    async with smsc() as carrier:
        esme = Esme(carrier.watch)
        await esme.bound(carrier.port)
        carrier.links[0].unbind()
        await carrier.watch.until(lambda: esme.reason and carrier.told(LinkClosed))
        assert esme.reason == "the peer unbound"
        assert carrier.told(LinkClosed) == [LinkClosed("unbound")]  # it saw our unbind_resp


async def test_the_next_address_is_tried_when_the_first_refuses(monkeypatch):
    async with smsc() as carrier:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            found = [
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", closed.getsockname()),
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", carrier.port)),
            ]

            async def addresses(*_args, **_options):
                return found

            monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", addresses)
            esme = Esme(carrier.watch)
            await esme.bound(1)
            assert esme.wire.session.state is State.BOUND_TRX
            esme.wire.abort("done")


async def test_when_no_address_answers_it_is_an_os_error():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(OSError, match=r"refused|Connect"):
            await Esme(Watch()).dial(closed.getsockname()[1])


# --- TLS ---


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A self-signed certificate for 127.0.0.1: its file, with the key, and its pin."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "smsc.example")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("smsc.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "smsc.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return str(file), spki_pin(made.public_bytes(serialization.Encoding.DER))


def server_context(file):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def client_context(file=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = file is not None
    if file is None:
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(file)
    return context


async def test_smpp_over_tls_with_the_name_asked_for_and_checked(certificate):
    file, _ = certificate
    async with smsc(tls=server_context(file)) as carrier:
        esme = Esme(carrier.watch)
        wire = await esme.bound(carrier.port, tls=client_context(file), server_name="smsc.example")
        esme.submit(50)
        await carrier.watch.until(lambda: len(esme.told(Answered)) == 50)
        wire.abort("done")


async def test_a_certificate_for_another_name_is_refused(certificate):
    file, _ = certificate
    async with smsc(tls=server_context(file)) as carrier:
        with pytest.raises(ssl.SSLError):
            await Esme(carrier.watch).dial(carrier.port, tls=client_context(file), server_name="other.example")
        assert carrier.binds == []


async def test_the_pinned_key_is_taken_without_an_authority(certificate):
    file, pin = certificate
    async with smsc(tls=server_context(file)) as carrier:
        esme = Esme(carrier.watch)
        wire = await esme.bound(carrier.port, tls=client_context(), pin=pin)
        wire.abort("done")


async def test_another_key_than_the_pinned_one_never_sees_the_password(certificate):
    file, _ = certificate
    async with smsc(tls=server_context(file)) as carrier:
        esme = Esme(carrier.watch)
        await esme.dial(carrier.port, tls=client_context(), pin="A" * 43 + "=")
        await carrier.watch.until(lambda: esme.reason)
        assert "tls_pin" in esme.reason
        assert carrier.binds == []


async def test_a_pdu_in_two_segments_is_read_whole():
    async with smsc() as carrier:
        esme = Esme(carrier.watch)
        wire = await esme.bound(carrier.port)
        octets = build(Pdu(Command.DELIVER_SM, sequence=5))
        carrier.links[0].send_octets(octets[:20])
        carrier.links[0].send_octets(octets[20:] + octets[:7])
        await carrier.watch.until(lambda: esme.told(Requested))
        carrier.links[0].send_octets(octets[7:])
        await carrier.watch.until(lambda: len(esme.told(Requested)) == 2)
        wire.abort("done")
