"""A folder with a configuration, a small feed and what a run made of it; and the command line, called in it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select
from sqlalchemy.orm import Session

from plugin import open_parts
from plugin.cli import main
from plugin.config import load_settings
from plugin.db import Database
from plugin.models import GeneratedImage, GenerationTask, Product, Publication
from plugin.pipeline.parts import Parts, Policy
from plugin.pipeline.review import decide
from plugin.pipeline.run import run
from plugin.states import ImageState
from tests.plugin.pictures.drawn import drawn, encoded

KEY = "sandbox-key"
SHOP = ("mug", "lamp", "bag")


@dataclass(frozen=True)
class Called:
    """What one call of the command line gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Home:
    """A folder in which hebo-sync is called."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch):
        self.folder = folder
        self.config = folder / "config.toml"
        self._patch = patch

    def __call__(self, *arguments: object, answer: str | None = None) -> Called:
        """`hebo-sync --config … arguments`, through `main`, with `answer` typed at it; None: nobody is there."""
        runner = CliRunner()
        with runner.isolation(input=answer or "") as (out, err, _), self._patch.context() as patch:
            patch.setattr(sys.stdin, "isatty", lambda: answer is not None)
            words = ["hebo-sync", "--config", str(self.config), *(str(word) for word in arguments)]
            patch.setattr(sys, "argv", words)
            with pytest.raises(SystemExit) as end:
                main()
            texts = out.getvalue().decode(), err.getvalue().decode()
        code = end.value.code
        assert isinstance(code, int)
        return Called(code, *texts)

    def edit(self, old: str, new: str) -> None:
        """Change the configuration."""
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new))

    @contextmanager
    def parts(self) -> Iterator[Parts]:
        with open_parts(load_settings(self.config, {})) as parts:
            yield parts

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """The database alone, which is quicker than all parts."""
        db = Database(load_settings(self.config, {}).database.url)
        try:
            with db.read() as session:
                yield session
        finally:
            db.close()

    def tasks(self) -> list[GenerationTask]:
        with self.reading() as session:
            return list(session.scalars(select(GenerationTask).order_by(GenerationTask.id)))

    def images(self, state: ImageState | None = None) -> list[GeneratedImage]:
        where = [GeneratedImage.state == state] if state else []
        with self.reading() as session:
            return list(session.scalars(select(GeneratedImage).where(*where).order_by(GeneratedImage.id)))

    def product(self, external_id: str) -> Product:
        with self.reading() as session:
            return session.scalars(select(Product).where(Product.external_id == external_id)).one()

    def publication(self) -> Publication:
        with self.reading() as session:
            return session.scalars(select(Publication)).one()

    def publication_keys(self) -> list[str]:
        """The keys of the pictures that are published."""
        return [image.key for image in self.images(ImageState.PUBLISHED)]


def write_shop(folder: Path, service: str) -> Path:
    """A feed of three products with pictures, and the configuration for it; gives the configuration."""
    rows = ["id\ttitle\timage_link\tprice\tproduct_type"]
    for number, name in enumerate(SHOP):
        (folder / f"{name}.jpg").write_bytes(encoded(drawn(seed=number)))
        rows.append(f"{name}\tTidal {name}\t{name}.jpg\t24.00 EUR\tHome > {name.title()}s")
    (folder / "feed.tsv").write_text("\n".join(rows) + "\n")
    config = folder / "config.toml"
    config.write_text(_CONFIG.format(service=service, key=KEY))
    config.chmod(0o600)
    return config


_CONFIG = """\
[app]
public_url = "http://127.0.0.1:8"
allow_private_addresses = true

[relay]
port = 0

[hebo]
base_url = "{service}"
api_key = "{key}"
poll_bands = [[inf, 0.05]]
poll_margin = 0.01
item_retries = 0

[[stores]]
name = "shop"
kind = "feed"
path = "feed.tsv"
output = "out.tsv"
"""


def run_shop(config: Path) -> None:
    """Have pictures made of all three products, and publish those of the mug; the rest waits for review."""
    with open_parts(load_settings(config, {}), policy=Policy(unattended=True)) as parts:
        run(parts)
        with parts.db.write() as session:
            mine = GeneratedImage.state == ImageState.IN_REVIEW
            mug = select(GenerationTask.id).join(Product).where(Product.external_id == "mug")
            ids = session.scalars(select(GeneratedImage.id).where(mine, GeneratedImage.task_id.in_(mug))).all()
            decide(session, parts, ids, ImageState.APPROVED, "a test")
        run(parts)
