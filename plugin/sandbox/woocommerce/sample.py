"""The sample shop of the sandbox store: some 20 products with drawn pictures, and every case that a store can hold.

Simple and variable products, variations with photos of their own, drafts and a private one, one that has only a
gallery, one without a picture, one whose picture was deleted, one whose file is lost, Chinese titles and file names.
"""

from collections.abc import Mapping, Sequence

from plugin.sandbox.catalogue.feed import SAMPLES, Sample
from plugin.sandbox.catalogue.pictures import drawn
from plugin.sandbox.woocommerce.store import WooStore

DAY = 86_400.0
FILES = {"HB-1003": "青瓷提梁茶壶.jpg", "HB-1008": "香水-正面.jpg"}  # what WordPress keeps raw in `src`
STATUSES = {"HB-1012": "draft", "HB-1013": "pending", "HB-1015": "private"}
SALES = {"HB-1010": "27.90"}
COLOURS = (("Coral", 0), ("Sky", 2), ("Violet", 4))  # of the variable product: option and edition of the drawing


def seed_sample(store: WooStore) -> None:
    """Put the sample shop into an empty store."""
    rows = {sample.id: sample for sample in SAMPLES if not sample.shares_image}
    terms: dict[str, int] = {}
    start = store.now() - (len(rows) + 10) * DAY
    for place, sample in enumerate(rows.values()):
        add_simple(store, sample, terms, start + place * DAY)
    add_shoes(store, rows["HB-1004"], start + len(rows) * DAY)
    add_odd_ones(store, rows, start + (len(rows) + 1) * DAY)


def add_simple(store: WooStore, sample: Sample, terms: dict[str, int], at: float) -> int:
    """One row of the sample catalogue with its picture; every second one also in another colour."""
    images = [picture(store, sample, 0), *([picture(store, sample, 1)] if int(sample.id[-1]) % 2 else [])]
    return store.add_product(
        sample.title,
        images,
        description=f"<p>{sample.description}</p>",
        short_description=sample.description.partition("。")[0].partition(". ")[0],
        sku=sample.id,
        regular_price=sample.price.split()[0],
        sale_price=SALES.get(sample.id, ""),
        status=STATUSES.get(sample.id, "publish"),
        categories=categories(store, terms, sample.kind),
        attributes=[attribute("Colour", [sample.color_name])],
        brands=[{"id": 900, "name": "Hebo Living", "slug": "hebo-living"}],
        created=at,
        modified=at,
    )


def categories(store: WooStore, terms: dict[str, int], path: str) -> list[int]:
    """The last category of a path like `Home & Garden > Kitchen > Mugs`; those above it are made too."""
    parent = 0
    for name in path.split(" > "):
        key = f"{parent}/{name}"
        if key not in terms:
            terms[key] = store.add_category(name, parent)
        parent = terms[key]
    return [parent]


def attribute(name: str, options: Sequence[str], *, variation: bool = False) -> Mapping[str, object]:
    """A product's own attribute, as the API shows it."""
    return {
        "id": 0,
        "name": name,
        "slug": name,
        "position": 0,
        "visible": True,
        "variation": variation,
        "options": list(options),
    }


def add_shoes(store: WooStore, sample: Sample, at: float) -> None:
    """A variable product: two sizes of three colours, each colour with a photo of its own but for the last one."""
    names = [name for name, _ in COLOURS]
    made = store.add_product(
        "Velo runner sneaker, three colours",
        [picture(store, sample, 0)],
        type="variable",
        description=f"<p>{sample.description}</p>",
        sku="HB-VELO",
        attributes=[attribute("Color", names, variation=True), attribute("Size", ["42", "43"], variation=True)],
        tags=[store.add_tag("新品"), store.add_tag("running")],
        created=at,
        modified=at,
    )
    for name, edition in COLOURS:
        image = picture(store, sample, edition, f"velo-{name.lower()}.jpg") if name != COLOURS[-1][0] else 0
        for size in ("42", "43"):
            sku = f"HB-VELO-{name}-{size}"
            store.add_variation(made, {"Color": name, "Size": size}, image, sku=sku, regular_price="89.90")
    store.products[made].modified = at


def add_odd_ones(store: WooStore, rows: Mapping[str, Sample], at: float) -> None:
    """Products that need care: their names say why."""
    gallery = [picture(store, rows["HB-1011"], edition) for edition in (1, 2)]
    gone = picture(store, rows["HB-1007"], 2)
    lost = picture(store, rows["HB-1014"], 2)
    listed: tuple[tuple[str, Sequence[int], str], ...] = (
        ("Solis shell chair, gallery only (no main image)", gallery, "HB-2001"),
        ("Mystery box (no picture)", (), "HB-2002"),
        ("Lumen lamp (its picture was deleted)", (gone,), "HB-2003"),
        ("Ficus (its picture file is lost)", (lost,), "HB-2004"),
    )
    for place, (name, images, sku) in enumerate(listed):
        day = at + place * DAY
        store.add_product(
            name, images, gallery_only=len(images) > 1, sku=sku, regular_price="49.00", created=day, modified=day
        )
    store.attachments.pop(gone)  # gone from the database, so that the product still names it
    store.lose_file(lost)


def picture(store: WooStore, sample: Sample, edition: int, name: str = "") -> int:
    """A drawn picture in the library; the first view of a product carries an alternative text."""
    view = f"-{edition + 1}" if edition else ""
    alt = sample.title if edition == 0 else ""
    file = name or FILES.get(sample.id, f"{sample.id.lower()}.jpg").replace(".jpg", f"{view}.jpg")
    return store.add_attachment(drawn(sample.id, edition), file, alt=alt)
