"""The command line as a test runs it: in this process, on a data folder of its own."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from typer.testing import CliRunner

from gateway.cli.root import cli

if TYPE_CHECKING:
    from pathlib import Path


class Heliograph:
    """Runs commands; ``folder`` is their data folder."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        nothing = {name: None for name in os.environ if name.startswith("HELIOGRAPH_")}
        self.env = {**nothing, "HELIOGRAPH_DATA_DIR": str(folder), "HELIOGRAPH_PORT": "0", **settings}

    def run(self, *words: str, code: int = 0, stdin: str | None = None) -> str:
        """What a command prints on stdout."""
        return self._invoke(words, code, stdin).stdout

    def json(self, *words: str, code: int = 0) -> Any:
        """What a command prints with ``--json``: one document and nothing else."""
        return json.loads(self._invoke((*words, "--json"), code, None).stdout)

    def fails(self, *words: str) -> str:
        """What a command says on stderr as it ends with exit code 1."""
        result = self._invoke(words, 1, None)
        assert result.stdout == "", result.stdout
        assert "Traceback" not in result.stderr
        assert result.stderr.count("\n") == 1
        return result.stderr.strip()

    def _invoke(self, words: tuple[str, ...], code: int, stdin: str | None) -> Any:
        result = CliRunner().invoke(cli, list(words), env=self.env, input=stdin, catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result
