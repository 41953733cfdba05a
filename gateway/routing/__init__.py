"""Which origination identity a text leaves from, and by which connectors: a pure choice, with its reasons.

Rule 1: an identity that the request names is used, also across countries; only its type and state must fit. (Pinpoint
did so too: a number refused for Canada inside its pool sends there when named; department-of-veterans-affairs
notification-api pull request 2633.)
Rule 2: otherwise, inside the named pool or over the whole account, the identity must be of the destination's country,
or be one for other countries too (AWS: InternationalSendingEnabled); those go after all that are of the country.
The order is the one of AWS End User Messaging (sms-voice user guide, "pools"): sticky, short code, 10DLC, long code,
toll-free, sender ID. Sender IDs of the country go before those of every country; simulator numbers go last, and only
to simulator destinations.
Rule 3: among equals the load is shared by a hash of the destination, so that one person keeps one sender, also when
other senders come and go.
Rule 4: the first route that fits a text takes it. Its connectors that are up come first, in the route's order; a text
whose connectors are all down goes another way if there is one, else it waits for them.
"""

from __future__ import annotations

from gateway.routing.choice import Choice, NoChoice, choose
from gateway.routing.directory import Directory, PassedOver, Wish

__all__ = ["Choice", "Directory", "NoChoice", "PassedOver", "Wish", "choose"]
