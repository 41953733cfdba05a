"""Where a webhook may go: nowhere inside our own network (server-side request forgery).

Rule 1: ``check_url`` looks at the text of a URL: https, no user, a usual port, no address of a blocked network, and
no number that some resolver would read as an address ("127.1", "0x7f000001", "2130706433").
Rule 2: ``check_destination`` also resolves the name and wants every address of it public. It runs at save.
Rule 3: ``guarded_connector`` looks at each address once more when the socket for it is made, which is the address
that is then connected to. A name that has changed its mind since rule 2 (DNS rebinding) ends here, and so does an
address written as a literal, which aiohttp (3.14) never shows to its resolver.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from typing import TYPE_CHECKING, TypeAlias

from aiohttp import TCPConnector
from yarl import URL

from gateway.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from aiohttp.abc import AbstractResolver
    from aiohttp.connector import AddrInfoType

    Resolve: TypeAlias = Callable[[str], Awaitable[Iterable[str]]]

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

PORTS = frozenset({443, 8443})
LONGEST = 2048
_FIELD = "url"
_REMEDY = "Give the https address of a server on the public internet."

# https://www.iana.org/assignments/iana-ipv4-special-registry and RFC 5771 (multicast).
_BLOCKED_4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network (RFC 791)
        "10.0.0.0/8",  # private (RFC 1918)
        "100.64.0.0/10",  # carrier-grade NAT (RFC 6598)
        "127.0.0.0/8",  # loopback (RFC 1122)
        "169.254.0.0/16",  # link-local, and the metadata services of clouds (RFC 3927)
        "172.16.0.0/12",  # private (RFC 1918)
        "192.0.0.0/24",  # IETF protocol assignments (RFC 6890)
        "192.0.2.0/24",  # documentation (RFC 5737)
        "192.88.99.0/24",  # 6to4 relays (RFC 7526)
        "192.168.0.0/16",  # private (RFC 1918)
        "198.18.0.0/15",  # benchmarks (RFC 2544)
        "198.51.100.0/24",  # documentation (RFC 5737)
        "203.0.113.0/24",  # documentation (RFC 5737)
        "224.0.0.0/4",  # multicast (RFC 5771)
        "240.0.0.0/4",  # reserved, and broadcast (RFC 1112)
    )
)
# https://www.iana.org/assignments/iana-ipv6-special-registry. What is not global unicast is blocked as a whole.
_GLOBAL_6 = ipaddress.IPv6Network("2000::/3")
_BLOCKED_6 = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # IETF protocol assignments, Teredo among them (RFC 4380): carries an IPv4 address of its own
        "2001:db8::/32",  # documentation (RFC 3849)
        "2002::/16",  # 6to4 (RFC 3056, dead by RFC 7526): carries an IPv4 address of its own
        "3fff::/20",  # documentation (RFC 9637)
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052; judged by the IPv4 address it carries

_WRITABLE = re.compile(r"[!-~]+")  # printable ASCII; a name in another script has its xn-- form
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")  # the underscore is no host's, yet in use
_AUTHORITY_END = re.compile(r"[/?#]")
# A last label that is a number makes the host an address: https://url.spec.whatwg.org/#ends-in-a-number-checker.
_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")


class BlockedAddressError(OSError):
    """A connection to an address that webhooks may not reach."""


def check_url(url: str, allow_private: bool) -> None:
    """Look at the text of a webhook's URL; names are not resolved.

    Args:
        url: what somebody gave.
        allow_private: let http, any port and every address through.

    Raises:
        Invalid: field "url"; what is wrong, and what to give instead.
    """
    host = _host(url, allow_private)
    literal = _literal(host)
    if literal is None and not _is_name(host):
        raise _invalid("webhook_url_invalid", "The URL's host is no name that can be looked up.")
    if allow_private:
        return
    if literal is not None and is_blocked(literal):
        raise _blocked(host)
    if host == "localhost" or host.endswith(".localhost"):  # RFC 6761 6.3: always loopback
        raise _blocked(host)


async def check_destination(url: str, allow_private: bool, resolve: Resolve | None = None) -> None:
    """As ``check_url``, and every address of the name must be public.

    Raises:
        Invalid: field "url"; also when the name has no address.
    """
    check_url(url, allow_private)
    host = _host(url, allow_private)
    if allow_private or _literal(host) is not None:
        return
    try:
        addresses = [ipaddress.ip_address(address) for address in await (resolve or system_resolve)(host)]
    except (OSError, ValueError) as error:
        raise _invalid("webhook_url_unresolved", f"The name {host} cannot be resolved.") from error
    if not addresses:
        raise _invalid("webhook_url_unresolved", f"The name {host} has no address.")
    if any(is_blocked(address) for address in addresses):
        raise _blocked(host)


def is_blocked(address: Address) -> bool:
    """Whether an address is of a network that webhooks may not reach."""
    address = _unwrap(address)
    if isinstance(address, ipaddress.IPv4Address):
        return any(address in network for network in _BLOCKED_4)
    if address.scope_id is not None or address not in _GLOBAL_6:
        return True
    return any(address in network for network in _BLOCKED_6)


async def system_resolve(host: str) -> list[str]:
    """All addresses of a name, as the system knows them. Raises OSError when it knows none."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def guarded_connector(allow_private: bool, resolver: AbstractResolver | None = None) -> TCPConnector:
    """A connector that refuses blocked addresses at the last moment. One for all webhooks: no limit in common."""
    factory = None if allow_private else _guarded_socket
    return TCPConnector(limit=0, resolver=resolver, socket_factory=factory)


def _guarded_socket(info: AddrInfoType) -> socket.socket:
    family, kind, protocol, _, address = info
    if is_blocked(ipaddress.ip_address(address[0])):
        raise BlockedAddressError("the address is not public")
    return socket.socket(family, kind, protocol)


def _host(url: str, allow_private: bool) -> str:
    if len(url) > LONGEST or not _WRITABLE.fullmatch(url):
        raise _invalid("webhook_url_invalid", f"The URL must be 1 to {LONGEST} printable ASCII characters.")
    try:
        parsed = URL(url)
    except ValueError as error:
        raise _invalid("webhook_url_invalid", "The URL cannot be read.") from error
    if parsed.scheme not in ({"https", "http"} if allow_private else {"https"}):
        raise _invalid("webhook_url_scheme", "The URL must begin with https://.")
    if "@" in _AUTHORITY_END.split(url.split("://", 1)[-1], maxsplit=1)[0]:
        raise _invalid("webhook_url_user", "The URL must not hold a user name or a password.")
    if not allow_private and parsed.port not in PORTS:
        raise _invalid("webhook_url_port", f"The URL's port must be one of {sorted(PORTS)}.")
    return (parsed.raw_host or "").lower().removesuffix(".")


def _is_name(host: str) -> bool:
    return len(host) <= 253 and all(_LABEL.fullmatch(label) for label in host.split("."))  # noqa: PLR2004 -- RFC 1035


def _literal(host: str) -> Address | None:
    """The address that a host is, or None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        if ":" in host or "%" in host or _NUMBER.fullmatch(host):
            raise _invalid("webhook_url_invalid", "The URL's host is an address in an unusual form.") from None
        return None


def _unwrap(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _blocked(host: str) -> Invalid:
    return _invalid("webhook_url_private", f"{host} is not an address on the public internet.")


def _invalid(code: str, detail: str) -> Invalid:
    return Invalid(code, detail, field=_FIELD, remedy=_REMEDY)
