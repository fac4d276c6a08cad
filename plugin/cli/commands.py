"""Every command of the program, in the order of its help, with the line that stands there.

The lines are kept here, too, so that `hebo-sync --help` need not import a single command.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import click

COMMANDS: Mapping[str, str] = {
    "init": "Make config.toml, the data folder, the key file and the database.",
    "demo": "Show the whole thing on a sandbox service, with a sample catalogue and no key.",
    "serve": "Show the pages, refresh the stores on schedule, and work through what is due.",
    "run": "Refresh, plan, submit, poll, collect and publish what is approved.",
    "stop": "Stop everything: nothing new is read, planned, sent or published.",
    "resume": "Go on after a stop.",
    "stores": "The catalogues that are set up.",
    "products": "The products, their prompts, and which of them get pictures.",
    "tasks": "What was asked of the image service, and settling what is in doubt.",
    "images": "The pictures that were made, and the decisions on them.",
    "retry": "Plan failed pictures again, or offer a refused publication again.",
    "undo": "Take published pictures off their listings again.",
    "quota": "What may be spent today, what is under way, what is planned.",
    "ledger": "What became of every image that was reserved, by store, day, month or pack.",
    "prompts": "Prompt packs: up to 8 shots each, written with a product's facts.",
    "admin": "Who may sign in to the pages.",
    "backup": "Write database, pictures and what belongs to them into one file, while it runs.",
    "restore": "Put a backup into an empty data folder and database.",
    "tidy": "Let go of what nobody needs any more.",
    "doctor": "Look whether everything is in order, and say what to do.",
    "sandbox": "Local stand-ins for the services, with faults on request.",
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called: `plugin.cli.NAME` holds the command NAME."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = getattr(import_module(f"plugin.cli.{cmd_name}"), cmd_name)
        if not isinstance(command, click.Command):
            raise TypeError(f"plugin.cli.{cmd_name}.{cmd_name} is no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))
