"""The state of a sandbox Shopify store, and what other editors do to it. Thread-safe: every method takes the lock."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import Any
from uuid import uuid4

from plugin.sandbox.shopify.files import FileStore
from plugin.sandbox.shopify.model import Indexed, Job, Product, Variant, gid, handle_of, iso, number_of
from plugin.sandbox.shopify.options import SandboxOptions

DEFAULT_OPTION = "Title"
DEFAULT_VARIANT = "Default Title"  # a product without options has one variant of this name
SEARCHED = attrgetter(*Indexed.__slots__)


class ShopifyStore(FileStore):
    """Products, variants, media, files, jobs and staged targets (see `ShopState`).

    The methods act like somebody in the shop's administration: they need no token, they cost nothing and no fault
    touches them. Products and variants go by their numbers, media by their gids. `settle` brings everything to the
    present moment; the API calls it before each call, and so do the methods that tell of listings.
    """

    def __init__(self, options: SandboxOptions, clock: Callable[[], float]) -> None:
        super().__init__(options, clock)
        self._due: list[tuple[float, Callable[[], None]]] = []
        self._handles: set[str] = set()

    def settle(self) -> None:
        """Do what has become due: files that are processed, and reorders whose time has come."""
        with self.lock:
            for media in self._processed():
                for product in self.products_of(media.gid):
                    self._changed(product, media.ready_at)
            now = self.now()
            due = sorted((entry for entry in self._due if entry[0] <= now), key=lambda entry: entry[0])
            self._due = [entry for entry in self._due if entry[0] > now]
            for _, work in due:
                work()

    def later(self, seconds: float, work: Callable[[], None]) -> None:
        """Do something in so many seconds of the shop's clock; at once where that is 0."""
        if not seconds:
            work()
            return
        with self.lock:
            self._due.append((self.now() + seconds, work))

    # -- products ------------------------------------------------------------------------------------------------

    def add_product(self, title: str, images: Sequence[str] = (), **fields: Any) -> int:
        """Make a product and give its number. `images`: gids of media, in order. `fields`: of `Product`; price and sku.

        It has no options and one variant until `add_variant` is called.
        """
        with self.lock:
            now = fields.pop("updated", self.now())
            price, sku, number = fields.pop("price", "0.00"), fields.pop("sku", ""), fields.pop("id", 0)
            handle = self._free_handle(fields.pop("handle", "") or handle_of(title))
            product = Product(self.next_id(number), title, handle, fields.pop("created", now), now, **fields)
            self._place(product, images)
            self.products[product.id] = product
            product.options = {DEFAULT_OPTION: [DEFAULT_VARIANT]}
            self._add_variant(product, {DEFAULT_OPTION: DEFAULT_VARIANT}, price, sku)
            self._changed(product, now)
            return product.id

    def _free_handle(self, handle: str) -> str:
        count, free = 0, handle
        while free in self._handles:
            count += 1
            free = f"{handle}-{count}"
        self._handles.add(free)
        return free

    def update(self, product_id: int, **fields: Any) -> None:
        """Change fields of a product, as another editor; `updatedAt` moves."""
        with self.lock:
            product = self.products[product_id]
            for name, value in fields.items():
                if name not in Product.__slots__:
                    raise AttributeError(f"a product has no {name}")
                setattr(product, name, value)
            self._changed(product)

    def touch(self, product_id: int) -> None:
        """Nothing but `updatedAt` moves."""
        self.update(product_id)

    def change_inventory(self, product_id: int, by: int = -1) -> None:
        """Something was sold or came in: `updatedAt` moves (the schema says so), and nothing else that is read."""
        with self.lock:
            variant = self.variants[self.products[product_id].variants[0]]
            variant.inventory += by
            self._changed(self.products[product_id])

    def remove(self, product_id: int) -> None:
        """Delete a product with its variants; its files stay."""
        with self.lock:
            product = self.products.pop(product_id)
            self._place(product, ())
            self._handles.discard(product.handle)
            for variant in product.variants:
                self.variants.pop(variant, None)

    def _changed(self, product: Product, when: float | None = None) -> None:
        product.updated = max(product.updated, self.now() if when is None else when)
        if self.options.index_lag:
            product.history.append(Indexed(*SEARCHED(product)))

    def indexed(self, product: Product) -> Product | Indexed | None:
        """What searches know of a product now (see `index_lag`); None: nothing yet."""
        if not self.options.index_lag:
            return product
        until = self.now() - self.options.index_lag
        with self.lock:
            known = [entry for entry in product.history if entry.updated <= until]
            if known:
                product.history = [known[-1], *product.history[len(known) :]]
        return known[-1] if known else None

    # -- variants ------------------------------------------------------------------------------------------------

    def add_variant(
        self, product_id: int, options: Mapping[str, str], media: str = "", *, price: str = "", sku: str = ""
    ) -> int:
        """Make a variant and give its number. `media`: the gid of its picture, which must be among the product's."""
        with self.lock:
            product = self.products[product_id]
            first = self.variants[product.variants[0]]
            if list(first.options) == [DEFAULT_OPTION]:
                del self.variants[product.variants.pop()]
                product.options = {}
            for name, value in options.items():
                values = product.options.setdefault(name, [])
                values.extend([] if value in values else [value])
            variant = self._add_variant(product, options, price or first.price, sku)
            variant.media = media
            self._changed(product)
            return variant.id

    def _add_variant(self, product: Product, options: Mapping[str, str], price: str, sku: str) -> Variant:
        now, title = product.updated, " / ".join(options.values())
        variant = Variant(self.next_id(), product.id, title, dict(options), price, sku, created=now, updated=now)
        self.variants[variant.id] = variant
        product.variants.append(variant.id)
        return variant

    def set_variant_media(self, variant_id: int, media: str) -> None:
        """Give a variant one of the product's media ("": none)."""
        with self.lock:
            variant = self.variants[variant_id]
            variant.media, variant.updated = media, self.now()
            self._changed(self.products[variant.product])

    # -- listings ------------------------------------------------------------------------------------------------

    def media_ids(self, product_id: int) -> list[str]:
        """The gids of a product's media in order, videos and the like among them."""
        with self.lock:
            self.settle()
            return list(self.products[product_id].media)

    def media_names(self, product_id: int) -> list[str]:
        """The file names of a product's media, in order."""
        with self.lock:
            return [self.media[media].name for media in self.media_ids(product_id)]

    def set_media_order(self, product_id: int, media: Sequence[str]) -> None:
        """Give a product exactly this list of media; a variant that used one that goes loses it."""
        with self.lock:
            product = self.products[product_id]
            for gone in set(product.media) - set(media):
                self._clear_variants(product, gone)
            self._place(product, media)
            self._changed(product)

    def attach(self, product_id: int, media: str, position: int | None = None) -> None:
        """Put a file into a listing, at its end or (0: in front) at a position; one that stands there stays."""
        with self.lock:
            product = self.products[product_id]
            if media not in product.media:
                place = len(product.media) if position is None else position
                self._place(product, [*product.media[:place], media, *product.media[place:]])
                self._changed(product)

    def detach(self, product_id: int, media: str) -> None:
        """Take a file out of a listing; it stays among the files, and a variant that used it loses it."""
        with self.lock:
            product = self.products[product_id]
            if media in product.media:
                self._place(product, [each for each in product.media if each != media])
                self._clear_variants(product, media)
                self._changed(product)

    def remove_file(self, media: str) -> None:
        """Delete a file for good: it is gone from every listing. Raises `KeyError`."""
        with self.lock:
            for product in self.products_of(media):
                self.detach(product.id, media)
            self.forget_file(media)

    def products_of(self, media: str) -> list[Product]:
        """The products that show a file."""
        return [product for product in self.products.values() if media in product.media]

    def orphans(self) -> list[str]:
        """The gids of files that no product shows."""
        with self.lock:
            used = {media for product in self.products.values() for media in product.media}
            return [media for media in self.media if media not in used]

    def touch_shown(self, media: str) -> None:
        """A file has changed, and with it the products that show it."""
        with self.lock:
            for product in self.products_of(media):
                self._changed(product)

    def _place(self, product: Product, media: Sequence[str]) -> None:
        """Give a product another list; what comes in or leaves is marked with the time."""
        for each in {*product.media} ^ {*media}:
            self.media[each].placed_at = self.now()
        product.media = list(media)

    def unused(self) -> set[str]:
        """The gids of the files that the index takes for unused (see `index_lag`)."""
        with self.lock:
            late = self.now() - self.options.index_lag
            now_unused = set(self.orphans())
            return {gid for gid, media in self.media.items() if (gid in now_unused) == (media.placed_at <= late)}

    def _clear_variants(self, product: Product, media: str) -> None:
        for variant in map(self.variants.__getitem__, product.variants):
            if variant.media == media:
                variant.media, variant.updated = "", self.now()

    # -- jobs ----------------------------------------------------------------------------------------------------

    def reorder_later(self, product_id: int, moves: Iterable[tuple[str, int]]) -> Job:
        """Moves that are applied one after another in `job_after` seconds."""
        with self.lock:
            job = Job(gid("Job", str(uuid4())), product_id, tuple(moves), self.now() + self.options.job_after)
            self.jobs[job.gid] = job
            self._due.append((job.done_at, partial(self._reorder, job)))
            return job

    def _reorder(self, job: Job) -> None:
        job.done = True
        product = self.products.get(job.product)
        if product is None:
            return
        for media, position in job.moves:
            if media in product.media:  # it may have gone meanwhile
                product.media.remove(media)
                product.media.insert(position, media)  # beyond the end: at the end, as the schema says
        self._changed(product, job.done_at)

    # -- everything ----------------------------------------------------------------------------------------------

    def product_numbered(self, text: str) -> Product | None:
        """The product of a gid."""
        is_product = text.startswith("gid://shopify/Product/")
        return self.products.get(number_of(text)) if is_product else None

    def snapshot(self) -> dict[str, Any]:
        """Everything that an editor sees, as plain values: two equal snapshots are two equal shops."""
        with self.lock:
            self.settle()
            return {
                "products": {product.id: self._product_entry(product) for product in self.products.values()},
                "files": {media.gid: [media.name, media.alt, media.status] for media in self.media.values()},
            }

    def _product_entry(self, product: Product) -> dict[str, Any]:
        return {
            "title": product.title,
            "handle": product.handle,
            "status": product.status,
            "updated": iso(product.updated),
            "media": [[media, self.media[media].name, self.media[media].alt] for media in product.media],
            "variants": {variant: self.variants[variant].media for variant in product.variants},
        }
