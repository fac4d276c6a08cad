from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from sqlalchemy import select

from connectors import KEY_PATTERN, key_in
from plugin.models import GeneratedImage, GenerationTask, Product, Round, RoundMember
from plugin.pipeline.planning.plan import new_key
from plugin.states import ProductState
from tests.plugin.pipeline.world import World, told

HUGE = 300_000_000


class Broken(BaseHTTPRequestHandler):
    """Pictures that are none, by path."""

    def do_GET(self) -> None:
        bodies = {"/html.jpg": b"<html>sorry</html>", "/empty.jpg": b"", "/broken.jpg": b"\xff\xd8\xff\xe0 cut"}
        body = bodies.get(self.path)
        self.send_response(404 if body is None and self.path != "/huge.jpg" else 200)
        self.send_header("Content-Length", str(HUGE if self.path == "/huge.jpg" else len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def host() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Broken) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("name", ["missing.jpg", "html.jpg", "empty.jpg", "broken.jpg", "huge.jpg"])
def test_a_useless_reference_is_found_before_money_is_spent(shop: World, host: str, name: str) -> None:
    shop.product("bad", picture=f"{host}/{name}")
    shop.product("good")
    report = shop.run()
    assert (report.planned, report.published) == (1, 2)
    [error] = told(report)
    assert "Product bad" in error["message"]
    assert name in error["message"]
    assert shop.accepted() == 1


def test_an_unreachable_reference_is_tried_again_and_then_said(shop: World) -> None:
    shop.product("p1", picture="http://127.0.0.1:1/x.jpg")
    report = shop.run()
    assert report.planned == 0
    assert "127.0.0.1" in report.errors[0]["message"]


def test_a_mended_reference_is_looked_at_by_the_next_run(shop: World) -> None:
    shop.product("p1")
    (shop.folder / "p1.png").write_bytes(b"<html>")
    assert shop.run().published == 0
    shop.draw("p1.png", seed="mended")
    assert shop.run().published == 2


def test_a_local_picture_without_a_public_url_says_what_to_set(shop: World) -> None:
    shop.public_url = None
    shop.product("p1")
    report = shop.run()
    assert report.planned == 0
    assert "app.public_url" in report.errors[0]["message"]
    shop.public_url = "http://127.0.0.1:9"
    assert shop.run().published == 2


def test_rows_that_share_a_picture_are_one_piece_of_work(shop: World) -> None:
    shop.draw("same.png", seed="shared")
    shop.product("p1", picture="same.png")
    shop.product("p2", picture="same.png")
    report = shop.run()
    assert (report.planned, report.submitted, report.published) == (1, 1, 4)
    assert list(map(key_in, shop.published("p1"))) == list(map(key_in, shop.published("p2")))
    shop.clock.advance(3600)
    shop.product("p3", picture="same.png")
    later = shop.run()
    assert (later.planned, later.submitted, later.published) == (0, 0, 2)


def test_the_same_bytes_behind_many_addresses_are_a_placeholder(shop: World) -> None:
    shop.store["shared_image_limit"] = 2
    shop.key = "wrong"
    for number in range(4):
        shop.draw(f"copy{number}.png", seed="same")
        shop.product(f"p{number}", picture=f"copy{number}.png")
    report = shop.run()
    assert report.waiting == 0
    with shop.parts() as parts, parts.db.read() as session:
        assert set(session.scalars(select(Product.state))) == {ProductState.PLACEHOLDER}


def test_another_pack_is_never_planned_by_itself(shop: World) -> None:
    shop.product("p1")
    shop.run()
    shop.store["pack"] = "lifestyle"
    shop.clock.advance(8 * 86_400)
    assert shop.run().planned == 0


def test_an_unknown_pack_is_said_with_the_product(shop: World) -> None:
    shop.store["pack"] = "minni"
    shop.product("p1")
    report = shop.run()
    assert report.planned == 0
    assert "mini" in report.errors[0]["message"]


def test_what_is_planned_is_written_down(shop: World) -> None:
    shop.key = "wrong"
    shop.product("p1")
    shop.run()
    with shop.parts() as parts, parts.db.read() as session:
        task = session.scalars(select(GenerationTask)).one()
        images = session.scalars(select(GeneratedImage).order_by(GeneratedImage.position)).all()
        assert (task.aspect_ratio, task.size, task.model) == ("1:1", "64x64", "gpt-image-2-1k")
        assert [image.shot for image in images] == ["front", "side"]
        assert "Front view" in images[0].prompt
        assert images[0].alt == "Front: Product p1"
        assert session.scalars(select(Round.number)).all() == [1]
        assert len(session.scalars(select(RoundMember)).all()) == 1


def test_keys_have_the_published_form_and_differ() -> None:
    keys = {new_key() for _ in range(200)}
    assert len(keys) == 200
    assert all(KEY_PATTERN.fullmatch(key) for key in keys)
