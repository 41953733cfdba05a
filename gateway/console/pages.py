"""Pages: templates filled in, and the headers that every answer of the console carries.

The content security policy lets in our own stylesheet and script and nothing inline: the words of strangers stand on
these pages (https://developer.mozilla.org/docs/Web/HTTP/Guides/CSP).
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, urlsplit

import phonenumbers
from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from phonenumbers import NumberParseException, PhoneNumberFormat

from gateway.console import gate, words
from gateway.resources import reviews
from gateway.store.times import from_micros, from_millionths, iso

PAGES: web.AppKey[Environment] = web.AppKey("pages", Environment)
TEMPLATES = Path(__file__).parent / "templates"

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_YEAR = 365 * 24 * 3600
_MOST_COUNTED = 99
_E164 = re.compile(r"\+[0-9]{6,15}")


def environment() -> Environment:
    """Where the templates live. Everything is escaped, and a name that is missing fails rather than shows nothing."""
    pages = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= {
        "clock": clock, "iso": iso, "phone": phone, "is_phone": is_phone, "segment": segment, "host": host,
        "money": money, "actor": words.actor, "sentence": sentence,
    }  # fmt: skip
    pages.globals["words"] = words
    return pages


async def show(
    request: web.Request, template: str, *, section: str, status: int = 200, **values: object
) -> web.Response:
    """A page for somebody who is signed in. ``section`` is the room that the navigation marks."""
    given = gate.services(request)
    who = gate.session(request)
    waiting = await reviews.find(given.desk, account_id=who.staff.account_id, limit=_MOST_COUNTED + 1)
    count = len(waiting.items)
    return render(
        request, template, status=status, section=section, who=who, csrf=who.csrf, may_change=gate.may_change(who),
        waiting=f"{_MOST_COUNTED}+" if count > _MOST_COUNTED else str(count or ""), **values,
    )  # fmt: skip


def render(request: web.Request, template: str, *, status: int = 200, **values: object) -> web.Response:
    """A template filled in, for anybody."""
    page = request.app[PAGES].get_template(template)
    text = page.render(**{"who": None, "section": "", "waiting": "", "csrf": "", "may_change": False} | values)
    return web.Response(text=text, status=status, content_type="text/html")


def see_other(address: str) -> web.Response:
    """After a form: go and look (RFC 9110 section 15.4.4)."""
    return web.Response(status=303, headers={"Location": address})


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
    # The stylesheet, script and logo may be kept, and are asked for again with their ETag.
    is_file = request.path.startswith("/console/static/")
    response.headers["Cache-Control"] = "no-cache" if is_file else "no-store"
    if gate.services(request).settings.secure_cookies:
        response.headers["Strict-Transport-Security"] = f"max-age={_YEAR}"


def clock(micros: int) -> str:
    """A time as staff read it: "5 Nov 2026, 14:03:22 UTC"."""
    at = from_micros(micros)
    return f"{at.day} {at:%b %Y, %H:%M:%S} UTC"


def sentence(text: str) -> str:
    """Words of the record, beginning as a sentence does: "keyword STOP" is "Keyword STOP"."""
    return text[:1].upper() + text[1:]


def is_phone(text: str) -> bool:
    """Whether it can be a person's number, so that there is a page about them."""
    return _E164.fullmatch(text) is not None


def phone(text: str) -> str:
    """A number as people read it: "+1 206-555-0142". Short codes and names stay as they are."""
    if not is_phone(text):
        return text
    try:
        return phonenumbers.format_number(phonenumbers.parse(text, None), PhoneNumberFormat.INTERNATIONAL)
    except NumberParseException:
        return text


def segment(text: str) -> str:
    """A value as one segment of an address, or as a value in its query."""
    return quote(text, safe="")


def host(source: str) -> str:
    """The host of a link, to show in its stead; "" for what is no link to the web."""
    parts = urlsplit(source)
    return parts.netloc if parts.scheme in {"http", "https"} else ""


def money(millionths: int) -> str:
    """An amount as staff read it: "US$ 0.0075"."""
    amount = f"{from_millionths(millionths):f}"
    return f"US$ {amount.rstrip('0').rstrip('.') or '0'}"
