"""The picture files of ours that stay in a store's library: which they are, and deleting them on request.

Taking a picture off a listing leaves its file, since it may be used elsewhere. A file is deleted only when a person
asks for it, and only if our database knows its key and its picture is neither on a listing nor on its way to one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from connectors import ImageRef, Library, StoredPicture, key_in
from plugin.config import StoreSettings
from plugin.models import GeneratedImage, GenerationTask, Publication, PublicationImage
from plugin.pipeline import stores
from plugin.pipeline.parts import Parts
from plugin.pipeline.publications import keep_remaining, remaining
from plugin.pipeline.publishing.listings import listing_from_json
from plugin.pipeline.publishing.store_write import LEASE
from plugin.pipeline.stores import StoreChangeError
from plugin.states import ImageState, PublicationState

LIVE = (PublicationState.PUBLISHING, PublicationState.PUBLISHED, PublicationState.WITHDRAWING)
AT_ONCE = 50  # files deleted under one lease
LOOK, LOOKS = 0.5, 120  # seconds between two tries to become the store's writer, and how many

FOREIGN = "its key is not known here; was it made by another installation?"
APPROVED = "it is approved, so it may go to a listing at any time"
ON_ITS_WAY = "it is on its way to a listing, or off it"
PUBLISHED = "it counts as published; take it off its listing first (hebo-sync undo)"


@dataclass(frozen=True, slots=True)
class Orphan:
    """A file of a store's library that no listing shows. store, product, title: what it was made for, as far as our
    database knows its key. state: of the picture there (None: not known). kept: why it is not deleted ("": it may be).
    """

    file: StoredPicture
    store: str | None
    product: str | None
    title: str | None
    state: ImageState | None
    kept: str


def orphans(parts: Parts, config: StoreSettings) -> list[Orphan]:
    """The files that carry a key of ours and that no listing shows; reads the whole catalogue.

    Raises ConnectorError; StoreChangeError ("no_library") where the store keeps no files apart from its listings.
    """
    return judge(parts, library_of(parts, config).orphans())


def delete(parts: Parts, store_id: int, config: StoreSettings, chosen: Sequence[Orphan]) -> dict[str, str]:
    """Delete these files for good, as far as each may be deleted at that moment. Gives those still there, id → why.

    Nobody writes to the store meanwhile. Raises ConnectorError, StoreChangeError ("no_library", "paused", "writing").
    """
    library = library_of(parts, config)
    left: dict[str, str] = {}
    with _as_writer(parts, store_id, config) as renew:
        for start in range(0, len(chosen), AT_ONCE):
            renew()
            left |= _delete(parts, library, [orphan.file for orphan in chosen[start : start + AT_ONCE]])
    return left


def library_of(parts: Parts, config: StoreSettings) -> Library:
    """The store's connector as its library. Raises ConnectorError, StoreChangeError ("no_library")."""
    connector = stores.connect(parts, config)
    if not isinstance(connector, Library):
        raise StoreChangeError(
            "no_library",
            f"store {config.name!r} ({config.kind}) has no library of picture files, so nothing can be left in it",
        )
    return connector


def judge(parts: Parts, files: Sequence[StoredPicture]) -> list[Orphan]:
    """What our database says of each file."""
    with parts.db.read() as session:
        known = _images(session, {file.key for file in files})
        live = _live(session, {image.id for image in known.values()})
        return [_judged(file, known.get(file.key), live) for file in files]


def files_of(row: Publication, keys: Collection[str]) -> list[str]:
    """The names of the files with these keys, as the store named them on the listing that we left."""
    images = listing_from_json(row.after).images if row.after else ()
    return [_file_name(image) for image in images if image.key in keys]


def _file_name(image: ImageRef) -> str:
    return PurePosixPath(unquote(urlsplit(image.url).path)).name or image.id


def _judged(file: StoredPicture, image: GeneratedImage | None, live: Mapping[int, PublicationState]) -> Orphan:
    if image is None:
        return Orphan(file, None, None, None, None, FOREIGN)
    product = image.task.product
    kept = _kept(image.state, live.get(image.id))
    return Orphan(file, product.store.name, product.external_id, product.title, image.state, kept)


def _kept(state: ImageState, publication: PublicationState | None) -> str:
    """Why a picture's file stays; "": nothing needs it any more."""
    if state is ImageState.PUBLISHING or publication in (PublicationState.PUBLISHING, PublicationState.WITHDRAWING):
        return ON_ITS_WAY
    if state is ImageState.PUBLISHED or publication is PublicationState.PUBLISHED:
        return PUBLISHED
    return APPROVED if state is ImageState.APPROVED else ""


def _images(session: Session, keys: Collection[str]) -> dict[str, GeneratedImage]:
    product = joinedload(GeneratedImage.task).joinedload(GenerationTask.product)
    wanted = select(GeneratedImage).where(GeneratedImage.key.in_(keys)).options(product)
    return {image.key: image for image in session.scalars(wanted)}


def _live(session: Session, images: Collection[int]) -> dict[int, PublicationState]:
    """Of each picture that a listing has, gets or loses: how that stands; what is under way says more."""
    taken = PublicationImage.image_id.in_(images) & PublicationImage.refused.is_(None)
    states = select(PublicationImage.image_id, Publication.state).join(Publication)
    rows = session.execute(states.where(taken, Publication.state.in_(LIVE))).all()
    return dict(sorted(rows, key=lambda row: row[1] is not PublicationState.PUBLISHED))


def _delete(parts: Parts, library: Library, files: Sequence[StoredPicture]) -> dict[str, str]:
    judged = judge(parts, files)  # again: something may have been decided since they were shown
    left = {orphan.file.id: orphan.kept for orphan in judged if orphan.kept}
    wanted = [orphan.file for orphan in judged if not orphan.kept]
    if wanted:
        left |= library.delete(wanted)
        _forget(parts, {file.key for file in wanted if file.id not in left})
    return left


def _forget(parts: Parts, keys: Collection[str]) -> None:
    """The files with these keys are gone from the library."""
    with parts.db.write() as session:
        mine = select(PublicationImage.publication_id).join(PublicationImage.image).where(GeneratedImage.key.in_(keys))
        withdrawn = Publication.id.in_(mine) & (Publication.state == PublicationState.WITHDRAWN)
        for row in session.scalars(select(Publication).where(withdrawn)):
            keep_remaining(row, [name for name in remaining(row) if key_in(name) not in keys])


@contextmanager
def _as_writer(parts: Parts, store_id: int, config: StoreSettings) -> Iterator[Callable[[], None]]:
    """Be the store's writer for the length of the block; gives what renews the lease.

    Raises StoreChangeError ("paused", "writing").
    """
    _become_writer(parts, store_id, config)

    def renew() -> None:
        with parts.db.write() as session:
            if not stores.renew_writer(session, store_id, parts.instance, parts.clock.now() + LEASE):
                raise _taken(config)

    try:
        yield renew
    finally:
        with parts.db.write() as session:
            stores.release_writer(session, store_id, parts.instance)


def _become_writer(parts: Parts, store_id: int, config: StoreSettings) -> None:
    with parts.db.write() as session:
        if stores.stopped(session) is not None:
            raise StoreChangeError("stopped", "everything is stopped: nothing was deleted. Resume first")
        if store_id not in stores.configured(parts, session):
            raise StoreChangeError("paused", f"store {config.name!r} is paused: nothing was deleted. Resume it first")
        stores.end_rest(session, store_id)  # a person asks
    for _ in range(LOOKS):
        with parts.db.write() as session:
            if stores.take_writer(session, store_id, parts.instance, parts.clock.now(), LEASE):
                return
        parts.reach.sleep(LOOK)
    raise _taken(config)


def _taken(config: StoreSettings) -> StoreChangeError:
    return StoreChangeError(
        "writing", f"another hebo-sync writes to store {config.name!r}, so no more was deleted. Try again in a while"
    )
