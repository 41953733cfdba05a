"""What a text would cost, before it is sent."""

from __future__ import annotations

from pydantic import Field

from carriers import text
from gateway.api.rest.endpoint import Call, Endpoint
from gateway.api.rest.fields import Answer, NoQuery, Request
from gateway.api.rest.message_models import Body  # noqa: TC001 -- pydantic reads annotations at run time
from gateway.errors import Invalid


class PreviewRequest(Request):
    """A text to look at."""

    body: Body


class ForcingCharacter(Answer):
    """A character that the GSM 7-bit alphabet lacks."""

    character: str
    position: int = Field(description="In characters from the beginning, from 0.")


class Replacement(Answer):
    original: str
    replacement: str


class SubstitutionOffer(Answer):
    """The same text in look-alike characters; sent only when a message asks for it (``substitute``)."""

    body: str
    encoding: str
    parts: int
    replaced: list[Replacement]


class PreviewAnswer(Answer):
    """How a text becomes parts at a connector with the usual settings."""

    encoding: str = Field(description="GSM7 or UCS2.")
    units: int = Field(description="Septets of GSM7, or 16-bit units of UCS2.")
    units_per_part: int
    parts: int
    forcing: list[ForcingCharacter] = Field(description="What forces UCS2.")
    substitution: SubstitutionOffer | None = Field(description="Only one that saves a part.")


async def preview(call: Call[NoQuery, PreviewRequest]) -> PreviewAnswer:
    try:
        found = text.preview(call.body.body)
    except text.TextError as error:
        raise Invalid(error.code, str(error), field="body", remedy="Shorten or correct the text.") from error
    return PreviewAnswer(
        encoding=found.encoding.value,
        units=found.units,
        units_per_part=found.units_per_part,
        parts=found.parts,
        forcing=[ForcingCharacter(character=one.character, position=one.position) for one in found.forcing],
        substitution=_offer(found.substitution) if found.substitution else None,
    )


def _offer(found: text.Substitution) -> SubstitutionOffer:
    replaced = [Replacement(original=was, replacement=now) for was, now in found.replaced]
    return SubstitutionOffer(body=found.text, encoding=found.encoding.value, parts=found.parts, replaced=replaced)


ENDPOINTS = (
    Endpoint(
        method="POST", path="/v1/preview", scope="send", tag="Messages", summary="What a text would cost",
        handle=preview, body=PreviewRequest, answer=PreviewAnswer,
        note="Encoding, units and parts, the characters that force UCS2, and the substitution that would save a part.",
    ),
)  # fmt: skip
