"""The rooms of the console and their addresses."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from gateway.console import (
    gate,
    handsets,
    messages,
    opt_outs,
    pages,
    people,
    problems,
    registrations,
    reviews,
    sign_in,
)

HOME = "/console/messages"
STATIC = Path(__file__).parent / "static"


def add_console(app: web.Application) -> None:
    """Add the console under ``/console``, and a redirect to it from ``/``.

    ``app`` must hold ``SERVICES`` before it serves.
    """
    app.router.add_get("/", to_home)
    app.add_subapp("/console", _console())


async def to_home(_request: web.Request) -> web.Response:
    return web.Response(status=303, headers={"Location": HOME})


def _console() -> web.Application:
    console = web.Application(middlewares=[problems.problems, gate.gate])
    console[pages.PAGES] = pages.environment()
    console[handsets.STREAMS] = handsets.Streams()
    console.on_response_prepare.append(pages.add_headers)
    console.on_shutdown.append(handsets.close_streams)
    console.router.add_static("/static", STATIC)
    console.add_routes(
        [
            web.get("", to_home),
            web.get("/", to_home),
            web.get("/sign-in", sign_in.form),
            web.post("/sign-in", sign_in.sign_in),
            web.post("/sign-out", sign_in.sign_out),
            web.get("/messages", messages.index),
            web.get("/messages/{id}", messages.show),
            web.post("/messages/{id}/cancel", messages.cancel),
            web.get("/people/{number}", people.show),
            web.get("/opt-outs", opt_outs.index),
            web.get("/opt-outs/add", opt_outs.add_form),
            web.post("/opt-outs/add", opt_outs.add),
            web.get("/opt-outs/lift", opt_outs.lift_form),
            web.post("/opt-outs/lift", opt_outs.lift),
            web.get("/reviews", reviews.index),
            web.post("/reviews/{id}", reviews.close),
            web.get("/registrations", registrations.index),
            web.get("/registrations/{id}", registrations.show),
            web.post("/registrations/{id}", registrations.decide),
            web.get("/registrations/attachments/{id}", registrations.attachment),
            web.get("/handsets", handsets.index),
            web.post("/handsets/reply", handsets.reply),
            web.get("/handsets/stream", handsets.stream),
        ]
    )
    return console
