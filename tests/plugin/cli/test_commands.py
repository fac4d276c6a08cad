"""The command line as a whole: every command is there and explains itself."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from plugin.cli.commands import COMMANDS
from plugin.cli.context import Context
from plugin.cli.group import cli
from tests.plugin.cli.home import Home

ROOT = Path(__file__).parents[3]

PROMISED = {
    "ledger",
    "tidy",
    "init",
    "demo",
    "serve",
    "run",
    "stop",
    "resume",
    "stores",
    "products",
    "tasks",
    "images",
    "retry",
    "undo",
    "quota",
    "prompts",
    "backup",
    "restore",
    "doctor",
    "admin",
}


def commands(command: click.Command, path: str = "") -> Iterator[tuple[str, click.Command]]:
    path = f"{path} {command.name}".strip()
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(below, path)


EVERY = {path.removeprefix("cli "): command for path, command in commands(cli) if path != "cli"}


def test_every_promised_command_is_there() -> None:
    assert PROMISED | {"sandbox"} == COMMANDS.keys()


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_is_told_without_importing_it(name: str) -> None:
    text = CliRunner().invoke(cli, ["--help"]).output
    assert f"  {name} " in text
    assert EVERY[name].name == name


LIGHT = """
import sys
import plugin.cli
assert {name.partition(".")[0] for name in sys.modules} & {"click", "sqlalchemy", "flask", "PIL"} == set()
sys.argv = ["hebo-sync", "--help"]
try:
    plugin.cli.main()
except SystemExit:
    found = {name.partition(".")[0] for name in sys.modules}
assert found & {"sqlalchemy", "flask", "PIL", "jinja2", "pydantic", "rich", "connectors"} == set(), found
import plugin.cli.run
found = {name.partition(".")[0] for name in sys.modules}
assert found & {"flask"} == set(), found
assert not any(name.startswith("plugin.sandbox") for name in sys.modules)
"""


def test_help_and_run_import_no_more_than_they_need() -> None:
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_ctrl_c_anywhere_is_one_line(fresh: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_context: Context) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Context, "settings", interrupted)
    called = fresh("stores", "list")
    assert called.code == 130
    assert called.err.strip() == "hebo-sync: interrupted; what was saved until now is kept"


def test_ctrl_c_during_the_first_imports_is_one_line() -> None:
    script = (
        "import builtins, plugin.cli\n"
        "real = builtins.__import__\n"
        "def stop(name, *rest):\n"
        "    if name == 'plugin.cli.context': raise KeyboardInterrupt\n"
        "    return real(name, *rest)\n"
        "builtins.__import__ = stop\n"
        "plugin.cli.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.splitlines() == ["hebo-sync: interrupted; what was saved until now is kept"]


@pytest.mark.parametrize("path", EVERY)
def test_every_command_and_option_is_explained(path: str) -> None:
    command = EVERY[path]
    assert command.help
    options = [param for param in command.params if isinstance(param, click.Option)]
    unexplained = [option.name for option in options if not option.help and not option.show_default]
    assert unexplained == []


def test_help_and_bad_usage(fresh: Home) -> None:
    called = fresh("images", "approve", "--help")
    assert called.code == 0
    assert "the next run publishes them" in called.out
    assert fresh("picture").code == 2
    assert fresh("tasks", "list", "--state", "sleeping").code == 2
    assert fresh("tasks", "list", "--limit", "0").code == 2


def test_without_a_configuration_file_the_commands_say_what_is_missing(fresh: Home) -> None:
    fresh.config.unlink()
    called = fresh("stores", "list")
    assert called.code == 2
    assert "config.toml" in called.err
