"""Registrations that wait for a decision: staff read the form and its files, and approve or deny with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aiohttp import web

from gateway.console import forms, gate, pages, words
from gateway.errors import Conflict, Invalid
from gateway.resources import registration_associations, registration_attachments, registration_types, registrations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.resources.registration_attachments import Attachment
    from gateway.resources.registration_types import Answer, RegistrationType
    from gateway.resources.registrations import Version

SECTION = "registrations"
_ENDINGS = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png"}


class Row(NamedTuple):
    """A field of the form as it was filled in, beside what the version before said."""

    title: str
    answer: Answer
    before: Answer | None  # None: the same, or there was none
    attachment: Attachment | None


class Part(NamedTuple):
    """A section of the form."""

    title: str
    rows: Sequence[Row]


async def index(request: web.Request) -> web.Response:
    given, who = gate.services(request), gate.session(request).staff
    found = await registrations.waiting(given.desk, account_id=who.account_id)
    return await pages.show(
        request, "registrations.html", section=SECTION, found=found, types=registration_types.types(),
        notice=words.NOTICES.get(forms.typed(request, "done"), ""),
    )  # fmt: skip


async def show(request: web.Request) -> web.Response:
    return await _form(request)


async def decide(request: web.Request) -> web.Response:
    given, who = gate.services(request), gate.session(request).staff
    asked = await forms.read(request)
    outcome = asked.get("outcome", "")
    try:
        await registrations.decide(
            given.desk, account_id=who.account_id, registration_id=request.match_info["id"], outcome=outcome,
            actor=gate.actor(request), reason=forms.reason(asked), now=given.now(),
        )  # fmt: skip
    except (Invalid, Conflict) as error:
        return await _form(request, status=error.status, error=forms.sentence(error))
    return pages.see_other(f"/console/registrations?done={outcome.lower()}")


async def attachment(request: web.Request) -> web.Response:
    """The file, to be saved and not shown: it comes from somebody else."""
    given, who = gate.services(request), gate.session(request).staff
    one, body = await registration_attachments.read(
        given.desk, account_id=who.account_id, attachment_id=request.match_info["id"]
    )
    if not body:
        return pages.see_other("/console/registrations")
    name = f"{one.id}.{_ENDINGS[one.content_type]}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return web.Response(body=body, content_type=one.content_type, headers=headers)


async def _form(request: web.Request, *, status: int = 200, error: str = "") -> web.Response:
    given, who = gate.services(request), gate.session(request).staff
    account_id, registration_id = who.account_id, request.match_info["id"]
    one = await registrations.get(given.desk, account_id=account_id, registration_id=registration_id)
    files = await registration_attachments.find(given.desk, account_id=account_id)
    kind = registration_types.of(one.kind)
    return await pages.show(
        request, "registration.html", section=SECTION, status=status, one=one, kind=kind, error=error,
        parts_of_form=_parts(kind, one.versions, {each.id: each for each in files}),
        associations=await registration_associations.find(
            given.desk, account_id=account_id, registration_id=registration_id
        ),
    )  # fmt: skip


def _parts(kind: RegistrationType, versions: Sequence[Version], files: dict[str, Attachment]) -> list[Part]:
    answers = versions[-1].answers
    before = versions[-2].answers if len(versions) > 1 else answers
    return [
        Part(
            section.title,
            [
                Row(asked.title, answers[path], _changed(before.get(path), answers[path]), _file(answers[path], files))
                for path, asked in kind.fields.items()
                if path in answers and path.startswith(f"{section.path}.")
            ],
        )
        for section in kind.sections
    ]


def _changed(before: Answer | None, now: Answer) -> Answer | None:
    return before if before != now else None


def _file(answer: Answer, files: dict[str, Attachment]) -> Attachment | None:
    return files.get(answer.attachment_id)
