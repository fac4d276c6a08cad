"""The command line as a whole: every command is there and explains itself."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from plugin.cli.commands import ALL
from tests.plugin.cli.home import Home

PROMISED = {
    "init",
    "demo",
    "run",
    "stores",
    "products",
    "tasks",
    "images",
    "retry",
    "undo",
    "quota",
    "prompts",
    "doctor",
}


def commands(command: click.Command, path: str = "") -> Iterator[tuple[str, click.Command]]:
    path = f"{path} {command.name}".strip()
    yield path, command
    if isinstance(command, click.Group):
        for below in command.commands.values():
            yield from commands(below, path)


EVERY = dict(pair for command in ALL for pair in commands(command))


def test_every_promised_command_is_there() -> None:
    assert PROMISED | {"sandbox"} <= {command.name for command in ALL}


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
