"""hebo-sync demo: the whole thing on a sandbox service and a sample catalogue; no credentials needed."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click

from plugin import open_parts
from plugin.cli.context import note
from plugin.cli.relay import relay_beside
from plugin.cli.run import run_watched, show
from plugin.config import load_settings
from plugin.pipeline.parts import Policy
from plugin.sandbox.catalogue import write_catalogue
from plugin.sandbox.hebo import serve_hebo
from plugin.sandbox.hebo_options import HeboOptions

KEY = "sandbox-key"


@click.command()
@click.option("--once", is_flag=True, help="One pass, then exit.")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), help="Where the demo keeps its files.")
def demo(once: bool, folder: Path | None) -> None:  # noqa: FBT001
    """Sample catalogue, sandbox image API over real HTTP at the real polling intervals, pictures on the listings."""
    folder = (folder or Path(tempfile.mkdtemp(prefix="hebo-sync-demo-"))).resolve()
    feed = write_catalogue(folder / "catalogue")
    output = feed.with_name("feed-with-pictures.tsv")
    with serve_hebo(HeboOptions(duration=(6, 30)), "127.0.0.1", 0) as service:
        config = folder / "config.toml"
        config.write_text(_config(service.url, feed, output), encoding="utf-8")
        settings = load_settings(config, {})
        with open_parts(settings, policy=Policy(approve_all=True, unattended=True)) as parts, relay_beside(parts):
            note(f"sample catalogue: {feed}")
            note(f"sandbox image API: {service.url}")
            report = run_watched(parts, store=None, until_idle=True, quiet=False)
    show(report, as_json=False)
    click.echo(f"the feed with its new pictures: {output}")
    sys.exit(0 if report.clean and report.published else 1)


def _config(service: str, feed: Path, output: Path) -> str:
    return f'''[app]
public_url = "http://127.0.0.1:8788"
allow_private_addresses = true

[hebo]
base_url = "{service}"
api_key = "{KEY}"
exclusive = true

[[stores]]
name = "sample"
kind = "feed"
path = "{feed}"
output = "{output}"
'''
