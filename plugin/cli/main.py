"""The command group, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import click

from connectors import ConnectorError
from plugin import __version__
from plugin.cli.context import Context
from plugin.config import ConfigError
from plugin.db import DatabaseError
from plugin.hebo import HeboError
from plugin.links import NoPublicUrlError
from plugin.listener import ListenerError
from plugin.pictures import PictureError, StorageError
from plugin.pipeline.doubt import SettleError
from plugin.pipeline.publish import PublicationStateError
from plugin.pipeline.retry import RetryError
from plugin.pipeline.review import ReviewError
from plugin.pipeline.stores import StoreUnknownError
from plugin.pipeline.undo import UndoError
from plugin.secrets import SecretsError
from templates import PackError, RenderError

USAGE = 2  # bad usage or configuration
TROUBLE = 1  # something failed, waits or needs a person

CONFIGURATION_ERRORS = (ConfigError, StoreUnknownError, SecretsError, DatabaseError, PackError)
TROUBLE_ERRORS = (
    ConnectorError,
    HeboError,
    ListenerError,
    NoPublicUrlError,
    PictureError,
    PublicationStateError,
    RenderError,
    RetryError,
    ReviewError,
    SettleError,
    StorageError,
    UndoError,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="hebo-sync")
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The configuration file. Without it: $HEBO_SYNC_CONFIG, or config.toml in this folder.",
)
@click.option("-v", "--verbose", is_flag=True, help="Log what happens inside.")
@click.pass_context
def cli(context: click.Context, config: Path | None, verbose: bool) -> None:  # noqa: FBT001  # click's own form
    """Gives every product of a store a complete set of marketing pictures.

    Exit codes: 0 all went through; 1 something failed, waits or needs a person (it says what); 2 bad usage or
    configuration.
    """
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    context.obj = Context(config)


def main() -> None:
    """The console script. Known errors are one message; anything else is our mistake and is shown whole."""
    try:
        cli()
    except CONFIGURATION_ERRORS as error:
        click.echo(f"hebo-sync: {error}", err=True)
        sys.exit(USAGE)
    except TROUBLE_ERRORS as error:
        click.echo(f"hebo-sync: {error}", err=True)
        sys.exit(TROUBLE)


def _register() -> None:
    from plugin.cli import commands

    for command in commands.ALL:
        cli.add_command(command)


_register()
