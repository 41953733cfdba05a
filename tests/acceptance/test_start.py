"""Starting again after the worst, and serving from a disk that will not take any more: refuse, lose nothing, recover."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import shutil
import signal
import socket
import subprocess
from collections import Counter

import pytest

from tests.support.service import NUMBER, Service, eventually, smsc

pytestmark = [pytest.mark.xdist_group("acceptance"), pytest.mark.timeout(300)]

HANDSET = "+12065550142"
SIZE = "24m"
IN_A_ROW = 10


class Disk:
    """A small file system of its own, in memory."""

    def __init__(self, place) -> None:
        self.place = place
        self.ballast = place / "ballast"

    def mount(self) -> None:
        found = shutil.which("mount") and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", self.place],
            capture_output=True,
            text=True,
            check=False,
        )
        if not found or found.returncode:
            pytest.skip(f"no file system may be mounted here: {found.stderr.strip() if found else 'no mount'}")

    def remount(self, mode: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{mode}", self.place], check=True)

    def unmount(self) -> None:
        subprocess.run(["umount", "--lazy", self.place], check=False)

    def fill(self) -> None:
        """Until not one octet more has room."""
        block = b"\0" * 65536
        with contextlib.suppress(OSError), self.ballast.open("ab", buffering=0) as file:
            while True:
                file.write(block)

    def free(self) -> None:
        self.ballast.unlink()


@pytest.fixture
def disk(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    one = Disk(place)
    one.mount()
    yield one
    one.unmount()


@pytest.fixture
async def stopped(tmp_path):
    """A service that is not started yet."""
    one = Service(tmp_path / "data", tmp_path / "serve.log")
    yield one
    await one.close()


@pytest.fixture
async def on_disk(disk):
    """A service whose data and log are on the small disk; not started yet."""
    one = Service(disk.place / "data", disk.place / "serve.log")
    yield one
    await one.close()


async def send_until_refused(served: Service) -> list[str]:
    """Send until the disk is full: refused so often in a row that no gap is left. Gives what was accepted."""
    accepted: list[str] = []
    refused = 0
    for number in range(20_000):
        answer = await served.send(f"+1206{2_000_000 + number}", f"ref{number:05d}")
        if answer.status == 202:
            accepted.append(f"ref{number:05d}")
            refused = 0
            continue
        assert_refused(answer)
        refused += 1
        if refused == IN_A_ROW:
            return accepted
    raise AssertionError("the disk never was full")


async def until_not_ready(served: Service) -> None:
    """The probe writes less than a send does, so it may find room a little longer."""

    async def is_unready() -> bool:
        return await served.status("/readyz") == 503

    await eventually(is_unready, seconds=60, what="503 from /readyz", every=0.2)
    assert await served.status("/healthz") == 200


def assert_refused(answer) -> None:
    assert answer.status == 503, answer.body
    assert answer.body["code"] == "store_unavailable"
    assert "Nothing was accepted" in answer.body["remedy"]
    assert int(answer.headers["Retry-After"]) >= 1


async def until_accepted(served: Service, body: str) -> None:
    async def is_accepted() -> bool:
        return (await served.send(HANDSET, body)).status == 202

    await eventually(is_accepted, seconds=30, what="a 202", every=0.2)


def taken(carrier) -> Counter[str]:
    return Counter(row.text for row in carrier.ledger)


# --- starting again ---


async def test_it_starts_again_after_a_kill_with_the_same_key_and_messages(stopped):
    await stopped.start()
    key = stopped.key
    sent = await stopped.call("POST", "/v1/messages", {"to": HANDSET, "body": "Hello"})
    assert sent.status == 202
    for _ in range(2):
        await stopped.kill()
        await stopped.start()
    assert stopped.key == key
    assert (await stopped.message(sent.body["id"]))["body"] == "Hello"
    again = await stopped.call("POST", "/v1/messages", {"to": HANDSET, "body": "Hello again"})
    await stopped.until_status(again.body["id"], "DELIVERED")


async def test_what_it_prints_at_its_start_works_as_printed(stopped):
    await stopped.start()
    command = stopped.process.output[stopped.process.output.index("curl -i") :].partition("\n\n")[0]
    if not shutil.which("curl"):
        pytest.skip("no curl here")
    options = {"capture_output": True, "text": True, "check": True, "timeout": 30}
    done = await asyncio.to_thread(subprocess.run, ["sh", "-c", command], **options)
    assert done.stdout.startswith("HTTP/1.1 202")
    (message,) = (await stopped.good("GET", "/v1/messages"))["items"]
    assert f'"id":"{message["id"]}"' in done.stdout
    await stopped.until_status(message["id"], "DELIVERED")


async def test_a_terminated_service_stops_by_itself_and_starts_again(stopped):
    await stopped.start()
    await stopped.process.send(signal.SIGTERM)
    assert await stopped.process.exit_code() == 0
    await stopped.start()


async def test_a_stopping_service_answers_once_more_and_says_that_the_connection_ends(stopped):
    """A client that is not told would write its next request into a connection that is being closed."""
    await stopped.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", stopped.port)
    assert b"Connection: close" not in await asked(reader, writer)
    stopped.process.running.send_signal(signal.SIGTERM)
    await eventually(lambda: is_refused(stopped.port), what="no new connections", every=0.02)
    assert b"Connection: close" in await asked(reader, writer)
    assert await reader.read() == b""
    writer.close()
    assert await stopped.process.exit_code() == 0


async def asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """The head of the answer to a request that leaves the connection open."""
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    (length,) = (line.partition(b": ")[2] for line in head.splitlines() if line.startswith(b"Content-Length"))
    await reader.readexactly(int(length))
    return head


def is_refused(port: int) -> bool:
    with socket.socket() as knocking:
        return knocking.connect_ex(("127.0.0.1", port)) != 0


async def test_a_taken_port_is_told_with_the_setting_to_change(stopped):
    with socket.create_server(("127.0.0.1", stopped.port)):
        await stopped.launch()
        assert await stopped.process.exit_code() == 1
    assert f"Another program listens on port {stopped.port}" in stopped.process.output
    assert "Set HELIOGRAPH_PORT to a free port" in stopped.process.output
    assert "Traceback" not in stopped.process.output
    await stopped.start()


async def test_a_second_service_on_the_same_folder_shares_the_work_and_takes_it_over(stopped, tmp_path):
    await stopped.start()
    other = Service(stopped.folder, tmp_path / "other.log")
    try:
        await other.start()
        first = await other.good("POST", "/v1/messages", {"to": HANDSET, "body": "by the first one's link"})
        await stopped.until_status(first["id"], "DELIVERED")
        await stopped.kill()
        second = await other.good("POST", "/v1/messages", {"to": HANDSET, "body": "by a link of its own"})
        await other.until_status(second["id"], "DELIVERED", seconds=60)
    finally:
        await other.close()


async def test_a_folder_that_cannot_be_made_is_told_and_served_once_it_can_be(stopped):
    stopped.folder.write_text("a file stands in the way")
    await stopped.launch()
    await eventually(lambda: _says(stopped, "cannot be opened"), seconds=60, what="the reason in the log")
    assert str(stopped.folder) in stopped.process.output
    assert "Traceback" not in stopped.process.output
    assert await stopped.status("/healthz") == 200
    assert await stopped.status("/readyz") == 503
    assert_unopened(await stopped.call("POST", "/v1/messages", {"to": HANDSET, "body": "Hello"}))
    stopped.folder.unlink()
    await stopped.until_ready()
    await stopped.good("POST", "/v1/messages", {"to": HANDSET, "body": "Hello"})


def _says(served: Service, words: str) -> bool:
    assert not served.process.has_ended, served.process.output
    return words in served.process.output


def assert_unopened(answer) -> None:
    assert_refused(answer)
    assert "cannot be opened" in answer.body["detail"]


# --- a disk that takes no more ---


async def test_a_full_disk_refuses_new_sends_and_loses_none_that_it_took(on_disk, disk):
    async with smsc() as carrier:
        await on_disk.start()
        await on_disk.connect(carrier.port)
        await on_disk.until_linked()
        disk.fill()
        accepted = await send_until_refused(on_disk)
        await until_not_ready(on_disk)
        assert (await on_disk.call("GET", "/v1/messages?limit=1")).status == 200
        disk.free()
        await until_accepted(on_disk, "after")
        await eventually(lambda: taken(carrier).keys() >= {*accepted, "after"}, seconds=60, what="all accepted ones")
        await on_disk.until_ready()
        await on_disk.until_idle()
        assert max(taken(carrier).values()) == 1
        assert taken(carrier).keys() == {*accepted, "after"}, "what was refused must not leave"


async def test_receipts_and_replies_wait_at_the_carrier_while_the_disk_is_full(on_disk, disk):
    async with smsc() as carrier:
        await on_disk.start()
        await on_disk.connect(carrier.port)
        await on_disk.until_linked()
        disk.fill()
        await send_until_refused(on_disk)
        reply = asyncio.create_task(carrier.reply(HANDSET, NUMBER, "STOP"))
        await until_not_ready(on_disk)
        disk.free()
        assert (await asyncio.wait_for(reply, 60)).state == "ACKNOWLEDGED"
        assert (await on_disk.send(HANDSET, "Hello")).status == 409


async def test_a_start_on_a_full_disk_answers_503_and_goes_on_when_there_is_room(on_disk, disk):
    on_disk.log.touch()
    disk.fill()
    await on_disk.launch()
    await eventually(lambda: _answers(on_disk), seconds=60, what="an answer")
    assert await on_disk.status("/readyz") == 503
    assert_unopened(await on_disk.call("POST", "/v1/messages", {"to": HANDSET, "body": "Hello"}))
    disk.free()
    await on_disk.until_ready()
    await on_disk.good("POST", "/v1/messages", {"to": HANDSET, "body": "Hello"})


async def test_a_read_only_folder_answers_503_and_goes_on_when_it_can_be_written(disk, tmp_path):
    served = Service(disk.place / "data", tmp_path / "serve.log")
    try:
        await served.start()
        kept = await served.good("POST", "/v1/messages", {"to": HANDSET, "body": "Hello"})
        await served.until_status(kept["id"], "DELIVERED")
        await served.kill()
        disk.remount("ro")
        await served.launch()
        await eventually(lambda: _answers(served), seconds=60, what="an answer")
        assert await served.status("/readyz") == 503
        assert_unopened(await served.call("POST", "/v1/messages", {"to": HANDSET, "body": "Hello"}))
        disk.remount("rw")
        await served.until_ready()
        assert (await served.message(kept["id"]))["status"] == "DELIVERED"
        await served.good("POST", "/v1/messages", {"to": HANDSET, "body": "Hello again"})
    finally:
        await served.close()


async def _answers(served: Service) -> bool:
    assert not served.process.has_ended, served.process.output
    return await served.status("/healthz") == 200


async def test_files_that_suddenly_cannot_be_written_refuse_new_sends_and_lose_none(stopped):
    """As a disk does that turns read-only under a running service: no file grows any more, the log neither."""
    async with smsc() as carrier:
        await stopped.start()
        await stopped.connect(carrier.port)
        await stopped.until_linked()
        pid = stopped.process.running.pid
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        accepted = await send_until_refused(stopped)
        await until_not_ready(stopped)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
        await until_accepted(stopped, "after")
        await eventually(lambda: taken(carrier).keys() >= {*accepted, "after"}, seconds=60, what="all accepted ones")
        await stopped.until_idle()
        assert max(taken(carrier).values()) == 1
