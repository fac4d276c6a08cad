"""Writing pictures: lists that replace everything, pictures that the store fetches, and what each one leaves behind."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from PIL import Image

from plugin.sandbox.woocommerce.media import MediaError
from plugin.sandbox.woocommerce.server import WooService
from tests.plugin.sandbox.woo_kit import PICTURE, add_product, api, picture, pictures, shop


@pytest.fixture
def service() -> Iterator[WooService]:
    with shop() as made:
        yield made


@pytest.fixture
def host(service: WooService) -> Iterator[str]:
    """The address of a host that the store fetches pictures from."""
    with pictures() as (url, _):
        service.allow_fetch(int(url.rpartition(":")[2]))
        yield url


def put(service: WooService, product: int, images: Any) -> requests.Response:
    """Write a picture list."""
    answer: requests.Response = api(service).put(f"products/{product}", {"images": images})
    return answer


def names(service: WooService, product: int) -> list[str]:
    """The pictures that a product shows."""
    return service.store.image_names(product)


def test_the_list_replaces_everything_and_its_first_is_the_main_image(service: WooService) -> None:
    product = add_product(service, 3)
    first, second, third = service.store.images(product)
    answer = put(service, product, [{"id": third, "position": 2}, {"id": first, "position": 0}])
    assert [image["id"] for image in answer.json()["images"]] == [third, first]
    assert service.store.products[product].image == third
    assert second in service.store.orphans()


@pytest.mark.parametrize("images", [[], None, [{}]])
def test_what_wipes_the_list(service: WooService, images: Any) -> None:
    product = add_product(service)
    assert put(service, product, images).json()["images"] == []
    assert names(service, product) == []


def test_leaving_the_list_out_keeps_it(service: WooService) -> None:
    product = add_product(service)
    api(service).put(f"products/{product}", {"name": "New name"})
    assert names(service, product) == ["mug-1.jpg", "mug-2.jpg"]


def test_an_unknown_id_changes_nothing(service: WooService) -> None:
    product = add_product(service)
    answer = put(service, product, [{"id": service.store.images(product)[1]}, {"id": 4711}])
    assert (answer.status_code, answer.json()["code"]) == (400, "woocommerce_product_invalid_image_id")
    assert names(service, product) == ["mug-1.jpg", "mug-2.jpg"]


@pytest.mark.parametrize("images", ["x.jpg", [3], [{"id": "12x"}], [{"id": 1.5}]])
def test_what_is_no_list_of_pictures_changes_nothing(service: WooService, images: Any) -> None:
    product = add_product(service)
    answer = put(service, product, images)
    assert (answer.status_code, answer.json()["code"]) == (400, "rest_invalid_param")
    assert names(service, product) == ["mug-1.jpg", "mug-2.jpg"]


def test_an_empty_first_entry_leaves_the_main_image_alone(service: WooService) -> None:
    product = add_product(service, 3)
    first, _, third = service.store.images(product)
    put(service, product, [{}, {"id": third}, {"id": third}])
    assert service.store.images(product) == [first, third]


def test_a_turned_photo_gets_a_turned_copy(service: WooService) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    output = io.BytesIO()
    Image.new("RGB", (600, 400)).save(output, "JPEG", exif=exif)
    made = service.store.attachments[service.store.add_attachment(output.getvalue(), "turned.jpg")]
    assert (made.name, made.width, made.height) == ("turned-rotated.jpg", 400, 600)


def test_a_main_image_of_nobody_becomes_the_products(service: WooService) -> None:
    product = add_product(service, 2)
    first, second = service.store.images(product)
    put(service, product, [{"id": second}, {"id": first}])
    assert (service.store.attachments[second].parent, service.store.attachments[first].parent) == (product, 0)


def test_alt_and_name_change_the_shared_attachment_and_empty_ones_do_not(service: WooService) -> None:
    product = add_product(service)
    first, second = service.store.images(product)
    put(service, product, [{"id": first, "alt": "A mug", "name": "Title"}, {"id": second}])
    put(service, product, [{"id": first, "alt": "", "name": ""}, {"id": second}])
    attachment = service.store.attachments[first]
    assert (attachment.alt, attachment.title) == ("A mug", "Title")


def test_the_same_write_twice_makes_two_attachments(service: WooService, host: str) -> None:
    product = add_product(service, 1)
    images = [{"id": service.store.images(product)[0]}, {"src": f"{host}/img/x.jpg", "alt": "x"}]
    put(service, product, images)
    put(service, product, images)
    assert names(service, product) == ["mug-1.jpg", "x-1.jpg"]
    assert [service.store.attachments[orphan].name for orphan in service.store.orphans()] == ["x.jpg"]


def test_one_bad_picture_fails_the_write_and_leaves_the_others_behind(service: WooService, host: str) -> None:
    product = add_product(service, 1)
    first = service.store.images(product)[0]
    before = service.store.products[product].modified
    images = [
        {"id": first, "alt": "changed all the same"},
        {"src": f"{host}/img/good.jpg"},
        {"src": f"{host}/status/500/bad.jpg"},
        {"src": f"{host}/img/never-asked.jpg"},
    ]
    answer = put(service, product, images)
    assert (answer.status_code, answer.json()["code"]) == (400, "woocommerce_product_image_upload_error")
    assert names(service, product) == ["mug-1.jpg"]
    assert service.store.products[product].modified == before
    assert [service.store.attachments[orphan].name for orphan in service.store.orphans()] == ["good.jpg"]
    assert service.store.attachments[first].alt == "changed all the same"


@pytest.mark.parametrize(
    ("src", "message"),
    [
        ("{host}/as/noext", "Sorry, you are not allowed to upload this file type."),
        ("{host}/as/noext?name=x.jpg", "Sorry, you are not allowed to upload this file type."),
        ("{host}/html/x.jpg", "Sorry, you are not allowed to upload this file type."),
        ("{host}/empty/x.jpg", "File is empty."),
        ("{host}/status/403/x.jpg", "Error: Forbidden"),
        ("{host}/cut/x.jpg", "Error: cURL error"),
        ("{host}/img/" + "x" * 230 + ".jpg", "could not be moved"),
        ("{host}/to/http://10.1.2.3/x.jpg", "A valid URL was not provided."),
        ("http://user:secret@127.0.0.1/x.jpg", "A valid URL was not provided."),
        ("http://127.0.0.1:9/x.jpg", "A valid URL was not provided."),
        ("http://10.1.2.3/x.jpg", "A valid URL was not provided."),
        ("http://localhost:8080/x.jpg", "A valid URL was not provided."),
        ("/img/x.jpg", "A valid URL was not provided."),
        ("data:image/png;base64,AAAA", "A valid URL was not provided."),
        ("ftp://127.0.0.1/x.jpg", "A valid URL was not provided."),
    ],
)
def test_what_the_store_does_not_take(service: WooService, host: str, src: str, message: str) -> None:
    product = add_product(service)
    answer = put(service, product, [{"src": src.replace("{host}", host)}])
    assert (answer.status_code, answer.json()["code"]) == (400, "woocommerce_product_image_upload_error")
    assert message in answer.json()["message"]
    assert names(service, product) == ["mug-1.jpg", "mug-2.jpg"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("img/x.jpg?sig=abc&e=1", "x.jpg"),
        ("to/img/y.jpg", "y.jpg"),
        ("img/wrong.png", "wrong.jpg"),
        ("broken/broken.jpg", "broken.jpg"),
        ("img/台灯 暖光.jpg", "台灯-暖光.jpg"),
    ],
)
def test_what_the_store_takes(service: WooService, host: str, path: str, name: str) -> None:
    # a redirect is followed; the bytes decide the type; a broken JPEG is not noticed
    product = add_product(service, 0)
    answer = put(service, product, [{"src": f"{host}/{path}"}])
    assert answer.status_code == 200
    assert names(service, product) == [name]
    assert answer.json()["images"][0]["src"] == f"{service.url}/wp-content/uploads/{folder(service)}/{name}"


def folder(service: WooService) -> str:
    """The month's folder."""
    return time.strftime("%Y/%m", time.gmtime(service.store.now()))


def test_the_own_host_is_allowed_and_another_private_one_by_choice(service: WooService, host: str) -> None:
    product = add_product(service, 1)
    own = api(service).get(f"products/{product}").json()["images"][0]["src"]
    assert put(service, product, [{"src": own}]).status_code == 200
    elsewhere = host.replace("127.0.0.1", "localhost")
    assert put(service, product, [{"src": f"{elsewhere}/img/x.jpg"}]).status_code == 400
    service.allow_fetch(int(host.rpartition(":")[2]), "localhost")
    assert put(service, product, [{"src": f"{elsewhere}/img/x.jpg"}]).status_code == 200


def test_pictures_are_fetched_one_after_another(service: WooService) -> None:
    product = add_product(service, 0)
    with pictures() as (url, seen):
        service.allow_fetch(int(url.rpartition(":")[2]))
        put(service, product, [{"src": f"{url}/img/{name}.jpg"} for name in "abcd"])
    assert seen == [f"/img/{name}.jpg" for name in "abcd"]


def test_very_large_and_turned_pictures_come_back_with_other_names(service: WooService) -> None:
    store = service.store
    large = store.attachments[store.add_attachment(picture(3600, 2700), "huge.jpg")]
    assert (large.name, large.width, large.height) == ("huge-scaled.jpg", 2560, 1920)
    png = store.attachments[store.add_attachment(picture(2700, 2700, "PNG"), "huge.png")]
    assert (png.name, png.width) == ("huge.png", 2700)
    assert store.attachments[store.add_attachment(picture(3600, 2700), "huge.jpg")].name == "huge-1-scaled.jpg"
    store.remove_attachment(large.id)
    assert not [path for path in store.files if path.rpartition("/")[2] in {"huge.jpg", "huge-scaled.jpg"}]


def test_names_are_unique_in_the_library(service: WooService) -> None:
    made = [service.store.add_attachment(PICTURE, "x.jpg") for _ in range(3)]
    assert [service.store.attachments[image].name for image in made] == ["x.jpg", "x-1.jpg", "x-2.jpg"]
    with pytest.raises(MediaError, match="not allowed"):
        service.store.add_attachment(b"no picture", "x.jpg")


def test_every_write_moves_the_date_even_one_that_changes_nothing() -> None:
    clock = [time.time()]  # the client signs by the real one
    with shop(now=lambda: clock[0]) as service:
        product = add_product(service)
        clock[0] += 60
        before = service.store.products[product].modified
        api(service).put(f"products/{product}", {})
        assert service.store.products[product].modified == before + 60


def test_a_gallery_only_product_gets_a_main_image_by_writing_back_what_was_read(service: WooService) -> None:
    images = [service.store.add_attachment(PICTURE, f"g-{n}.jpg") for n in range(2)]
    product = service.store.add_product("Gallery", images, gallery_only=True)
    listed = api(service).get(f"products/{product}").json()["images"]
    assert [image["id"] for image in listed] == images
    assert service.store.products[product].image == 0
    put(service, product, [{"id": image["id"]} for image in listed])
    assert service.store.products[product].image == images[0]


def test_a_deleted_attachment_disappears_from_the_list_without_a_word(service: WooService) -> None:
    product = add_product(service, 3)
    first, second, third = service.store.images(product)
    service.store.remove_attachment(second)
    listed = api(service).get(f"products/{product}").json()["images"]
    assert [image["id"] for image in listed] == [first, third]


def test_the_last_of_two_writers_wins(service: WooService, host: str) -> None:
    product = add_product(service, 1)
    first = service.store.images(product)[0]
    barrier = threading.Barrier(2)

    def write(name: str) -> None:
        barrier.wait()
        put(service, product, [{"id": first}, {"src": f"{host}/img/{name}.jpg"}])

    threads = [threading.Thread(target=write, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names(service, product) in (["mug-1.jpg", "one.jpg"], ["mug-1.jpg", "two.jpg"])
    assert len(service.store.orphans()) == 1


def test_a_write_is_finished_after_its_client_has_gone(host: str) -> None:
    with shop(pace=3.0) as service:
        service.allow_fetch(int(host.rpartition(":")[2]))
        product = add_product(service, 0)
        client = api(service)
        client.timeout = 0.1
        with pytest.raises(requests.exceptions.Timeout):
            client.put(f"products/{product}", {"images": [{"src": f"{host}/img/x.jpg"}]})
        assert names(service, product) == []
        until = time.monotonic() + 5
        while not names(service, product) and time.monotonic() < until:
            time.sleep(0.01)
        assert names(service, product) == ["x.jpg"]


def test_variations_show_the_parents_image_where_they_have_none(service: WooService) -> None:
    product = add_product(service, 2)
    own = service.store.images(product)[1]
    bare = service.store.add_variation(product, {"Color": "Red"})
    service.store.add_variation(product, {"Color": "Blue"}, own)
    client = api(service)
    shown = client.get(f"products/{product}/variations").json()
    assert [entry["image"]["id"] for entry in shown] == [own, service.store.images(product)[0]]
    edit = client.get(f"products/{product}/variations/{bare}", params={"context": "edit"}).json()
    assert edit["image"] is None


def test_writing_a_variation_moves_its_parent(service: WooService, host: str) -> None:
    product = add_product(service, 1)
    variation = service.store.add_variation(product, {"Color": "Red"}, regular_price="19")
    service.store.products[product].modified = 1_000_000.0
    path = f"products/{product}/variations/{variation}"
    answer = api(service).put(path, {"image": {"src": f"{host}/img/v.jpg", "alt": "red", "name": "Red"}})
    assert (answer.json()["image"]["name"], answer.json()["image"]["alt"]) == ("Red", "red")
    assert service.store.products[product].modified > 1_000_000
    assert api(service).put(path, {"image": {"id": 4711}}).json()["code"] == "woocommerce_variation_invalid_image_id"
    assert api(service).put(path, {"image": None}).json()["image"] is None


def test_a_batch_answers_each_entry_for_itself(service: WooService) -> None:
    product = add_product(service)
    variation = service.store.add_variation(product, {"Color": "Red"})
    first = service.store.images(product)[0]
    body = {"update": [{"id": variation, "image": {"id": first}}, {"id": 4711, "image": {"id": first}}]}
    answer = api(service).post(f"products/{product}/variations/batch", body)
    assert answer.status_code == 200
    good, bad = answer.json()["update"]
    assert good["image"]["id"] == first
    assert (bad["id"], bad["error"]["code"]) == (4711, "woocommerce_rest_product_variation_invalid_id")
    made = api(service).post("products/batch", {"create": [{"name": "A"}], "delete": [product]}).json()
    assert (made["create"][0]["name"], made["delete"][0]["id"]) == ("A", product)
    assert product not in service.store.products
