"""hebo-sync init: a configuration file, the data folder with its key file, the database."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import click

from plugin.cli.context import DEFAULT_CONFIG, Context, pass_context
from plugin.secrets import KEY_FILE


@click.command()
@pass_context
def init(context: Context) -> None:
    """Make config.toml, the data folder, the key file and the database. What is there already stays as it is."""
    path = context.path() or Path(DEFAULT_CONFIG)
    if path.exists():
        click.echo(f"{path} is there already and stays as it is")
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(without_store(_example()), encoding="utf-8")
        path.chmod(0o600)  # it is the place for the API key
        click.echo(f"wrote {path}: enter your image API key and your stores there, or on the pages of hebo-sync serve")
    with Context(path).parts() as parts:
        data_dir = parts.settings.app.data_dir
        click.echo(f"data folder: {data_dir}")
        if parts.settings.app.secret_key is None:
            click.echo(f"key file:    {data_dir / KEY_FILE} (keep a copy: it opens the stored secrets)")
        click.echo(f"database:    {parts.db.where}")
    click.echo("in the browser: hebo-sync serve")
    click.echo(
        "on the command line, all free of charge: hebo-sync doctor, hebo-sync stores refresh NAME, "
        "hebo-sync products prompts ID"
    )
    click.echo("then: hebo-sync run --until-idle")


def without_store(example: str) -> str:
    """The example with its store switched off: a store that nobody has entered must never be read, and paid for."""
    head, heading, store = example.partition("[[stores]]")
    lines = (heading + store).splitlines(keepends=True)
    return head + "".join(f"#{line}" if line.strip() and not line.startswith("#") else line for line in lines)


def _example() -> str:
    """The annotated example: inside the package when installed, at the top of a checkout else."""
    packaged = resources.files("plugin") / "config" / "example.toml"
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    return (Path(__file__).parents[2] / "config.example.toml").read_text(encoding="utf-8")
