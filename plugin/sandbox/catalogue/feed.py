"""A sample catalogue: a product feed in the Google Merchant Center format, with pictures drawn here."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count as count_from
from itertools import islice
from pathlib import Path

from plugin.sandbox.catalogue import home, wear
from plugin.sandbox.catalogue.kit import Canvas, Color, mix, rgb, turned

FEED_NAME = "feed.tsv"
IMAGE_FOLDER = "images"
COLUMNS = (
    "id", "title", "description", "link", "image_link", "additional_image_link", "availability", "condition", "price",
    "brand", "product_type", "google_product_category", "item_group_id", "color", "size",
)  # fmt: skip

# Neighbouring multiples of it are far apart on the colour wheel and never meet again.
_HUE_STEP = 0.381966


@dataclass(frozen=True, slots=True)
class Sample:
    """One row of the sample feed and the colours that its picture is drawn in."""

    id: str
    title: str
    description: str
    price: str
    kind: str
    category: str
    color_name: str
    draw: Callable[[Canvas, Color, Color], None]
    color: str
    accent: str
    group: str = ""
    size: str = ""
    shares_image: bool = False  # with the row before it
    edition: int = 0  # 0: as listed below; from 1 on repeated in other colours


SAMPLES = (
    Sample(
        "HB-1001", "Tidal stoneware mug, 350 ml",
        "Hand-thrown stoneware mug with a deep sea-blue glaze over a raw cream foot. Holds 350 ml, "
        "with a handle wide enough for three fingers. Dishwasher and microwave safe.",
        "24.00 EUR", "Home & Garden > Kitchen > Mugs",
        "Home & Garden > Kitchen & Dining > Tableware > Drinkware > Mugs", "Sea blue", home.mug, "#2f6f8f", "#e9e2d3",
    ),
    Sample(
        "HB-1002", "Harbour day pack, 18 l",
        "Everyday backpack in waxed navy canvas with vegetable-tanned leather straps and brass buckles. "
        "Padded laptop sleeve inside, quick-access pocket in front.",
        "129.00 EUR", "Luggage & Bags > Backpacks", "Luggage & Bags > Backpacks",
        "Navy", wear.backpack, "#35506b", "#9a5f38",
    ),
    Sample(
        "HB-1003", "青瓷提梁茶壶 600ml",
        "景德镇手工青瓷茶壶，釉色温润如玉，竹制提梁隔热防烫。容量 600 毫升，内置陶瓷滤孔，适合二至四人饮茶。",
        "328.00 CNY", "家居 > 茶具 > 茶壶", "Home & Garden > Kitchen & Dining > Tableware > Coffee & Tea Pots",
        "青绿", home.teapot, "#7a9a84", "#c79a5b",
    ),
    Sample(
        "HB-1004", "Velo runner sneaker, EU 42",
        "Light road-running shoe with a breathable knit upper, a cushioned foam midsole and coral overlays "
        "that hold heel and toe.",
        "89.90 EUR", "Apparel & Accessories > Shoes > Running shoes", "Apparel & Accessories > Shoes", "White / coral",
        wear.sneaker, "#eceef2", "#e2573f", group="HB-VELO", size="42",
    ),
    Sample(
        "HB-1005", "Velo runner sneaker, EU 43",
        "Light road-running shoe with a breathable knit upper, a cushioned foam midsole and coral overlays "
        "that hold heel and toe.",
        "89.90 EUR", "Apparel & Accessories > Shoes > Running shoes", "Apparel & Accessories > Shoes", "White / coral",
        wear.sneaker, "#eceef2", "#e2573f", group="HB-VELO", size="43", shares_image=True,
    ),
    Sample(
        "HB-1006", "Meridian automatic watch, 40 mm",
        "Automatic three-hand watch with a sunburst blue dial, brushed steel case and a stitched brown leather strap. "
        "Water resistant to 50 m.",
        "349.00 EUR", "Apparel & Accessories > Jewelry > Watches", "Apparel & Accessories > Jewelry > Watches",
        "Steel / blue", wear.wristwatch, "#1f3a5f", "#7a4a2b",
    ),
    Sample(
        "HB-1007", "Lumen table lamp with linen shade",
        "Warm evening light: a ceramic base in bottle green under a natural linen shade. E27 socket, dimmable, "
        "with a switch on the cord.",
        "79.00 EUR", "Home & Garden > Lighting > Table lamps", "Home & Garden > Lighting > Lamps", "Bottle green",
        home.table_lamp, "#f1e6d2", "#4a6a5c",
    ),
    Sample(
        "HB-1008", "晨雾玫瑰淡香水 50ml",
        "前调粉红胡椒与佛手柑，中调大马士革玫瑰，尾调白麝香与雪松。厚底玻璃瓶身，金色磁吸瓶盖，留香约六小时。",
        "459.00 CNY", "美妆个护 > 香水", "Health & Beauty > Personal Care > Cosmetics > Perfume & Cologne",
        "玫瑰粉", home.perfume, "#e7a28f", "#d4ac5a",
    ),
    Sample(
        "HB-1009", "Aria wireless headphones",
        "Over-ear headphones with active noise cancelling, soft brown ear cushions and up to 30 hours of music. "
        "Folds flat, charges by USB-C.",
        "199.00 EUR", "Electronics > Audio > Headphones",
        "Electronics > Audio > Audio Components > Headphones & Headsets > Headphones", "Sand",
        wear.headphones, "#d9d3c7", "#8a6f5a",
    ),
    Sample(
        "HB-1010", "Summit insulated bottle, 750 ml",
        "Double-walled steel bottle that keeps drinks cold for 24 hours and hot for 12. Powder-coated in pine green, "
        "leak-proof lid with a carrying loop.",
        "34.50 EUR", "Sporting Goods > Outdoor > Water bottles",
        "Home & Garden > Kitchen & Dining > Food & Beverage Carriers > Water Bottles", "Pine green",
        home.water_bottle, "#3d7f73", "#2b2f33",
    ),
    Sample(
        "HB-1011", "Solis shell chair",
        "Dining chair with a softly curved shell in saffron yellow on four turned beech legs. "
        "Comfortable for long evenings, stable on every floor.",
        "219.00 EUR", "Furniture > Chairs", "Furniture > Chairs > Kitchen & Dining Room Chairs", "Saffron",
        home.chair, "#e0a93b", "#b9834f",
    ),
    Sample(
        "HB-1012", "Riviera sunglasses, tortoise",
        "Acetate frame in dark tortoise with graduated green lenses, category 3, full UV protection. "
        "Five-barrel hinges and a spectacle case.",
        "115.00 EUR", "Apparel & Accessories > Sunglasses", "Apparel & Accessories > Clothing Accessories > Sunglasses",
        "Tortoise", wear.sunglasses, "#5a3a28", "#4d6b52",
    ),
    Sample(
        "HB-1013", "布面精装笔记本 A5",
        "酒红色布面硬壳笔记本，120 克米白道林纸，192 页锁线装订可平摊书写，附弹力绑带、书签丝带与铅笔一支。",
        "68.00 CNY", "办公文具 > 笔记本",
        "Office Supplies > General Office Supplies > Paper Products > Notebooks & Notepads",
        "酒红", wear.notebook, "#7b3f4a", "#d9b15f",
    ),
    Sample(
        "HB-1014", "Ficus in a terracotta pot, 45 cm",
        "Robust rubber plant with glossy leaves in a ribbed terracotta pot. Likes a bright spot and little water; "
        "arrives about 45 cm tall.",
        "39.00 EUR", "Home & Garden > Plants > Planters", "Home & Garden > Plants > Indoor & Outdoor Plants",
        "Terracotta", home.plant_pot, "#d98a6a", "#3f8a57",
    ),
    Sample(
        "HB-1015", "Nocturne compact camera",
        "Compact camera with a bright fixed lens, a large viewfinder and dials for everything that matters. "
        "Aluminium top plate, dark leather-look grip.",
        "649.00 EUR", "Cameras & Optics > Cameras", "Cameras & Optics > Cameras > Digital Cameras", "Silver / black",
        wear.camera, "#c9ccd1", "#3a3230",
    ),
)  # fmt: skip


def write_catalogue(folder: Path, count: int | None = None) -> Path:
    """Write the sample catalogue into `folder` (made if missing) and give the path of its feed.

    count: how many rows; None: the listed ones. Beyond those the products repeat in other colours. Every row has a
    picture file of its own, but for one pair of variants that share one. The same arguments always write the same
    bytes. Raises OSError when the folder cannot be written.
    """
    images = folder / IMAGE_FOLDER
    images.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, str]] = []
    image = ""
    for sample in islice(_samples(), len(SAMPLES) if count is None else count):
        if not sample.shares_image:
            image = f"{sample.id.lower()}.jpg"
            draw_sample(sample, images / image)
        rows.append(_row(sample, f"{IMAGE_FOLDER}/{image}"))
    return _write_feed(folder / FEED_NAME, rows)


def draw_sample(sample: Sample, file: Path) -> None:
    """Draw the product's picture, 1000 × 1000, as a JPEG."""
    canvas = Canvas()
    sample.draw(canvas, _recolored(sample.color, sample.edition), rgb(sample.accent))
    # The comment keeps the files of two near-grey editions apart.
    canvas.finished().save(file, "JPEG", quality=90, comment=sample.id)


def _samples() -> Iterator[Sample]:
    """The listed rows, then for ever the same products in other colours."""
    yield from SAMPLES
    for edition in count_from(1):
        for sample in SAMPLES:
            if not sample.shares_image:
                yield _edition_of(sample, edition)


def _edition_of(sample: Sample, edition: int) -> Sample:
    chinese = not sample.color_name.isascii()
    name = f"配色 {edition + 1}" if chinese else f"colour {edition + 1}"
    title = f"{sample.title}（{name}）" if chinese else f"{sample.title}, {name}"
    return replace(sample, id=f"{sample.id}-{edition + 1}", title=title, color_name=name, group="", edition=edition)


def _recolored(color: str, edition: int) -> Color:
    """The main colour in another edition; accents (wood, leather, leaves) stay as they are."""
    base = rgb(color)
    if edition == 0:
        return base
    # Greys have no hue to turn: some colour is mixed in first.
    tinted = mix(base, rgb("#c05a3c"), 0.35) if max(base) - min(base) < 40 else base
    return turned(tinted, edition * _HUE_STEP)


def _row(sample: Sample, image_link: str) -> dict[str, str]:
    return {
        "id": sample.id,
        "title": sample.title,
        "description": sample.description,
        "link": f"https://shop.example/products/{sample.id.lower()}",
        "image_link": image_link,
        "additional_image_link": "",
        "availability": "in_stock",
        "condition": "new",
        "price": sample.price,
        "brand": "Hebo Living",
        "product_type": sample.kind,
        "google_product_category": sample.category,
        "item_group_id": sample.group,
        "color": sample.color_name,
        "size": sample.size,
    }


def _write_feed(file: Path, rows: list[dict[str, str]]) -> Path:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return file
