"""What every command starts from: the settings, the parts, and how to print."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from plugin.config import Settings
    from plugin.pipeline.parts import Parts, Policy

DEFAULT_CONFIG = "config.toml"


class Context:
    """The `--config` of this call; settings are read when a command needs them."""

    def __init__(self, config: Path | None):
        self._config = config

    def path(self) -> Path | None:
        """The configuration file: --config, the environment's, or ./config.toml where there is one."""
        from plugin.config import CONFIG_VARIABLE

        named = self._config or os.environ.get(CONFIG_VARIABLE)
        if named:
            return Path(named)
        here = Path(DEFAULT_CONFIG)
        return here if here.exists() else None

    def settings(self) -> Settings:
        """Raises ConfigError."""
        from plugin.config import load_settings

        return load_settings(self.path(), os.environ)

    @contextmanager
    def parts(self, policy: Policy | None = None, *, anew: bool = False, begun: bool = False) -> Iterator[Parts]:
        """anew: an installation may begin in this very folder. begun: there must be one, with a data folder that is in
        use. Raises ConfigError among others."""
        from plugin import open_parts

        settings = self.begun_settings() if begun else self.settings()
        if not anew and not begun:
            self._demand_installation(settings)
        with open_parts(settings, policy=policy) as parts:
            yield parts

    def begun_settings(self) -> Settings:
        """The settings of an installation whose data folder is in use. Raises ConfigError."""
        settings = self.settings()
        self._demand_installation(settings)
        _demand_begun(settings)
        return settings

    def _demand_installation(self, settings: Settings) -> None:
        """In a wrong folder `stop` would stop an installation that it has just made, and the real one would go on."""
        from plugin.config import ConfigError
        from plugin.config.load import PREFIX

        is_told = self.path() is not None or any(name.startswith(PREFIX) for name in os.environ)
        if not is_told and not settings.app.data_dir.exists():
            raise ConfigError(
                f"there is no {DEFAULT_CONFIG} in {Path.cwd()}, and no data folder: nothing was done. Go to the folder "
                "of your installation, or name its configuration (hebo-sync --config FILE …); hebo-sync init makes one"
            )


def _demand_begun(settings: Settings) -> None:
    from plugin.config import ConfigError
    from plugin.data_folder import is_made

    if not is_made(settings.app.data_dir):
        raise ConfigError(
            f"there is nothing in the data folder {settings.app.data_dir} yet: nothing was done. If your installation "
            "is in use, this is not its configuration: go to its folder, or name its file (hebo-sync --config FILE …)"
        )


pass_context = click.make_pass_decorator(Context)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON instead of text: an array for a list, else one object."
)


def print_json(value: Any) -> None:
    """One JSON document on standard output; times as ISO 8601."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, empty: str) -> None:
    """A table for people; `empty` is said where there is nothing to show."""
    if not rows:
        click.echo(empty)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*("" if value is None else one_line(value) for value in row))
    width = None if sys.stdout.isatty() else 200
    Console(width=width, highlight=False, markup=False).print(table)


def one_line(value: object) -> str:
    """As text without line breaks: titles come from stores, and may have any."""
    return " ".join(str(value).split())


def note(text: str) -> None:
    """A line for the person at the terminal, apart from the output."""
    click.echo(text, err=True)
