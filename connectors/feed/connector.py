"""The feed store: a product feed that an ERP exports is the catalogue; another feed is the shop's listing.

input ──read──> index (state_dir) ──> products
input + publications (state_dir) ──flush──> output, and picture files beside it
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from filelock import FileLock, Timeout

from connectors.feed.files import needs_a_person, remove_leftovers, signature, write_whole
from connectors.feed.images import Resolver
from connectors.feed.index import build, find, is_current, note_seen, removed, rows, signature_text
from connectors.feed.inspect import inspect, look_at_output
from connectors.feed.listing import Composed, Entry, compose
from connectors.feed.model import Fields
from connectors.feed.options import FeedOptions
from connectors.feed.output import OutputWriter
from connectors.feed.ownership import claim_output, foreign_problem, was_written_here
from connectors.feed.pictures import Pictures, demand_plain_names
from connectors.feed.product import Listings, main_cell
from connectors.feed.publications import overlaid, published, store
from connectors.feed.source import Source, open_source
from connectors.feed.state import State, meta, set_meta
from connectors.state import transaction
from connectors.types import (
    Attached,
    ConnectorError,
    Environment,
    Gone,
    Listing,
    NewImage,
    Placement,
    Product,
    Skipped,
    StoreInfo,
)

_LOCK_SECONDS = 120.0
_ATTEMPTS = 3


class FeedConnector:
    """A `Connector` and `Batching`. Opening it touches nothing; every method looks at the files afresh."""

    def __init__(self, options: FeedOptions, environment: Environment):
        """options: which files. environment: folders and the clock."""
        self._now = environment.now
        self._input = environment.base_dir / options.path
        self._output = (environment.base_dir / options.output).resolve()
        self._state = State(environment.state_dir)
        self._pictures = Pictures(self._output, options.pictures_url)
        self._listings = Listings(Resolver(self._input.parent), self._pictures)
        self._rendering = options.pictures_url or ""
        self._staged: dict[str, list[Entry]] = {}
        self._batches = 0
        self._batching = False
        self._mended = False  # a picture file is back that an output may lack

    def check(self) -> StoreInfo:
        """See `Connector.check`: reads the whole feed, and tries whether a file can be made beside the output."""
        problems, notes = look_at_output(self._output)
        apart = self._input.parent.resolve() != self._output.parent
        try:
            with self._reading() as (db, source):
                info = inspect(db, source, self._listings, public=bool(self._rendering), apart=apart)
                if not was_written_here(db, self._output):
                    problems += foreign_problem(self._output, self._input)
                return replace(info, problems=(*problems, *info.problems), notes=(*info.notes, *notes))
        except ConnectorError as error:
            return StoreInfo(self._input.name, problems=(str(error), *problems), notes=tuple(notes))

    def products(self, changed_since: datetime | None) -> Iterator[Product | Skipped | Gone]:
        """See `Connector.products`. An output that is lacking, or that the input has outrun, is written first.

        A delta tells what left the input, a row that cannot be read any more included.
        """
        now = self._now()
        if not self._batching:
            yield from self._settle(dated=changed_since is None)
        with self._reading(dated=changed_since is None, seen=now) as (db, source):
            for row in rows(db, changed_since):
                if row.reason:
                    yield Skipped(f"line {row.line}", row.reason)
                    continue
                fields = source.format.fields(source.read(row.position, row.length))
                entries = self._entries(db, row.key) if row.published else ()
                yield from self._listings.read(row, fields, entries)
            if changed_since is not None:
                yield from map(Gone, removed(db, changed_since))
            source.demand_unchanged()

    def product(self, product_id: str) -> Product:
        """See `Connector.product`. Raises ConnectorError (permanent) if the feed has no such product."""
        with self._reading() as (db, source):
            row = find(db, product_id)
            if row is None:
                raise self._unknown(product_id)
            fields = source.format.fields(source.read(row.position, row.length))
            return self._listings.product(row, fields, self._entries(db, product_id))

    def attach(
        self,
        product_id: str,
        images: Sequence[NewImage],
        placement: Placement,
        remember: Callable[[Listing], None],
    ) -> Attached:
        """See `Connector.attach`. Outside of a batch the output is written at once.

        Raises ConnectorError: permanent if the feed has no such product or a file name is not usable.
        """
        demand_plain_names(product_id, images)
        fields, entries = self._state_of(product_id)
        if fields is None:
            raise self._unknown(product_id)
        before = _composed(fields, entries)
        wanted = {image.key: image for image in images}
        known = {entry.key for entry in entries if not entry.withdrawn}
        fresh = [image for image in wanted.values() if image.key not in before.keys() | known]
        planned = self._planned(fresh, placement)
        trial = _composed(fields, overlaid(entries, planned))
        refused = {entry.key: _no_room(product_id) for entry in trial.hidden if entry.key in wanted}
        accepted = [entry for entry in planned if entry.key not in refused]
        if accepted:
            remember(self._listings.listing(product_id, before))
        placed = [self._pictures.place(product_id, image) for image in wanted.values() if image.key not in refused]
        self._mended = self._mended or any(placed)
        self._stage(product_id, accepted)
        return Attached(self._listings.listing(product_id, _composed(fields, overlaid(entries, accepted))), refused)

    def restore(self, product_id: str, before: Listing, after: Listing, added: Sequence[str]) -> Listing:
        """See `Connector.restore`. The merge needs no snapshots: the output is made from the current input always.

        Works for a product that has left the feed too. The picture files stay on the disk.
        """
        fields, entries = self._state_of(product_id)
        fields = fields or Fields({}, ())
        known = {entry.key: entry for entry in entries if not entry.withdrawn}
        there = _composed(fields, entries).keys() | known.keys()
        gone = [_withdrawn(known.get(key), key) for key in dict.fromkeys(added) if key in there]
        self._stage(product_id, gone)
        return self._listings.listing(product_id, _composed(fields, overlaid(entries, gone)))

    @contextmanager
    def batch(self) -> Iterator[None]:
        """See `Batching.batch`: the output is written once, at the end; after an error not at all.

        Raises RuntimeError inside another batch.
        """
        if self._batching:
            raise RuntimeError("a batch is open already")
        self._batching, whole = True, False
        try:
            yield
            whole = True
        finally:
            self._batching = False
            if not whole:
                self._staged.clear()
        self._settle()

    def flush(self) -> tuple[Skipped, ...]:
        """Writes the output anew: the current input, all publications, and what is staged.

        Gives the published pictures whose files are lost, which were left out. Raises ConnectorError; then
        the old output is still there, and nothing that was staged took effect.
        """
        staged, self._staged = self._staged, {}
        self._mended = False
        try:
            self._refuse_same_file()
            with self._lock(), self._state.connect() as db, open_source(self._input) as source:
                claim_output(db, self._output, self._input)
                with transaction(db):
                    now = self._now()
                    if not is_current(db, source.signature):
                        build(db, source, now, dated=False)
                    store(db, staged)
                    return self._write(db, source)
        except OSError as error:
            raise ConnectorError(
                f"the output {self._output} could not be written ({error.strerror}); the old one is untouched. "
                "Check the disk and the rights of the folder",
                permanent=needs_a_person(error),
            ) from error

    def _write(self, db: sqlite3.Connection, source: Source) -> tuple[Skipped, ...]:
        """The file first, then (with the commit that follows) the state: a kill between the two leaves an output
        that the state does not know, which the next call finds by its signature and writes again."""
        writer = OutputWriter(db, source, self._pictures)
        self._output.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(self._output)
        self._pictures.sync()
        write_whole(self._output, writer.write)
        set_meta(db, "output", self._output_mark(source))
        return tuple(writer.missing)

    def _settle(self, *, dated: bool = False) -> tuple[Skipped, ...]:
        """Writes the output if something is staged, or if it is not what the input and the state make."""
        if self._staged or self._mended or self._is_stale(dated=dated):
            return self.flush()
        return ()

    def _is_stale(self, *, dated: bool) -> bool:
        with self._reading(dated=dated) as (db, source):
            return meta(db, "output") != self._output_mark(source)

    def _output_mark(self, source: Source) -> str:
        return f"{signature_text(signature(self._output))} {signature_text(source.signature)} {self._rendering}"

    @contextmanager
    def _reading(
        self, *, dated: bool = False, seen: datetime | None = None
    ) -> Iterator[tuple[sqlite3.Connection, Source]]:
        """The input, and a snapshot of the state whose index is the input's.

        dated: see `index.build`. seen: note that the input was looked at at this moment.
        """
        self._refuse_same_file()
        with self._state.connect() as db:
            for _ in range(_ATTEMPTS):
                now = self._now()
                with open_source(self._input) as source:
                    self._bring_up_to_date(db, source, now, dated=dated)
                    if seen is not None and is_current(db, source.signature):
                        note_seen(db, seen)
                    with transaction(db, "DEFERRED"):
                        if is_current(db, source.signature):
                            yield db, source
                            return
        raise source.changed()

    def _bring_up_to_date(self, db: sqlite3.Connection, source: Source, now: datetime, *, dated: bool) -> None:
        if not is_current(db, source.signature):
            with transaction(db):
                if not is_current(db, source.signature):
                    build(db, source, now, dated=dated)

    def _state_of(self, product_id: str) -> tuple[Fields | None, list[Entry]]:
        """What the input says of the product (None: nothing), and its publications, staged ones too."""
        with self._reading() as (db, source):
            row = find(db, product_id)
            fields = None if row is None else source.format.fields(source.read(row.position, row.length))
            return fields, self._entries(db, product_id)

    def _entries(self, db: sqlite3.Connection, product_id: str) -> list[Entry]:
        return overlaid(published(db, product_id), self._staged.get(product_id, ()))

    def _planned(self, images: Sequence[NewImage], placement: Placement) -> list[Entry]:
        """Entries for new pictures: only the first of them can become the main picture."""
        self._batches += 1
        after = Placement.AFTER_MAIN if placement is Placement.REPLACE_MAIN else placement
        return [
            Entry(i.key, i.filename, after if n else placement, -self._batches, i.alt, str(i.path.absolute()))
            for n, i in enumerate(images)
        ]

    def _stage(self, product_id: str, entries: Sequence[Entry]) -> None:
        """Adds to what the next flush commits, and flushes if no batch is open."""
        if entries:
            self._staged[product_id] = overlaid(self._staged.get(product_id, ()), entries)
        if not self._batching:
            self._settle()

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """One flush at a time, across processes."""
        self._state.folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self._state.folder / "feed.lock", timeout=_LOCK_SECONDS):
                yield
        except Timeout as error:
            raise ConnectorError(
                f"another process has been writing {self._output} for {_LOCK_SECONDS:.0f} s; nothing was changed, "
                "it is tried again"
            ) from error

    def _refuse_same_file(self) -> None:
        same = self._input.resolve() == self._output
        if same or (self._output.exists() and self._input.exists() and self._output.samefile(self._input)):
            raise ConnectorError(
                f"`output` is the same file as `path` ({self._output}); the input is never changed: "
                "name another output",
                permanent=True,
            )

    def _unknown(self, product_id: str) -> ConnectorError:
        return ConnectorError(f"the feed {self._input.name} has no product {product_id}", permanent=True)


def _composed(fields: Fields, entries: Sequence[Entry]) -> Composed:
    return compose(main_cell(fields), fields.additional, entries)


def _withdrawn(entry: Entry | None, key: str) -> Entry:
    """A note that the picture must not be there, for the entry that it had or (the input brought it) without one."""
    if entry is None:
        return Entry(key, "", Placement.APPEND, 0, withdrawn=True)
    return Entry(key, entry.filename, entry.placement, 0, entry.alt, entry.source, withdrawn=True)


def _no_room(product_id: str) -> str:
    return (
        f"product {product_id} has as many additional images as Google Merchant Center takes (10); "
        "take some out of the feed, or undo older pictures, and publish again"
    )
