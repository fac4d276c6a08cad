"""What a new sandbox Shopify store holds: a sample shop, or many generated products.

The sample shop has a dozen good products with drawn pictures, and one of each case that needs care: no picture, a
video in front, a picture that is still processed, a draft, an archived product, a main picture that carries a key of
this app. One product has variants with pictures of their own.
"""

from collections.abc import Mapping, Sequence
from functools import partial

from plugin.sandbox.catalogue.feed import SAMPLES, Sample
from plugin.sandbox.catalogue.pictures import drawn, plain_picture
from plugin.sandbox.shopify.options import SandboxOptions
from plugin.sandbox.shopify.store import ShopifyStore

DAY = 86_400.0
YEAR = 365 * DAY
VENDOR = "Hebo Living"
STATUSES = {"HB-1012": "DRAFT", "HB-1013": "ARCHIVED"}
SHOES = "HB-1004"
COLOURS = (("Coral", 0), ("Sky", 2), ("Violet", 4))  # of the shoes: option and edition of the drawing
SIZES = ("42", "43")
OUR_KEY = "hs-abcdefghijklmnopqrstuvwxyz"  # as the app names the pictures that it made
SHARED_PHOTOS = 8
PHOTO_SIDE = 400
TEXTS = tuple(f"<p>Made of {wood}, 30 cm, one kilogram.</p>" for wood in ("oak", "beech", "ash", "walnut", "竹"))
PRICES = tuple(f"{10 + place}.00" for place in range(90))


def fill(store: ShopifyStore, options: SandboxOptions) -> None:
    """Put the catalogue that the options name into an empty store."""
    if options.catalogue == "sample":
        seed_sample(store)
    elif options.catalogue == "many":
        many(store, options.count)


def seed_sample(store: ShopifyStore) -> None:
    """Put the sample shop into an empty store; its products are some weeks old."""
    rows = {sample.id: sample for sample in SAMPLES if not sample.shares_image}
    start = store.now() - (len(rows) + 10) * DAY
    for place, sample in enumerate(rows.values()):
        make = add_shoes if sample.id == SHOES else add_row
        make(store, sample, start + place * DAY)
    add_odd_ones(store, rows, start + len(rows) * DAY)


def add_like(
    store: ShopifyStore, sample: Sample, title: str, media: Sequence[str], at: float, sku: str, price: str = ""
) -> int:
    """A product with these media, of which all else is as with the sample; its number."""
    return store.add_product(
        title, media, description=f"<p>{sample.description}</p>", vendor=VENDOR,
        product_type=sample.kind.rpartition(" > ")[2], category=sample.category,
        tags=[sample.color_name, VENDOR.lower()], status=STATUSES.get(sku, "ACTIVE"),
        seo_title=f"{title} | {VENDOR}" if int(sample.id[-1]) % 3 == 0 else None,
        price=price or sample.price.split()[0], sku=sku, created=at, updated=at,
    )  # fmt: skip


def add_row(store: ShopifyStore, sample: Sample, at: float) -> None:
    """One row of the sample catalogue with its picture; every second one also in another colour."""
    views = range(2 if int(sample.id[-1]) % 2 else 1)
    add_like(store, sample, sample.title, [picture(store, sample, view) for view in views], at, sample.id)


def picture(store: ShopifyStore, sample: Sample, edition: int = 0, name: str = "", *, ready: bool = True) -> str:
    """The gid of a drawn picture; the first view of a product carries an alternative text."""
    view = f"-{edition + 1}" if edition else ""
    alt = sample.title if edition == 0 else ""
    return store.add_media(drawn(sample.id, edition), name or f"{sample.id.lower()}{view}.jpg", alt, ready=ready)


def add_shoes(store: ShopifyStore, sample: Sample, at: float) -> None:
    """Two sizes of three colours: one shows the product's first picture, one another, one has none of its own."""
    shown = {name: picture(store, sample, edition, f"velo-{name.lower()}.jpg") for name, edition in COLOURS[:-1]}
    number = add_like(store, sample, "Velo runner sneaker, three colours", list(shown.values()), at, "HB-VELO")
    for name, _ in COLOURS:
        for size in SIZES:
            sku = f"HB-VELO-{name}-{size}"
            store.add_variant(number, {"Color": name, "Size": size}, shown.get(name, ""), sku=sku)
    store.products[number].updated = at


def add_odd_ones(store: ShopifyStore, rows: Mapping[str, Sample], at: float) -> None:
    """Products that need care: their names say why."""
    chair, lamp, bottle, mug = (rows[name] for name in ("HB-1011", "HB-1007", "HB-1010", "HB-1001"))
    film = store.add_media(b"", "chair.mp4", "The chair from all sides", kind="Video")
    slow = picture(store, lamp, 2, "lamp-new.jpg", ready=False)
    store.media[slow].ready_at += YEAR
    ours = picture(store, bottle, 2, f"summit-{OUR_KEY}.jpg")
    listed: tuple[tuple[str, Sequence[str], Sample], ...] = (
        ("Mystery box (no picture)", (), mug),
        ("Solis shell chair (a video in front)", (film, picture(store, chair, 2)), chair),
        ("Lumen lamp (its picture is still processed)", (slow,), lamp),
        ("Summit bottle (its main picture was made by this app)", (ours, picture(store, bottle, 3)), bottle),
    )
    for place, (title, media, sample) in enumerate(listed):
        add_like(store, sample, title, media, at + place * DAY, f"HB-200{place + 1}", "49.00")


def many(store: ShopifyStore, count: int) -> None:
    """So many generated products, a minute apart, each with one to three pictures of a few tiny photos.

    Their texts, tags and the bytes of their pictures are shared, to keep memory small.
    """
    photos = [plain_picture(PHOTO_SIDE, PHOTO_SIDE, "JPEG", shade) for shade in range(SHARED_PHOTOS)]
    models = [store.add_media(data, f"photo-{shade + 1}.jpg") for shade, data in enumerate(photos)]
    add = partial(store.add_product, vendor=VENDOR, product_type="Samples", tags=[])
    start = store.now() - (count + 1) * 60.0
    for number in range(1, count + 1):
        title = f"Product {number:06d}" if number % 5 else f"商品 {number:06d}"
        model, at = models[number % SHARED_PHOTOS], start + number * 60.0
        views = "abc"[: 1 + number % 3]
        pictures = [store.add_picture_like(model, f"product-{number}-{view}.jpg", title) for view in views]
        add(
            title, pictures, handle=f"product-{number}", description=TEXTS[number % len(TEXTS)],
            price=PRICES[number % len(PRICES)], sku=f"SKU-{number:06d}", created=at, updated=at,
        )  # fmt: skip
