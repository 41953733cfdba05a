"""The text of a message to one address, its variables put in. Pure.

Rule 1: BodyOverride of the address is before the Body of SMSMessage, which is before that of DefaultMessage.
Rule 2: "{{name}}" is a variable. Its value is the first of those that Substitutions give it: of the address, then of
SMSMessage, then of DefaultMessage. One without a value fails the message, as at AWS
(https://docs.aws.amazon.com/pinpoint/latest/apireference/apps-application-id-messages.html).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gateway.errors import Invalid
from gateway.outbound.request import MAX_BODY

if TYPE_CHECKING:
    from collections.abc import Mapping

_VARIABLE = re.compile(r"\{\{\s*([^{}\s]+)\s*\}\}")


def body_of(configuration: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """The text for an address with these settings (AddressConfiguration).

    Raises:
        Invalid: there is none, it is too long, or a variable has no value.
    """
    sources = [configuration.get("DefaultMessage", {}), configuration.get("SMSMessage", {}), settings]
    bodies = [settings.get("BodyOverride"), sources[1].get("Body"), sources[0].get("Body")]
    body = next((one for one in bodies if one), None)
    if body is None:
        raise Invalid("empty", "The text is empty.", remedy="Give SMSMessage a Body.")
    variables = {name: values for source in sources for name, values in source.get("Substitutions", {}).items()}
    return _VARIABLE.sub(lambda found: _value(variables, found[1]), _short(body))


def _value(variables: Mapping[str, list[str]], name: str) -> str:
    if not (values := variables.get(name)):
        raise Invalid("variable_missing", "A variable of the text has no value.", remedy="Add it to Substitutions.")
    return _short(values[0])


def _short(text: str) -> str:
    """Looked at before variables are put in, so that nobody can make much of little. Raises Invalid."""
    if len(text) > MAX_BODY:
        raise Invalid("too_long", f"The text has more than {MAX_BODY} characters.", remedy="Shorten it.")
    return text
