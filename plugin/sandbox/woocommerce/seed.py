"""What a new sandbox store holds: a sample shop, the recorded store, many generated products, or nothing."""

from plugin.sandbox.catalogue.pictures import plain_picture
from plugin.sandbox.woocommerce.options import WooOptions
from plugin.sandbox.woocommerce.recorded import read_recordings, seed_recorded
from plugin.sandbox.woocommerce.sample import seed_sample
from plugin.sandbox.woocommerce.store import WooStore

DAY = 86_400.0
SHARED_PHOTOS = 8


def fill(store: WooStore, options: WooOptions) -> None:
    """Put the catalogue that the options name into an empty store."""
    if options.catalogue == "sample":
        seed_sample(store)
    elif options.catalogue == "many":
        seed_many(store, options.count)
    elif options.catalogue == "recorded" and options.recordings is not None:
        seed_recorded(store, read_recordings(options.recordings))


def seed_many(store: WooStore, count: int) -> None:
    """So many generated products, each with two of a few tiny photos that all share the same bytes."""
    photos = [plain_picture(400, 400, "JPEG", shade) for shade in range(SHARED_PHOTOS)]
    categories = [store.add_category(f"Category {number + 1}") for number in range(12)]
    start = store.now() - count * 60
    for number in range(count):
        name = f"Product {number + 1:05d}" if number % 5 else f"商品 {number + 1:05d}"
        data = photos[number % SHARED_PHOTOS]
        images = [store.add_attachment(data, f"product-{number + 1}-{view}.jpg", alt=name) for view in "ab"]
        store.add_product(
            name, images, slug=f"product-{number + 1}", created=start + number * 60, modified=start + number * 60,
            description=f"<p>Description of product {number + 1}: made of oak, 30 cm, one kilogram.</p>",
            sku=f"SKU-{number + 1:05d}", regular_price=f"{10 + number % 90}.00",
            categories=[categories[number % len(categories)]],
        )  # fmt: skip
