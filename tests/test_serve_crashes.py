"""kill -9 of the server: it comes up again, goes on, and every picture is accounted for."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from connectors import key_in
from plugin.config import load_settings
from plugin.db import Database
from plugin.models import Publication
from plugin.sandbox.woocommerce.server import WooOptions, serve_woocommerce
from plugin.states import PublicationState
from tests.serve_kills import campaign
from tests.shop_kills import OWN, Jug, wait_for
from tests.test_crashes import sandbox

FAULTS = ("submit:slow=0.2", "poll:slow=0.05:0.5", "result:slow=0.2", "submit:drop_after:x1", "poll:http_500:x3")


def test_killed_at_random_it_goes_on_and_nothing_is_lost(tmp_path: Path) -> None:
    done = campaign(tmp_path, seed=3, kills=5, faults=FAULTS, longest_life=1.5)
    assert done.kills == 5
    assert done.wrong == []
    assert done.exit_code == 0
    assert done.stopped < 10


def test_killed_while_the_shop_writes_each_picture_is_on_the_listing_once(tmp_path: Path) -> None:
    with sandbox(7, ()) as service, serve_woocommerce(WooOptions(catalogue="empty")) as woo:
        jug = Jug(tmp_path, service, woo)
        woo.fault("write:slow=4:x1")  # the store has fetched and kept the pictures; its answer takes long
        with jug.life():
            assert wait_for(lambda: len(jug.fetched()) == 2), jug.said()
        assert not published(tmp_path), "it was done before it could be killed"
        with jug.life():
            assert wait_for(lambda: len(published(tmp_path)) == 1), jug.said()
        names = woo.store.image_names(jug.number)
        assert names[:2] == list(OWN)
        assert [key_in(name) for name in names[2:]] == jug.fetched()
        assert len(set(jug.fetched())) == 2
        assert wait_for(lambda: woo.count("write") > 0)  # the slow one is over, and it was the only one
        assert (woo.count("write"), "Traceback" in jug.said()) == (1, False)


def published(folder: Path) -> list[int]:
    """The publications that the program counts as done."""
    db = Database(load_settings(folder / "c.toml", {}).database.url)
    try:
        with db.read() as session:
            done = Publication.state == PublicationState.PUBLISHED
            return list(session.scalars(select(Publication.id).where(done)))
    finally:
        db.close()
