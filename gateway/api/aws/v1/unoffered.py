"""What is not offered of the two services, and what does the same here.

``MethodNotAllowedException`` is the one error by which a client can tell this from a mistake of its own: all operations
of ``pinpoint`` declare it, save those on tags, which declare none.
"""

from __future__ import annotations

from gateway.api.aws.errors import AwsError

# A part of an operation's name -> what to do in its place; the first that fits.
_INSTEAD = (
    ("Tag", "Tag numbers, pools and other resources with pinpoint-sms-voice-v2."),
    ("Template", "Keep the words in your app, and send them as the Body of SendMessages."),
    ("SmsChannel", "Numbers, sender IDs and pools are set with pinpoint-sms-voice-v2."),
    ("Channel", "This server sends SMS only."),
    ("InApp", "This server sends SMS only."),
    ("ApplicationSettings", "Limits and defaults are set with pinpoint-sms-voice-v2."),
    ("DateRangeKpi", "Count what PutEventStream or an event destination of pinpoint-sms-voice-v2 tells."),
    ("PutEvents", "This server takes no events of apps."),
    ("App", "Applications are not kept: any ApplicationId is taken."),
)
_ENGAGEMENT = "Keep people and campaigns in your app, and name the numbers in Addresses of SendMessages."


def not_offered(operation: str) -> AwsError:
    """The error for an operation that this server does not have."""
    instead = next((words for part, words in _INSTEAD if part in operation), _ENGAGEMENT)
    return AwsError("MethodNotAllowedException", 405, Message=f"{operation} is not offered here. {instead}")
