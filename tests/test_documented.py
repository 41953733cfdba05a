"""What the documents say exists: settings, rules, commands, paths, metrics, links. And what the code has, they tell."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer
import yaml

from compliance.engine import RULES
from docs import generate
from gateway.api.rest.table import ENDPOINTS
from gateway.cli.client import KEY_VARIABLE
from gateway.cli.root import cli
from gateway.config import CONFIG_FILE_VARIABLE, Settings
from gateway.metrics import Metrics
from gateway.store import migrate
from gateway.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
TEXTS = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in DOCUMENTS}
EVERYTHING = "\n".join(TEXTS.values())
VARIABLES = {f"HELIOGRAPH_{name.upper()}" for name in Settings.model_fields}
OTHER_VARIABLES = {CONFIG_FILE_VARIABLE, KEY_VARIABLE, "HELIOGRAPH_STAFF_PASSWORD"}
OUTSIDE = {"/v1"}  # spoken of as a whole
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
each_document = pytest.mark.parametrize("name", TEXTS)


def blocks(name: str, language: str) -> list[str]:
    return [body for kind, body in FENCE.findall(TEXTS[name]) if kind == language]


# --- what is generated -----------------------------------------------------------------------------------------------
def test_generated_parts_are_what_the_code_says_now():
    assert generate.outdated() == [], "run make docs"


def test_check_mode_names_what_the_code_has_left_behind(monkeypatch, tmp_path, capsys):
    (tmp_path / "docs").mkdir()
    monkeypatch.setattr(generate, "DOCS", tmp_path / "docs")
    monkeypatch.setattr(generate, "PARTS", {})
    (tmp_path / "docs" / "settings.md").write_text("of yesterday", encoding="utf-8")

    assert generate.main(["--check"]) == 1
    assert "docs/settings.md" in capsys.readouterr().out

    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0


def test_a_document_without_a_place_for_its_part_is_refused():
    with pytest.raises(ValueError, match="no place for rules"):
        generate.filled("# Nothing here\n", {"rules": str})


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 65535}, "whole number 1 to 65,535"),
        ({"type": "integer", "minimum": 0}, "whole number 0 or more"),
        ({"type": "number", "exclusiveMinimum": 0}, "number above 0"),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 3600}, "number above 0, to 3,600"),
        ({"type": "number"}, "number"),
        ({"type": "string", "maxLength": 15}, "text, at most 15 characters"),
        ({"anyOf": [{"type": "string", "format": "password"}, {"type": "null"}]}, "secret"),
        ({"enum": ["trx", "tx"]}, "one of `trx`, `tx`"),
        ({"type": "array", "items": {"$ref": "#/$defs/Host"}}, "list of Host"),
        ({"type": "array", "prefixItems": [{}, {}]}, "list of 2 whole numbers"),
        ({"type": "boolean"}, "`true` or `false`"),
    ],
)
def test_a_schema_is_told_in_words(schema, words):
    assert generate.takes(schema) == words


# --- what the code has is documented ---------------------------------------------------------------------------------
@pytest.mark.parametrize("variable", sorted(VARIABLES | OTHER_VARIABLES))
def test_every_setting_is_documented(variable):
    assert variable in TEXTS["docs/settings.md"]


@pytest.mark.parametrize("rule", [rule.__module__.rpartition(".")[2] for rule in RULES])
def test_every_rule_is_documented(rule):
    assert f"\n### {rule}\n" in TEXTS["docs/compliance.md"]


@pytest.mark.parametrize("call", [f"{one.method} {one.path}" for one in ENDPOINTS])
def test_every_endpoint_is_documented(call):
    assert f"`{call}`" in TEXTS["docs/api.md"]


def commands() -> dict[str, Any]:
    """Every command by its words: "serve", "opt-outs add"."""
    root: Any = typer.main.get_command(cli)
    found = {}
    for name, command in root.commands.items():
        subcommands = getattr(command, "commands", {})
        found |= {f"{name} {sub}": one for sub, one in subcommands.items()} or {name: command}
    return found


COMMANDS = commands()
GROUPS = {name.partition(" ")[0] for name in COMMANDS}


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_is_documented(command):
    assert re.search(rf"`heliograph {command}[` ]", TEXTS["docs/operating.md"])


def dependencies() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    return [re.split(r"[<>=!~\[]", one)[0] for one in wanted]


@pytest.mark.parametrize("library", dependencies())
def test_every_library_has_its_reason(library):
    assert re.search(rf"^\| .*\b{re.escape(library)}\b.* \|", TEXTS["docs/decisions/0001-libraries.md"], re.MULTILINE)


def test_decisions_are_numbered_without_a_gap():
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [path.name[:4] for path in decisions] == [f"{number:04}" for number in range(1, len(decisions) + 1)]
    for path in decisions:
        assert path.read_text(encoding="utf-8").startswith(f"# {int(path.name[:4])}. ")


# --- what is documented exists ---------------------------------------------------------------------------------------
@each_document
def test_every_relative_link_leads_somewhere(name):
    for target in LINK.findall(TEXTS[name]):
        if re.match(r"https?:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / name).parent / path if path else ROOT / name
        assert file.exists(), target
        assert not anchor or anchor in anchors(file.read_text(encoding="utf-8")), target


def anchors(text: str) -> set[str]:
    """The anchors that headings get, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_document
def test_every_variable_named_is_a_setting(name):
    assert set(re.findall(r"\bHELIOGRAPH_[A-Z_]*[A-Z]\b", TEXTS[name])) <= VARIABLES | OTHER_VARIABLES


def command_lines(text: str) -> Iterator[list[str]]:
    """What follows ``heliograph`` wherever it is written as code."""
    plain = [line for _, body in FENCE.findall(text) for line in body.splitlines()]
    indented = re.findall(r"^ {4,}(.*)$", text, re.MULTILINE)
    inline = re.findall(r"`([^`\n]+)`", text)
    for code in [*plain, *indented, *inline]:
        if found := re.search(r"(?:^|[\s/])heliograph ((?:[a-z]|--).*)", code):
            yield shlex.split(found[1], comments=True)


@each_document
def test_every_command_named_exists_with_its_options(name):
    for words in command_lines(TEXTS[name]):
        if words[0] in GROUPS and len(words) == 1:
            continue  # the group as a whole
        key = next((key for key in (" ".join(words[:2]), words[0]) if key in COMMANDS), None)
        assert key is not None, words
        known = {option for parameter in COMMANDS[key].params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, words


@each_document
def test_every_path_named_is_an_endpoint(name):
    paths = {one.path for one in ENDPOINTS}
    named = set(re.findall(r"/v1(?:/[a-z{}_-]+)*", re.sub(r"/v1/messages/[0-9a-f-]{36}", "", TEXTS[name])))
    assert named - OUTSIDE <= paths


@each_document
def test_every_metric_named_exists(name):
    known = {sample for family in Metrics().registry.collect() for sample in (family.name, f"{family.name}_total")}
    named = set(re.findall(r"\bheliograph_[a-z_]+\b", TEXTS[name])) - {"heliograph_session"}
    assert named <= known


def test_every_metric_is_counted_somewhere():
    told = set(re.findall(r"(?:metrics|gauges)\.(\w+)\b", source_of("gateway")))
    assert {name for name in vars(Metrics()) if name not in told} == set()


def source_of(*tops: str) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for top in tops for path in (ROOT / top).rglob("*.py"))


def test_every_log_action_named_is_logged():
    table = TEXTS["docs/operating.md"].partition("| Action |")[2].partition("\n\n")[0]
    actions = {action for row in table.splitlines() for action in re.findall(r"`([a-z_]+\.[a-z_]+)`", row)}
    source = source_of("gateway", "carriers")
    assert len(actions) > 5
    assert {action for action in actions if f'action="{action}"' not in source} == set()


@pytest.mark.parametrize("target", sorted(set(re.findall(r"(?:^ {4}|`)make ([a-z]+)", EVERYTHING, re.MULTILINE))))
def test_every_make_target_named_exists(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


@each_document
def test_python_in_a_document_is_python(name):
    for block in blocks(name, "python"):
        ast.parse(block)


async def test_the_retention_sql_fits_the_schema(tmp_path):
    url = f"sqlite+aiosqlite:///{tmp_path / 'heliograph.db'}"
    await migrate.upgrade(url)
    store = Store(url)
    (script,) = blocks("docs/operating.md", "sql")
    async with store.reader.connect() as connection:
        for statement in filter(None, map(str.strip, script.split(";"))):
            await connection.exec_driver_sql(statement)
    await store.close()


# --- containers ------------------------------------------------------------------------------------------------------
def test_compose_sets_only_what_is_a_setting():
    assert set(COMPOSE["services"]["heliograph"]["environment"]) <= VARIABLES


def test_compose_waits_until_the_servers_are_healthy():
    services = COMPOSE["services"]
    for name, condition in services["heliograph"]["depends_on"].items():
        assert condition == {"condition": "service_healthy"}
        assert services[name]["healthcheck"]["test"]


def test_compose_holds_no_secret_and_its_volumes_are_named():
    values = [value for one in COMPOSE["services"].values() for value in one.get("environment", {}).items()]
    secrets = [value for name, value in values if "PASSWORD" in name or "KEY" in name]
    assert len(secrets) == 2
    assert all(value.startswith("${") for value in secrets)
    mounted = {volume.partition(":")[0] for one in COMPOSE["services"].values() for volume in one.get("volumes", ())}
    assert mounted == set(COMPOSE["volumes"])


def test_the_image_copies_what_is_there_and_does_not_run_as_root():
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    sources = [
        word for line in lines if line.startswith("COPY ") and "--from" not in line for word in line.split()[1:-1]
    ]
    allowed = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    for source in sources:
        assert (ROOT / source).exists(), source
        assert f"!{source.rstrip('/')}\n" in allowed, source
    assert "USER heliograph" in lines
    assert any(line.startswith("HEALTHCHECK") for line in lines)


# --- the place where this was written is nobody's business ------------------------------------------------------------
@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="only a checkout knows which files are tracked")
def test_no_tracked_file_names_a_path_of_the_workplace():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    paths = [ROOT / name for name in listed.split("\0") if name]
    workplace = re.compile("|".join(("/work" + "/", "shared" + "/facts", "shared" + "/bench", "/root" + "/")))
    named = []
    for path in paths:
        text = path.read_text(encoding="utf-8", errors="ignore") if path.is_file() else ""
        if workplace.search(text):
            named.append(str(path.relative_to(ROOT)))
    assert named == []
