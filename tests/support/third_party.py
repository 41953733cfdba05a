"""smpplib as an ESME: somebody else's code on the other side of the wire. It blocks, so it runs in a thread."""

from __future__ import annotations

import smpplib.client

SECRET = "secret"


class SmpplibEsme:
    """Call its methods through ``asyncio.to_thread``. A socket silent for ten seconds raises."""

    def __init__(self, port: int) -> None:
        self.answers = []
        self.delivered = []
        self._client = smpplib.client.Client("127.0.0.1", port, timeout=10, allow_unknown_opt_params=True)
        self._client.set_message_sent_handler(self._answered)
        self._client.set_message_received_handler(self._delivered)

    def _answered(self, pdu) -> None:
        self.answers.append(pdu)

    def _delivered(self, pdu) -> None:
        self.delivered.append(pdu)

    def bind(self, system_id: str = "smpplib", password: str = SECRET) -> None:
        self._client.connect()
        self._client.bind_transceiver(system_id=system_id, password=password)

    def submit(self, destination: str, text: bytes, **fields) -> None:
        self._client.send_message(
            source_addr_ton=1,
            source_addr_npi=1,
            source_addr="15550100",
            dest_addr_ton=1,
            dest_addr_npi=1,
            destination_addr=destination,
            short_message=text,
            registered_delivery=True,
            **fields,
        )

    def read_until(self, condition) -> None:
        while not condition():
            self._client.read_once(auto_send_enquire_link=False)

    def close(self) -> None:
        self._client.unbind()
        self._client.disconnect()
