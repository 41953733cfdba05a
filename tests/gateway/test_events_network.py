from __future__ import annotations

import ipaddress
import socket

import pytest
from aiohttp import ClientError, ClientSession
from aiohttp.abc import AbstractResolver

from gateway.errors import Invalid
from gateway.events.destinations import Destination
from gateway.events.network import LONGEST, check_destination, check_url, guarded_connector, is_blocked, system_resolve
from gateway.events.webhooks import WebhookSender, open_session
from tests.support.events import AT
from tests.support.webhook_sink import SECRET, Canary

# Refused by the text alone. Each is a way that has led somebody's webhooks inside.
REFUSED = [
    "",
    " ",
    "example.com",
    "//example.com/",
    "https:",
    "https://",
    "https:///path",
    "https:127.0.0.1/",
    "https:/127.0.0.1/",
    "http://example.com/",
    "HTTP://example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "javascript:alert(1)",
    "unix:///run/docker.sock",
    "https://user@example.com/",
    "https://user:secret@example.com/",
    "https://@example.com/",
    "https://:@example.com/",
    "https://example.com@127.0.0.1/",
    "https://example.com:22/",
    "https://example.com:80/",
    "https://example.com:0/",
    "https://example.com:6379/",
    "https://example.com:99999/",
    "https://example.com:port/",
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://a.b.localhost/",
    "https://127.0.0.1/",
    "https://127.0.0.1./",
    "https://127.0.0.1:8443/",
    "https://127.255.255.254/",
    "https://127.1/",
    "https://127.0.1/",
    "https://2130706433/",
    "https://017700000001/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://127.0.0.01/",
    "https://1.1.1.256/",
    "https://example.0x/",
    "https://0/",
    "https://0.0.0.0/",
    "https://0.1.2.3/",
    "https://10.0.0.1/",
    "https://10.255.255.255/",
    "https://100.64.0.1/",
    "https://100.127.255.255/",
    "https://169.254.169.254/latest/meta-data/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.0.0.192/",
    "https://192.0.2.1/",
    "https://192.88.99.1/",
    "https://192.168.1.1/",
    "https://198.18.0.1/",
    "https://198.19.255.255/",
    "https://198.51.100.7/",
    "https://203.0.113.9/",
    "https://224.0.0.1/",
    "https://239.255.255.255/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://[::]/",
    "https://[::1]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::ffff:a9fe:a9fe]/",
    "https://[0:0:0:0:0:ffff:10.0.0.1]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::127.0.0.1]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[64:ff9b:1::1]/",
    "https://[2002:7f00:1::]/",
    "https://[2002:a00:1::1]/",
    "https://[2001:0:53aa:64c::1]/",
    "https://[2001:db8::1]/",
    "https://[3fff::1]/",
    "https://[fc00::1]/",
    "https://[fd12:3456::1]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://[100::1]/",
    "https://[::1/",
    "https://::1/",
    "https://１２７.０.０.１/",
    "https://①②⑦.0.0.1/",
    "https://127。0。0。1/",
    "https://ⓛocalhost/",
    "https://%31%32%37.0.0.1/",
    "https://127.0.0.1%00.example.com/",
    "https://ex ample.com/",
    "https://example.com/\r\nHost: 127.0.0.1",
    "https://example.com\t/",
    "https://example.com\\@127.0.0.1/",
    "https://-example.com/",
    "https://exa..mple.com/",
    "https://" + "a" * 64 + ".com/",
    "https://example.com/" + "a" * LONGEST,
    "\x00https://example.com/",
]

ALLOWED = [
    "https://example.com",
    "https://example.com/",
    "https://example.com./hook",
    "HTTPS://Example.COM/Hook?x=1#y",
    "https://example.com/?mail=a@b.example",
    "https://example.com:443/",
    "https://hooks.example.com:8443/sms",
    "https://a_b.example.com/",
    "https://xn--r8jz45g.jp/",
    "https://8.8.8.8/",
    "https://172.15.0.1/",
    "https://172.32.0.1/",
    "https://100.63.255.255/",
    "https://100.128.0.1/",
    "https://[2606:4700:4700::1111]/",
    "https://[64:ff9b::8.8.8.8]/",
    "https://[::ffff:8.8.8.8]/",
]


@pytest.mark.parametrize("url", REFUSED)
def test_a_url_that_leads_inside_or_is_odd_is_refused(url):
    with pytest.raises(Invalid) as caught:
        check_url(url, allow_private=False)
    assert caught.value.field == "url"
    assert caught.value.remedy


@pytest.mark.parametrize("url", ALLOWED)
def test_a_url_on_the_public_internet_is_let_through(url):
    check_url(url, allow_private=False)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/", "http://localhost:9/", "https://10.0.0.1/", "http://[::1]:81/", "http://sink/"]
)
def test_settings_may_allow_private_addresses_and_plain_http(url):
    check_url(url, allow_private=True)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http://u:p@127.0.0.1/", "http://0x7f000001/", "http:///x", ""])
def test_even_then_the_url_must_be_a_plain_one(url):
    with pytest.raises(Invalid):
        check_url(url, allow_private=True)


def answering(*addresses):
    async def resolve(host):
        return list(addresses)

    return resolve


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["93.184.216.34", "10.0.0.1"],
        ["2606:4700::1111", "::1"],
        ["::ffff:192.168.0.1"],
        ["fe80::1%eth0"],
        ["64:ff9b::a00:1"],
    ],
)
async def test_a_name_is_refused_when_any_of_its_addresses_is_private(addresses):
    with pytest.raises(Invalid) as caught:
        await check_destination("https://example.com/", False, answering(*addresses))
    assert caught.value.code == "webhook_url_private"


async def test_a_name_with_public_addresses_only_is_let_through():
    await check_destination("https://example.com/", False, answering("93.184.216.34", "2606:4700::1111"))


@pytest.mark.parametrize("addresses", [[], ["nonsense"]])
async def test_a_name_without_an_address_is_refused(addresses):
    with pytest.raises(Invalid) as caught:
        await check_destination("https://example.com/", False, answering(*addresses))
    assert caught.value.code == "webhook_url_unresolved"


async def test_a_name_that_nobody_knows_is_refused():
    async def unknown(host):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(Invalid) as caught:
        await check_destination("https://example.com/", False, unknown)
    assert caught.value.code == "webhook_url_unresolved"


@pytest.mark.parametrize("url", ["https://10.0.0.1/", "https://8.8.8.8/"])
async def test_an_address_is_judged_without_asking_a_resolver(url):
    async def never(host):
        raise AssertionError(host)

    if url == "https://8.8.8.8/":
        await check_destination(url, False, never)
    else:
        with pytest.raises(Invalid):
            await check_destination(url, False, never)


async def test_the_system_knows_where_localhost_is():
    assert {"127.0.0.1", "::1"} & set(await system_resolve("localhost"))


@pytest.mark.parametrize("address", ["::ffff:0:127.0.0.1", "::", "0.0.0.0", "fe80::1%1", "2606:4700::1111%1"])
def test_what_only_looks_public_is_blocked(address):
    assert is_blocked(ipaddress.ip_address(address))


class Rebinding(AbstractResolver):
    """Says a public address at first and loopback from then on."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answers = ["93.184.216.34"]

    async def resolve(self, host, port=0, family=socket.AF_INET):  # noqa: ARG002 -- aiohttp's signature
        address = self.answers.pop() if self.answers else "127.0.0.1"
        return [
            {
                "hostname": host,
                "host": address,
                "port": self.port,
                "family": socket.AF_INET,
                "proto": 0,
                "flags": socket.AI_NUMERICHOST,
            }
        ]

    async def close(self):
        pass


async def test_a_name_that_changes_its_mind_after_the_check_reaches_nobody():
    async with Canary() as canary:
        resolver = Rebinding(canary.port)

        async def first(host):
            return [answer["host"] for answer in await resolver.resolve(host)]

        url = "https://rebinding.example/"
        await check_destination(url, False, first)
        async with open_session(allow_private=False, resolver=resolver) as session:
            destination = Destination("d", "main", "webhook", url, b"", (), 1)
            outcome = await WebhookSender(session, destination, SECRET, allow_private=False).post("evt_1", "{}", AT)
        assert not outcome.ok
        assert "not on the public internet" in outcome.error
        assert canary.connections == 0


LITERALS = ["127.0.0.1", "[::ffff:127.0.0.1]", "localhost", "2130706433", "127.1", "0x7f000001", "0", "[::]", "0.0.0.0"]


@pytest.mark.parametrize("host", LITERALS)
async def test_the_connector_alone_lets_nothing_through_to_loopback(host):
    async with Canary() as canary:
        async with ClientSession(connector=guarded_connector(allow_private=False)) as session:
            with pytest.raises((ClientError, OSError)):
                await session.get(f"http://{host}:{canary.port}/")
        assert canary.connections == 0


async def test_the_canary_does_sing_when_private_addresses_are_allowed():
    async with Canary() as canary:
        async with ClientSession(connector=guarded_connector(allow_private=True)) as session:
            with pytest.raises(ClientError):
                await session.get(f"http://127.0.0.1:{canary.port}/")
        assert canary.connections >= 1
