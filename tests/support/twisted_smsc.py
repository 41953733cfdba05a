"""An SMSC of other hands: smpp.twisted3's server, as a program. Nothing of ours is imported.

Run as ``python twisted_smsc.py PORT``. It answers each submit_sm with an id, then sends the receipt that the message was
delivered; a text that ends with a question mark is answered by its handset.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from itertools import count

from smpp.pdu.operations import DeliverSM
from smpp.pdu.pdu_types import (
    AddrNpi,
    AddrTon,
    CommandStatus,
    EsmClass,
    EsmClassMode,
    EsmClassType,
)
from smpp.twisted.config import SMPPServerConfig
from smpp.twisted.protocol import DataHandlerResponse
from smpp.twisted.server import SMPPServerFactory
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet import defer, reactor

ACCOUNT, PASSWORD = "esme", "secret"
REPLY = b"Yes, at 5"
_ids = count(1)


class Realm:
    """Lets in whoever the password checker let in."""

    def requestAvatar(self, avatar_id, mind, *interfaces):  # noqa: N802, ARG002 -- twisted.cred's interface
        return interfaces[0], avatar_id, lambda: None


def deliver(link, source, destination, text, esm_type):
    link.sendDataRequest(
        DeliverSM(
            source_addr_ton=AddrTon.INTERNATIONAL,
            source_addr_npi=AddrNpi.ISDN,
            source_addr=source,
            dest_addr_ton=AddrTon.INTERNATIONAL,
            dest_addr_npi=AddrNpi.ISDN,
            destination_addr=destination,
            esm_class=EsmClass(EsmClassMode.DEFAULT, esm_type),
            short_message=text,
        )
    )


def receipt(message_id, text):
    """SMPP 3.4 appendix B."""
    now = datetime.now(UTC).strftime("%y%m%d%H%M").encode()
    return (
        b"id:%b sub:001 dlvrd:001 submit date:%b done date:%b stat:DELIVRD err:000 text:%b"
        % (message_id, now, now, text[:20])
    )  # fmt: skip


def submitted(_system_id, link, pdu):
    """What the server calls for each submit_sm; the deliveries leave behind the answer."""
    message_id = b"twisted-%d" % next(_ids)
    ours, handset, text = (pdu.params[name] for name in ("source_addr", "destination_addr", "short_message"))
    reactor.callLater(0.01, deliver, link, handset, ours, receipt(message_id, text), EsmClassType.SMSC_DELIVERY_RECEIPT)
    if text.endswith(b"?"):
        reactor.callLater(0.02, deliver, link, handset, ours, REPLY, EsmClassType.DEFAULT)
    return defer.succeed(DataHandlerResponse(CommandStatus.ESME_ROK, message_id=message_id))


def main(port):
    checker = InMemoryUsernamePasswordDatabaseDontUse()
    checker.addUser(ACCOUNT, PASSWORD)
    portal = Portal(Realm(), [checker])
    config = SMPPServerConfig(msgHandler=submitted, systems={ACCOUNT: {"max_bindings": 2}})
    reactor.listenTCP(port, SMPPServerFactory(config, portal), interface="127.0.0.1")
    print("listening", flush=True)  # noqa: T201 -- whoever started it waits for this
    reactor.run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
