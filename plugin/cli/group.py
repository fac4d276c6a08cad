"""The command group, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import click

from plugin import __version__
from plugin.cli.commands import LazyGroup
from plugin.cli.context import Context


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="hebo-sync")
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The configuration file. Without it: $HEBO_SYNC_CONFIG, or config.toml in this folder.",
)
@click.option("-v", "--verbose", is_flag=True, help="Log what happens inside, to standard error.")
@click.pass_context
def cli(context: click.Context, config: Path | None, verbose: bool) -> None:  # noqa: FBT001  # click's own form
    """Gives every product of a store a complete set of marketing pictures.

    Exit codes: 0 all went through; 1 something failed, waits or needs a person (it says what); 2 bad usage or
    configuration; 130 interrupted by Ctrl-C.
    """
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    context.obj = Context(config)


def start() -> None:
    """Do what the command line asks, and exit. Known errors are one message; anything else is our mistake and is
    shown whole. Raises KeyboardInterrupt where Ctrl-C was pressed and nobody took it for an answer."""
    try:
        code = cli.main(standalone_mode=False)
    except SystemExit:
        raise
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort as error:  # click's name for Ctrl-C
        raise KeyboardInterrupt from error
    except _expected() as error:
        _tell(error)
    sys.exit(code if isinstance(code, int) else 0)


def _expected() -> tuple[type[Exception], ...]:
    """Looked at only when something was raised: naming all errors imports most of the program."""
    from plugin.cli.errors import EXPECTED

    return EXPECTED


def _tell(error: Exception) -> None:
    from plugin.cli.errors import exit_code_of

    click.echo(f"hebo-sync: {error}", err=True)
    sys.exit(exit_code_of(error))
