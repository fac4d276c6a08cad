"""hebo-sync demo: the whole thing on a sandbox service and a sample catalogue; no credentials needed."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from plugin import open_parts
from plugin.cli.context import note
from plugin.cli.relay import relay_beside
from plugin.cli.run import Outcome, run_watched, show
from plugin.cli.sandbox import wait_for_signal
from plugin.config import Settings, load_settings
from plugin.listener import free_port
from plugin.pipeline.parts import Policy

KEY = "sandbox-key"
CONFIG = """\
[app]
public_url = "http://127.0.0.1:{relay}"
allow_private_addresses = true

[relay]
port = {relay}

[hebo]
base_url = "{service}"
api_key = "{key}"
exclusive = true

[[stores]]
name = "sample"
kind = "feed"
path = "catalogue/feed.tsv"
output = "catalogue/feed-with-pictures.tsv"
"""


@click.command()
@click.option("--once", is_flag=True, help="One pass, then exit. Without it the sandbox stays up for trying commands.")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), help="Where the demo keeps its files.")
def demo(once: bool, folder: Path | None) -> None:  # noqa: FBT001  # click's own form
    """Sample catalogue, sandbox image API over real HTTP at the real polling intervals, pictures on the listings."""
    folder = (folder or Path(tempfile.mkdtemp(prefix="hebo-sync-demo-"))).resolve()
    with _sandbox() as service:
        settings = _prepare(folder, service)
        outcome = _run(settings)
        show(outcome, as_json=False)
        config = folder / "config.toml"
        click.echo(f"the feed with its new pictures: {folder / 'catalogue' / 'feed-with-pictures.tsv'}")
        click.echo(f"look around: hebo-sync --config {config} products list (or images, tasks, quota, undo …)")
        if not once and not outcome.stopped:
            note("the sandbox image API stays up until Ctrl-C")
            wait_for_signal()
    sys.exit(outcome.exit_code)


@contextmanager
def _sandbox() -> Iterator[str]:
    from plugin.sandbox.hebo import serve_hebo
    from plugin.sandbox.hebo_options import HeboOptions

    with serve_hebo(HeboOptions(duration=(6, 30)), "127.0.0.1", 0) as service:
        note(f"sandbox image API: {service.url}")
        yield service.url


def _prepare(folder: Path, service: str) -> Settings:
    """The sample catalogue and its configuration file; what an earlier demo left in the folder is gone on with."""
    from plugin.sandbox.catalogue import write_catalogue

    feed = folder / "catalogue" / "feed.tsv"
    if not feed.exists():
        write_catalogue(feed.parent)
    note(f"sample catalogue: {feed}")
    config = folder / "config.toml"
    config.write_text(CONFIG.format(relay=free_port(), service=service, key=KEY), encoding="utf-8")
    return load_settings(config, {})


def _run(settings: Settings) -> Outcome:
    with open_parts(settings, policy=Policy(approve_all=True, unattended=True)) as parts, relay_beside(parts):
        return run_watched(parts, store=None, until_idle=True, quiet=False)
