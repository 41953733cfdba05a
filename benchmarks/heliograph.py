"""Heliograph as the gateway to measure: prepares a database, starts `heliograph serve`, measures, stops it.

python heliograph.py -n 50000                        receipts and webhook events on
python heliograph.py --duration 30 --repeat 3        the figures that must hold
python heliograph.py --serve --dir DIR --http 8080   only run it, against a running simulator; for kill_test.py
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import benchlib as lib

ROOT = Path(__file__).resolve().parent.parent
KEY_FILE = "bench.key"
ITEM = '{"to":"+4479{}","body":"Hello this is a benchmark message"}'


async def prepare(folder: Path, smpp: int, sink: int, window: int, batch: int, *, events: bool) -> str:
    """An instance with one connector, one number, one route, a webhook and a key; gives the key's secret."""
    sys.path.insert(0, str(ROOT))
    from gateway.app import now_micros
    from gateway.config import Settings
    from gateway.model import DEFAULT_ACCOUNT, IdentityKind
    from gateway.quickstart import validate
    from gateway.resources import accounts, api_keys, connectors, event_destinations, phone_numbers, routes
    from gateway.resources.catalog import Catalog
    from gateway.resources.desk import Desk
    from gateway.store import migrate
    from gateway.store.secrets import Vault
    from gateway.store.store import Store

    settings = Settings(data_dir=folder)
    await migrate.upgrade(settings.database)
    store = Store(settings.database)
    store.start()
    desk = Desk(store, Vault.of(settings), await Catalog.load(store))
    now, whose = now_micros(), {"account_id": DEFAULT_ACCOUNT}
    await accounts.ensure_default(desk, now)
    smsc = {"host": "127.0.0.1", "port": smpp, "system_id": "bench", "password": "bench", "window": window}
    await connectors.create(desk, connector_id="bench", kind="smpp", settings=smsc, validate=validate, now=now)
    await phone_numbers.create(
        desk, **whose, number="+447700900123", kind=IdentityKind.LONG_CODE, country="GB", now=now
    )
    await routes.create(desk, **whose, connectors=["bench"], now=now)
    if events:
        target = f"http://127.0.0.1:{sink}/"
        await event_destinations.create(
            desk, **whose, kind="webhook", target=target, types=["message.delivered"], batch_size=batch, now=now
        )
    _, secret = await api_keys.create(desk, **whose, name="bench", scopes=["send", "read"], now=now)
    await store.close()
    (folder / KEY_FILE).write_text(secret)
    return secret


class Heliograph:
    """`heliograph serve` on a folder of its own."""

    def __init__(self, folder: Path, http: int) -> None:
        self.folder, self.http = folder, http
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        settings = {
            "HELIOGRAPH_DATA_DIR": str(self.folder), "HELIOGRAPH_PORT": str(self.http), "HELIOGRAPH_SIMULATOR": "false",
            "HELIOGRAPH_ALLOW_PRIVATE_WEBHOOKS": "true", "HELIOGRAPH_LOG_LEVEL": "WARNING",
        }  # fmt: skip
        log = (self.folder / "serve.log").open("a")
        command = [sys.executable, "-m", "gateway", "serve"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=os.environ | settings, stdout=log, stderr=log)

        def up() -> bool:
            if self.process is None or self.process.poll() is not None:
                raise lib.BenchError(f"heliograph ended at once: see {self.folder}/serve.log")
            try:
                lib.get(f"http://127.0.0.1:{self.http}/readyz", timeout=2)
            except OSError:
                return False
            return True

        lib.wait_until(up, 60, "heliograph")

    @property
    def pids(self) -> list[int]:
        return [self.process.pid] if self.process else []

    def stop(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    lib.add_gateway_options(parser, described=False)
    lib.add_measure_options(parser)
    lib.add_smsc_options(parser)
    parser.add_argument("--http", type=int, default=8089, help="HTTP port (8089)")
    parser.add_argument("--window", type=int, default=300, help="submits without response (300)")
    parser.add_argument("--events-batch", type=int, default=100, help="webhook events in one request (100)")
    parser.add_argument("--no-receipts", action="store_true", help="no receipts and no webhook")
    parser.add_argument("--batch", type=int, default=1, help="messages per request (1)")
    parser.add_argument("--smsc-rate", type=float, default=0, help="submits a second that the SMSC takes (all)")
    parser.add_argument("--no-drain", action="store_true", help="do not wait until what was accepted came through")
    parser.add_argument("--serve", action="store_true", help="only run it, until stopped")
    parser.add_argument("--dir", type=Path, help="folder of the database, which outlives the program (a temporary one)")
    args = parser.parse_args()
    args.port, args.item, args.header = args.http, None, []
    return args


def with_request(args: argparse.Namespace, secret: str) -> argparse.Namespace:
    """How the load generator sends to us."""
    args.header = [f"Authorization: Bearer {secret}"]
    args.url, args.body = "/v1/messages", ITEM
    if args.batch > 1:
        args.url, args.body, args.item = "/v1/messages/batch", '{"messages":[%s]}', ITEM
    return args


def bench(args: argparse.Namespace, folder: Path) -> None:
    receipts = not args.no_receipts
    smsc = lib.Smsc.start(args.smpp, args.sink, args.ctl)
    secret = asyncio.run(prepare(folder, args.smpp, args.sink, args.window, args.events_batch, events=receipts))
    gateway = Heliograph(folder, args.http)
    try:
        gateway.start()
        lib.wait_until(lambda: smsc.stats()["smpp_conns"], 20, "the bind")
        if args.no_drain:
            args.warm_up, args.idle, args.drain = 0, 0.1, 0.1
        smsc.set(rate=args.smsc_rate, resp_ms=0, dlr=int(receipts), dlr_ms=500, dlr_win=100, refuse=0)
        label = f"heliograph sqlite{' receipts' if receipts else ''}{f' batch {args.batch}' if args.batch > 1 else ''}"
        with_request(args, secret)
        lib.repeat(lambda: lib.measure(args, smsc, gateway.pids, folder / "accepted", label=label,
                                       callbacks=receipts, receipts=receipts), args.repeat)  # fmt: skip
    finally:
        gateway.stop()
        smsc.stop()


def serve(args: argparse.Namespace, folder: Path) -> None:
    if not (folder / KEY_FILE).exists():
        asyncio.run(prepare(folder, args.smpp, args.sink, args.window, args.events_batch, events=True))
    gateway = Heliograph(folder, args.http)
    try:
        gateway.start()
        while gateway.process and gateway.process.poll() is None:
            time.sleep(0.2)
    finally:
        gateway.stop()


def main() -> None:
    args = options()
    lib.stop_on_sigterm()
    run = serve if args.serve else bench
    if args.dir:
        args.dir.mkdir(parents=True, exist_ok=True)
        run(args, args.dir.resolve())
        return
    with tempfile.TemporaryDirectory(prefix="heliograph-") as folder:
        run(args, Path(folder))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except lib.BenchError as error:
        sys.exit(f"{sys.argv[0]}: {error}")
