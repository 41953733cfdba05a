"""Write the parts of the documents that the code knows better: settings, endpoints, events, statuses, rules, words.

``python docs/generate.py`` writes them; ``--check`` writes nothing, names what is out of date and ends with 1.

``settings.md`` is made as a whole. In the others, what stands between ``<!-- generated: NAME -->`` and
``<!-- end of NAME -->`` is made anew, and the rest is left as somebody wrote it.
"""  # noqa: INP001 -- a program beside the documents, not a package

from __future__ import annotations

import inspect
import re
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from carriers.simulator.faults import Faults
from carriers.smpp.settings import Host, ShortCodeRule, SmppSettings
from carriers.smpp.status import STATUSES as COMMAND_STATUSES
from carriers.smpp.status import StatusClass
from compliance.engine import RECHECKED, RULES
from gateway.api.rest.table import ENDPOINTS
from gateway.cli.root import cli
from gateway.config import CONFIG_FILE_VARIABLE, Settings
from gateway.console import words
from gateway.events.record import EventType
from gateway.model import FINAL, MOVES, Status
from keywords.catalog import CATALOG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pydantic import BaseModel

DOCS: Final = Path(__file__).resolve().parent

#: A fault and its words among the attributes in the docstring of Faults.
_FAULT: Final = re.compile(r"^ {4}(\w+): (.+?)(?=^ {4}\w+: |\Z)", re.MULTILINE | re.DOTALL)
_VERDICT: Final = re.compile(r"^(?=(?:Allowed|Refused|Deferred): )", re.MULTILINE)

#: What the console has no word for, because it shows no timeline of it.
OTHER_EVENTS: Final[Mapping[str, str]] = {
    EventType.INBOUND_RECEIVED: "A text from a person came in",
    EventType.OPT_OUT_ADDED: "A person opted out, or was opted out",
    EventType.OPT_OUT_LIFTED: "An opt-out was lifted",
    EventType.REVIEW_OPENED: "A text that may be a revocation waits for staff",
    EventType.REVIEW_CLOSED: "Staff decided such a text",
}

SETTINGS_HEAD: Final = f"""\
# Settings

*Made by `make docs` from `gateway/config.py`; change it there.*

How one process runs. A variable wins over the file, the file over the default. The file is TOML with the names below
in lower case and without the prefix; `{CONFIG_FILE_VARIABLE}` says where it is. A name in it that is no setting is
refused at the start; a misspelt variable is found by `heliograph doctor`.

What the gateway serves (numbers, connectors, keys, limits) is not here: it is kept in the database and changed through
the [API](api.md) and the command line.
"""
SETTINGS_TAIL: Final = """\
Two more variables are read by the command line: `HELIOGRAPH_API_KEY`, the key with which it calls the server (left out:
the one made at the first start), and `HELIOGRAPH_STAFF_PASSWORD`, for `heliograph staff add` where nobody can be asked.
"""


# --- what a model's fields take --------------------------------------------------------------------------------------
def rows_of(model: type[BaseModel], name_of: Callable[[str], str]) -> list[tuple[str, ...]]:
    """Name, what it takes, default and description of every field."""
    schema = model.model_json_schema()
    needed = schema.get("required", ())
    return [
        (f"`{name_of(name)}`", takes(one), "**required**" if name in needed else default_of(one), one["description"])
        for name, one in schema["properties"].items()
    ]


def takes(schema: Mapping[str, Any]) -> str:
    """What a JSON schema lets through, in words."""
    if choices := [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]:
        return " or ".join(takes(one) for one in choices)
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return "one of " + ", ".join(f"`{one}`" for one in schema["enum"])
    return _BY_TYPE.get(schema.get("type", ""), _any)(schema)


def _number(schema: Mapping[str, Any]) -> str:
    word = "whole number" if schema["type"] == "integer" else "number"
    most = f"to {schema['maximum']:,}" if "maximum" in schema else ""
    if "exclusiveMinimum" in schema:
        return f"{word} above {schema['exclusiveMinimum']:,}{', ' if most else ''}{most}"
    least = f"{schema['minimum']:,}" if "minimum" in schema else ""
    return " ".join(part for part in (word, least, most or ("or more" if least else "")) if part)


def _text(schema: Mapping[str, Any]) -> str:
    kind = {"path": "path", "password": "secret"}.get(schema.get("format", ""), "text")
    return f"{kind}, at most {schema['maxLength']} characters" if "maxLength" in schema else kind


def _list(schema: Mapping[str, Any]) -> str:
    if pair := schema.get("prefixItems"):
        return f"list of {len(pair)} whole numbers"
    return f"list of {takes(schema.get('items', {}))}"


def _mapping(schema: Mapping[str, Any]) -> str:
    return f"object of {takes(schema.get('additionalProperties', {}))}"


def _any(_schema: Mapping[str, Any]) -> str:
    return "anything"


_BY_TYPE: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "integer": _number,
    "number": _number,
    "string": _text,
    "array": _list,
    "object": _mapping,
    "boolean": lambda _schema: "`true` or `false`",
}


def default_of(schema: Mapping[str, Any]) -> str:
    value = schema.get("default")
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return "" if value in (None, "", [], {}) else f"`{value}`"


# --- the parts -------------------------------------------------------------------------------------------------------
def settings() -> str:
    rows = rows_of(Settings, lambda name: f"HELIOGRAPH_{name.upper()}")
    return "\n".join((SETTINGS_HEAD, table(("Variable", "Takes", "Default", "What it does"), rows), SETTINGS_TAIL))


def smpp_settings() -> str:
    head = ("Setting", "Takes", "Default", "What it does")
    shown = [table(head, rows_of(SmppSettings, str))]
    for title, model in (("One entry of `hosts`", Host), ("One entry of `short_code_rules`", ShortCodeRule)):
        shown.append(f"\n{title}:\n\n{table(head, rows_of(model, str))}")
    return "".join(shown)


def command_statuses() -> str:
    """The numbers of each class; what the classes mean is written by hand."""
    rows = []
    for klass in StatusClass:
        names = [f"{row.name} (0x{row.code:02X})" for row in COMMAND_STATUSES.values() if row.klass is klass]
        rows.append((f"`{klass}`", ", ".join(names)))
    return table(("Class", "Answers"), rows)


def message_statuses() -> str:
    rows = [
        (f"`{one}`", words.status(one).sentence, "yes" if one in FINAL else "", _names(MOVES[one])) for one in Status
    ]
    return table(("Status", "What it means", "Final", "May become"), rows)


def endpoints() -> str:
    rows = [(f"`{one.method} {one.path}`", one.summary, one.scope) for one in ENDPOINTS]
    return table(("Call", "What it does", "Scope"), rows)


def events() -> str:
    labels = {event: word.label for event, word in words.EVENTS.items()} | dict(OTHER_EVENTS)
    return table(("Type", "What happened"), [(f"`{event}`", labels[event]) for event in EventType])


def commands() -> str:
    root: Any = typer.main.get_command(cli)
    rows = []
    for name, command in root.commands.items():
        for sub, one in (getattr(command, "commands", None) or {"": command}).items():
            arguments = [each.metavar or each.name.upper() for each in one.params if each.param_type_name == "argument"]
            called = " ".join(word for word in ("heliograph", name, sub, *arguments) if word)
            rows.append((f"`{called}`", one.help))
    return table(("Command", "What it does"), rows)


def rules() -> str:
    """Every rule in the words of its module."""
    shown = []
    for rule in RULES:
        said = _VERDICT.sub("- ", inspect.getdoc(inspect.getmodule(rule)) or "")
        again = "Asked again just before the message leaves.\n\n" if rule in RECHECKED else ""
        shown.append(f"### {rule.__module__.rpartition('.')[2]}\n\n{said}\n\n{again}")
    return "".join(shown)


def catalog() -> str:
    rows = [
        (
            one.word, one.meaning, one.certainty if one.confirmed else f"{one.certainty}: does not act",
            ", ".join(one.regions) or "everywhere", "yes" if one.when_expected else "",
        )
        for one in CATALOG.values()
    ]  # fmt: skip
    return table(("Word", "Meaning", "Who names it", "Acts for numbers of", "Only when expected"), rows)


def faults() -> str:
    described = dict(_FAULT.findall(inspect.getdoc(Faults) or ""))
    rows = [
        (f"`{one.name}`", "" if one.default is None else f"`{one.default}`", described[one.name])
        for one in fields(Faults)
    ]
    return table(("Fault", "Default", "What it does"), rows)


def _names(statuses: Iterable[Status]) -> str:
    return ", ".join(f"`{one}`" for one in Status if one in set(statuses))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown, with its line end."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(map(_cell, line)) + " |\n" for line in lines)


def _cell(value: str) -> str:
    return " ".join(str(value).split()).replace("|", "\\|").replace("``", "`")


# --- where they go ---------------------------------------------------------------------------------------------------
PARTS: Final[Mapping[str, Mapping[str, Callable[[], str]]]] = {
    "api.md": {"endpoints": endpoints, "statuses": message_statuses},
    "compliance.md": {"rules": rules},
    "connectors.md": {"settings": smpp_settings, "command_status": command_statuses},
    "events.md": {"events": events},
    "keywords-and-opt-outs.md": {"words": catalog},
    "operating.md": {"commands": commands},
    "simulator.md": {"faults": faults},
}


def filled(text: str, parts: Mapping[str, Callable[[], str]]) -> str:
    """A document with its parts made anew. Raises ValueError when it has no place for one."""
    for name, make in parts.items():
        begin, end = f"<!-- generated: {name} -->\n", f"<!-- end of {name} -->"
        before, found, rest = text.partition(begin)
        _, also_found, after = rest.partition(end)
        if not (found and also_found):
            raise ValueError(f"no place for {name}: write {begin.strip()} and {end}")
        text = f"{before}{begin}\n{make().rstrip()}\n\n{end}{after}"
    return text


def documents() -> dict[Path, str]:
    """Every document that is made, wholly or in parts, as it should be."""
    made = {DOCS / name: filled((DOCS / name).read_text(encoding="utf-8"), parts) for name, parts in PARTS.items()}
    return {DOCS / "settings.md": settings(), **made}


def outdated() -> list[Path]:
    """The documents that the code has left behind."""
    return [path for path, text in documents().items() if not path.exists() or path.read_text(encoding="utf-8") != text]


def main(arguments: Sequence[str]) -> int:
    if "--check" in arguments:
        stale = [str(path.relative_to(DOCS.parent)) for path in outdated()]
        sys.stdout.write(f"Out of date: {', '.join(stale)}. Run make docs.\n" if stale else "")
        return 1 if stale else 0
    for path, text in documents().items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
