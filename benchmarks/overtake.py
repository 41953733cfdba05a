"""How long does an OTP take to leave while a million promotions wait for the same connector?

The promotions are accepted while the SMSC lets no one in, so that all of them wait. Then it does, and the connector
sends at its own rate (--connector-rate), as at a carrier that allows so much; OTPs are sent one by one, and each is
followed through the API until it is submitted. Ends with status 1 when one took a second or longer.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import benchlib as lib
import loads
from instance import add_setup_options, running, setup_of
from processes import Watch
from smscctl import add_smsc_options

if TYPE_CHECKING:
    from instance import Instance

PROMOTION = f'{{"to":"{loads.PERSON}{{}}","body":"Only today: 20 % off everything","message_type":"PROMOTIONAL"}}'
ALLOWED = 1.0  # seconds from accepted to submitted
PATIENCE = 60.0  # seconds after which an OTP counts as not submitted
PAUSE = 0.5  # seconds between two OTPs


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_smsc_options(parser)
    add_setup_options(parser)
    parser.add_argument("-n", type=int, default=1_000_000, help="promotions (1000000)")
    parser.add_argument("--otps", type=int, default=20, help="OTPs (20)")
    parser.add_argument("--limit", type=float, default=1800, help="seconds that filling the queue may take (1800)")
    parser.set_defaults(no_receipts=True, connector_rate=100.0)
    return parser.parse_args()


def fill(args: argparse.Namespace, instance: Instance, folder: Path) -> dict[str, Any]:
    """Has the promotions accepted, a thousand in a request."""
    args.port, args.url, args.c, args.batch, args.rate = args.http, "/v1/messages/batch", 4, 1000, 0
    args.body, args.item, args.spread = '{"messages":[%s]}', PROMOTION, loads.SPREAD
    args.header = [f"{name}: {value}" for name, value in instance.headers.items()]
    command = loads.load_command(args, loads.next_first(args.n), folder / "accepted", args.n)
    load = loads.finish_load(loads.begin_load(command))
    if load["ok"] < args.n:
        raise lib.BenchError(f"only {load['ok']:,} of {args.n:,} promotions were accepted: {load['first_bad']}")
    return load


def send_otp(instance: Instance, number: int) -> float:
    """Seconds from accepted to submitted, by the gateway's own record; PATIENCE when it was not submitted."""
    url = f"{instance.gateway.url}/v1/messages"
    otp = {"to": f"{loads.PERSON}{number:08d}", "body": f"Your code is {number % 1_000_000:06d}"}
    message = lib.post(url, otp | {"message_type": "TRANSACTIONAL"}, instance.headers)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        known = json.loads(lib.get(f"{url}/{message['id']}", instance.headers))
        if known["submitted_at"]:
            return (_moment(known["submitted_at"]) - _moment(known["created_at"])).total_seconds()
        time.sleep(0.05)
    return PATIENCE


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def overtake(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    setup = setup_of(args, smsc_seconds=args.limit + 3600)
    with running(setup, folder, refuse=True) as instance, Watch(instance.gateway.pids, instance.servers) as watch:
        load = fill(args, instance, folder)
        instance.smsc.set(refuse=0, dlr=0)
        lib.wait_until(lambda: instance.smsc.stats()["submits"], 120, "the first promotion")
        waited = []
        for number in range(args.otps):
            waited.append(send_otp(instance, number))
            time.sleep(PAUSE)
        submitted = instance.smsc.stats()["submits"]
    return {
        "label": f"heliograph {setup.store}, OTPs over {args.n:,} promotions",
        "queued": load["ok"],
        "queued_at_end": load["ok"] + args.otps - submitted,
        "fill_http_s": load["ok_per_s"],
        "connector_rate": args.connector_rate,
        "otps": args.otps,
        "otp_p50_s": round(statistics.median(waited), 3),
        "otp_max_s": round(max(waited), 3),
        "otp_s": [round(one, 3) for one in waited],
        "peak_rss_mb": round(watch.gateway.peak_kb / 1024, 1),
        "largest_rss_mb": round(watch.gateway.largest_kb / 1024, 1),
    }


def main() -> int:
    args = options()
    with tempfile.TemporaryDirectory(prefix="overtake-") as folder:
        result = overtake(args, Path(folder))
    print(json.dumps(result), flush=True)
    return 0 if result["otp_max_s"] < ALLOWED else 1


if __name__ == "__main__":
    lib.run(main)
