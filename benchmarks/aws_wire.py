"""How many messages a second does the AWS wire accept, beside the native API of the same process?

Requests are made and signed before the clock runs, and then sent over connections that stay: what is measured is the
server. The SMSC lets no one in, so nothing leaves. Both ways take turns, ROUNDS times, each with numbers of its own.
Ends with status 1 when the median of the ratios is less than ALLOWED.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import benchlib as lib
import loads
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from instance import add_setup_options, running, setup_of
from smscctl import add_smsc_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from instance import Instance

ALLOWED = 0.6  # of the native API's messages a second
BODY = "Hello this is a benchmark message"


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_smsc_options(parser)
    add_setup_options(parser)
    parser.add_argument("-n", type=int, default=10_000, help="messages in a turn (10000)")
    parser.add_argument("-c", type=int, default=64, help="connections (64)")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each (5)")
    parser.set_defaults(no_receipts=True)
    return parser.parse_args()


def native(instance: Instance, number: int) -> bytes:
    headers = {"Content-Type": "application/json", **instance.headers}
    return _request("/v1/messages", headers, {"to": f"{loads.PERSON}{number:08d}", "body": BODY})


def aws_of(instance: Instance) -> Callable[[Instance, int], bytes]:
    """The same message as an AWS client would send it."""
    key = json.loads(instance.gateway.command("keys", "create", "bench", "--aws", "--json"))
    signer = SigV4Auth(Credentials(key["id"], key["secret"]), "sms-voice", "us-east-1")

    def make(instance: Instance, number: int) -> bytes:
        body = json.dumps({"DestinationPhoneNumber": f"{loads.PERSON}{number:08d}", "MessageBody": BODY})
        target = {"X-Amz-Target": "PinpointSMSVoiceV2.SendTextMessage", "Content-Type": "application/x-amz-json-1.0"}
        request = AWSRequest("POST", f"{instance.gateway.url}/", headers=target, data=body)
        request.headers["Host"] = "127.0.0.1"
        signer.add_auth(request)
        return _written("/", dict(request.headers.items()), body)

    return make


def _request(path: str, headers: dict[str, str], document: dict[str, str]) -> bytes:
    return _written(path, {"Host": "127.0.0.1", **headers}, json.dumps(document))


def _written(path: str, headers: dict[str, str], body: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body]).encode()


class Connection(asyncio.Protocol):
    """Sends one request after the other; every answer comes in one piece."""

    def __init__(self, requests: Iterator[bytes]) -> None:
        self._requests, self.accepted, self.other = requests, 0, 0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        good = data.startswith((b"HTTP/1.1 200", b"HTTP/1.1 202"))
        self.accepted, self.other = self.accepted + good, self.other + (not good)
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("closed by the server"))

    def _next(self) -> None:
        if (request := next(self._requests, None)) is not None:
            self._transport.write(request)
        else:
            self.done.set_result(None)
            self._transport.close()


async def blast(port: int, requests: list[bytes], connections: int) -> float:
    """Messages accepted a second."""
    waiting, loop = iter(requests), asyncio.get_running_loop()
    began = time.monotonic()
    made = [
        (await loop.create_connection(lambda: Connection(waiting), "127.0.0.1", port))[1] for _ in range(connections)
    ]
    await asyncio.gather(*(one.done for one in made))
    seconds = time.monotonic() - began
    if other := sum(one.other for one in made):
        raise lib.BenchError(f"{other:,} requests were not accepted")
    return sum(one.accepted for one in made) / seconds


def compare(args: argparse.Namespace, instance: Instance) -> dict[str, Any]:
    wires = {"native": native, "aws": aws_of(instance)}
    rates: dict[str, list[float]] = {name: [] for name in wires}
    first = 0
    for _ in range(args.rounds):
        for name, make in wires.items():
            numbers = range(first, first + args.n)
            requests = [make(instance, number * loads.SPREAD % loads.NUMBERS) for number in numbers]
            first += args.n
            rates[name].append(asyncio.run(blast(args.http, requests, args.c)))
    ratios = [aws / own for own, aws in zip(rates["native"], rates["aws"], strict=True)]
    return {
        "c": args.c,
        **{f"{name}_s": round(statistics.median(found)) for name, found in rates.items()},
        "ratio": round(statistics.median(ratios), 3),
        "ratios": [round(one, 3) for one in ratios],
    }


def main() -> int:
    args = options()
    with (
        tempfile.TemporaryDirectory(prefix="aws-wire-") as folder,
        running(setup_of(args), Path(folder), refuse=True) as instance,
    ):
        result = compare(args, instance)
    print(json.dumps(result), flush=True)
    return 0 if result["ratio"] >= ALLOWED else 1


if __name__ == "__main__":
    lib.run(main)
