"""hebo-sync images export: pictures as files, one or many, many with a contact sheet to look at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import click
from jinja2 import Environment
from sqlalchemy.orm import Session

from plugin.cli.chinese import both
from plugin.cli.context import Context, pass_context
from plugin.cli.lookup import BadUsageError, TroubleError, counted, row_of, rows_of, store_id_of, store_option
from plugin.cli.remarks import remarks
from plugin.models import GeneratedImage, Picture
from plugin.pictures import PictureStore, StorageError
from plugin.pipeline import views
from plugin.pipeline.parts import Parts
from plugin.pipeline.views import ImageView
from plugin.states import ImageState

SHEET = "index.html"
MOST = 100_000  # pictures in one export
ODD = re.compile(r"[^\w.-]+")
LONGEST = 60  # characters (of up to 4 bytes; 255 bytes are allowed) of a file's name, before its number and ending
ENDINGS = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp", "image/gif": ".gif"}
Files = dict[str, str]  # a file's name → the SHA-256 of its bytes
USAGE = "say ID FILE, or ID... --folder FOLDER, or --all FOLDER. Nothing was written"


@dataclass(frozen=True, slots=True)
class Choice:
    """What the command line asks for: some pictures by number or all (of a store, in a state), and where they go."""

    ids: tuple[int, ...]
    target: Path
    sheet: bool
    store: str | None
    state: ImageState | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A picture of the contact sheet: its row, its file's name, and what to know of it."""

    view: ImageView
    file: str
    remarks: tuple[str, ...]


@dataclass(slots=True)
class Block:
    """A product photo with the pictures that were made of it. original: its file's name, or none if it is gone."""

    title: str
    product: str
    original: str | None
    entries: list[Entry]


@click.command("export")
@click.argument("words", metavar="[ID... | ID FILE | FOLDER]", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every picture that is here, into FOLDER.")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), help="Where the pictures ID... go.")
@click.option("--state", type=click.Choice([state.value for state in ImageState]), help="With --all: in this state.")
@store_option
@click.option("--force", is_flag=True, help="Overwrite files that are there.")
@pass_context
def export(
    context: Context,
    words: Sequence[str],
    everything: bool,  # noqa: FBT001
    folder: Path | None,
    state: str | None,
    store: str | None,
    force: bool,  # noqa: FBT001
) -> None:
    """Write pictures to files, byte by byte as the image service made them.

    \b
    images export ID FILE              one picture
    images export ID... --folder DIR   these pictures
    images export --all DIR            all of them

    The latter two name the files after store, product and shot, and add index.html: a page to look at, with each
    original beside its pictures.
    """
    choice = _choice(words, folder, store, ImageState(state) if state else None, everything=everything)
    with context.parts() as parts:
        if choice.sheet:
            _export_many(parts, choice, force=force)
        else:
            _export_one(parts, choice.ids[0], choice.target, force=force)


def _choice(
    words: Sequence[str], folder: Path | None, store: str | None, state: ImageState | None, *, everything: bool
) -> Choice:
    """Raises BadUsageError where the words fit none of the three forms."""
    if not everything and (store or state):
        raise BadUsageError("--store and --state belong to --all. Nothing was written")
    if everything and folder is None and len(words) == 1:
        return Choice((), Path(words[0]), sheet=True, store=store, state=state)
    if everything and folder is not None and not words:
        return Choice((), folder, sheet=True, store=store, state=state)
    if not everything and folder is not None and words:
        return Choice(_numbers(words), folder, sheet=True, store=None, state=None)
    if not everything and folder is None and len(words) == 2:
        return Choice(_numbers(words[:1]), Path(words[1]), sheet=False, store=None, state=None)
    raise BadUsageError(USAGE)


def _numbers(words: Sequence[str]) -> tuple[int, ...]:
    odd = [word for word in words if not (word.isascii() and word.isdigit())]
    if odd:
        raise BadUsageError(f"{odd[0]!r} is no picture's number (hebo-sync images list); {USAGE}")
    return tuple(int(word) for word in words)


def _export_one(parts: Parts, image_id: int, file: Path, *, force: bool) -> None:
    with parts.db.read() as session:
        row = row_of(session, GeneratedImage, image_id)
        gone = row.picture is not None and row.picture.dropped_at is not None
    if gone:
        raise TroubleError(f"picture {image_id} is no longer kept ([retention] pictures_days). Nothing was written")
    if row.picture_sha is None:
        raise TroubleError(f"picture {image_id} is {row.state}: there are no bytes of it. Nothing was written")
    data = parts.pictures.read(row.picture_sha)
    _write(file, data, force=force)
    click.echo(f"{file}: {len(data):,} bytes")


def _write(file: Path, data: bytes, *, force: bool) -> None:
    try:
        with file.open("wb" if force else "xb") as stream:
            stream.write(data)
    except FileExistsError:
        raise BadUsageError(f"{file} is there already; --force overwrites it. Nothing was written to it") from None
    except OSError as error:
        raise TroubleError(f"{file} could not be written: {error.strerror}") from error


def _export_many(parts: Parts, choice: Choice, *, force: bool) -> None:
    """The pictures, their originals and the contact sheet. One that is damaged is told, and the rest goes on."""
    with parts.db.read() as session:
        rows = [row for row in _rows(session, parts, choice) if row.picture and row.picture.dropped_at is None]
        blocks, files = _lay_out(session, rows, parts.pictures)
    if not rows:
        raise TroubleError("there are no such pictures yet. Nothing was written")
    _demand_room(choice.target, [*files, SHEET], force=force)
    damaged = [problem for name, sha in files.items() if (problem := _copy(parts.pictures, sha, choice.target / name))]
    _write(choice.target / SHEET, contact_sheet(blocks).encode(), force=True)
    click.echo(f"{counted(len(rows), 'picture')} in {choice.target}; to look at them, open {choice.target / SHEET}")
    if damaged:
        raise TroubleError(f"{counted(len(damaged), 'file')} could not be exported. {'. '.join(damaged[:5])}")


def _rows(session: Session, parts: Parts, choice: Choice) -> Iterable[GeneratedImage]:
    """Raises BadUsageError, StoreUnknownError, TroubleError."""
    if choice.ids:
        rows = rows_of(session, GeneratedImage, choice.ids)
        missing = [str(row.id) for row in rows if row.picture_sha is None]
        if missing:
            raise TroubleError(f"there are no bytes of these pictures: {', '.join(missing)}. Nothing was written")
        return rows
    store_id = store_id_of(session, parts, choice.store)
    page = views.list_images(session, store_id=store_id, state=choice.state, limit=MOST)
    return rows_of(session, GeneratedImage, sorted(row.id for row in page.rows))


def _lay_out(session: Session, rows: Sequence[GeneratedImage], pictures: PictureStore) -> tuple[list[Block], Files]:
    """The blocks of the contact sheet, and what is to be written. An original that is not kept is left out."""
    blocks: dict[tuple[str, str], Block] = {}
    files: Files = {}
    for row in rows:
        view, original = views.image_view(row), row.round.reference_sha
        product = f"{view.store}:{view.external_id}"
        if (product, original) not in blocks:
            kept = session.get(Picture, original) if pictures.exists(original) else None
            name = _add(files, f"{product}-original", kept.mime, original, row.round_id) if kept else None
            blocks[product, original] = Block(view.title, product, name, [])
        name = _add(files, f"{product}-{view.shot}", view.mime, row.picture_sha or "", view.id)
        blocks[product, original].entries.append(Entry(view, name, tuple(remarks(view))))
    return list(blocks.values()), files


def _add(files: Files, wanted: str, mime: str | None, sha: str, number: int) -> str:
    """A name that is fit for every file system and not taken yet; `number` is added where it is."""
    stem, ending = ODD.sub("-", wanted).strip(".-")[:LONGEST], ENDINGS.get(mime or "", ".img")
    taken = {name.casefold() for name in files}
    name = f"{stem}{ending}"
    if name.casefold() in taken:
        name = f"{stem}-{number}{ending}"
    files[name] = sha
    return name


def _demand_room(folder: Path, names: Sequence[str], *, force: bool) -> None:
    """Make the folder; raises BadUsageError where a file is there already, TroubleError where it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TroubleError(f"{folder} could not be made: {error.strerror}. Nothing was written") from error
    there = [name for name in names if (folder / name).exists()]
    if there and not force:
        raise BadUsageError(f"{folder / there[0]} is there already; --force overwrites. Nothing was written")


def _copy(pictures: PictureStore, sha: str, file: Path) -> str | None:
    """Write one file; gives what is wrong with the stored bytes, if anything."""
    try:
        data = pictures.read(sha)
    except StorageError as error:
        return str(error)
    _write(file, data, force=True)
    return None


def contact_sheet(blocks: Sequence[Block]) -> str:
    """The page: static, without scripts, every text escaped, in English and Chinese."""
    page = (resources.files("plugin") / "cli" / "contact_sheet.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["both"] = both
    return environment.from_string(page).render(blocks=blocks)
