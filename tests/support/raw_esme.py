"""An ESME that asks an SMSC whatever a test wants, and acknowledges a deliver_sm only as it is told to."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

from carriers.smpp.fields import RESP, Command
from carriers.smpp.pdu import Pdu, build, parse, response_to

WITHIN = 10  # seconds until a test that waits has failed


class RawEsme:
    """``arrived`` keeps every PDU in the order it came. ``ack`` is the status to answer deliver_sm with, or None."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ack: int | None) -> None:
        self.ack = ack
        self.arrived: list[Pdu] = []
        self.closed = False
        self._reader = reader
        self._writer = writer
        self._sequence = 0
        self._moved = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            while True:
                head = await self._reader.readexactly(4)
                pdu = parse(head + await self._reader.readexactly(int.from_bytes(head) - 4))
                self.arrived.append(pdu)
                if pdu.command_id == Command.DELIVER_SM and self.ack is not None:
                    self.write(response_to(pdu, self.ack))
                self._moved.set()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.closed = True
            self._moved.set()

    def write(self, pdu: Pdu) -> None:
        self._writer.write(build(pdu))

    def send(self, command: int, tlvs=(), **body) -> int:
        """Send a request and wait for nothing. Returns its sequence number."""
        self._sequence += 1
        self.write(Pdu(command, 0, self._sequence, body, tuple(tlvs)))
        return self._sequence

    async def ask(self, command: int, tlvs=(), **body) -> Pdu:
        """Send a request and wait for its answer."""
        number = self.send(command, tlvs, **body)
        found = await self.until(lambda: [pdu for pdu in self.arrived if pdu.is_response and pdu.sequence == number])
        return found[0]

    async def submit(self, destination: bytes = b"447700900123", text: bytes = b"hello", tlvs=(), **body) -> Pdu:
        return await self.ask(Command.SUBMIT_SM, tlvs, **submit_body(destination, text, **body))

    async def until(self, condition):
        """What ``condition`` gives, once that is true."""
        async with asyncio.timeout(WITHIN):
            while not (found := condition()):
                self._moved.clear()
                await self._moved.wait()
            return found

    async def deliveries(self, count: int) -> list[Pdu]:
        """All deliver_sm so far, at least so many."""
        return await self.until(lambda: found if len(found := self.delivered()) >= count else None)

    def delivered(self) -> list[Pdu]:
        return [pdu for pdu in self.arrived if pdu.command_id == Command.DELIVER_SM]

    async def close(self) -> None:
        self._writer.close()
        await asyncio.wait([self._reading])


def submit_body(destination: bytes = b"447700900123", text: bytes = b"hello", **changes):
    return {
        "source_addr_ton": 1,
        "source_addr_npi": 1,
        "source_addr": b"15550100",
        "dest_addr_ton": 1,
        "dest_addr_npi": 1,
        "destination_addr": destination,
        "registered_delivery": 1,
        "short_message": text,
        **changes,
    }


@asynccontextmanager
async def raw_esme(port: int, bind: int = Command.BIND_TRANSCEIVER, ack: int | None = 0, **fields):
    """Connected; and bound, unless ``bind`` is 0. The connection is cut at the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    esme = RawEsme(reader, writer, ack)
    try:
        if bind:
            answer = await esme.ask(bind, **{"system_id": b"esme", "password": b"secret", **fields})
            assert (answer.command_id, answer.status) == (bind | RESP, 0)
        yield esme
    finally:
        await esme.close()
