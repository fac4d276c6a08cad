from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin.links import BadLinkError, ExpiredLinkError, NoPublicUrlError, PictureLinks

SHA = "ab" * 32
NAME = "lamp-hs-abcdefghijklmnopqrstuvwxyz.jpg"
START = datetime(2026, 11, 22, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        return self.time


def links(
    *keys: bytes, clock: Clock | None = None, public_url: str | None = "https://shop.example/hebo/"
) -> PictureLinks:
    return PictureLinks(keys or (b"key",), public_url, clock or Clock())


def token(url: str) -> str:
    return url.split("/")[-2]


def test_an_address_ends_in_the_file_name_and_opens() -> None:
    url = links().url(SHA, NAME, 60)
    assert url.startswith("https://shop.example/hebo/p/")
    assert urlsplit(url).path.endswith(f"/{NAME}")
    assert not urlsplit(url).query
    assert len(url) < 200
    assert links().open(token(url), NAME) == SHA


def test_it_expires() -> None:
    clock = Clock()
    made = links(clock=clock)
    opened = token(made.url(SHA, NAME, 60))
    clock.time = START + timedelta(seconds=59)
    assert made.open(opened, NAME) == SHA
    clock.time = START + timedelta(seconds=60)
    with pytest.raises(ExpiredLinkError):
        made.open(opened, NAME)


def test_keys_rotate() -> None:
    old = token(links(b"old").url(SHA, NAME, 60))
    new = token(links(b"new", b"old").url(SHA, NAME, 60))
    assert links(b"new", b"old").open(old, NAME) == SHA
    assert links(b"new").open(new, NAME) == SHA
    with pytest.raises(BadLinkError):
        links(b"new").open(old, NAME)


def test_the_name_belongs_to_the_address() -> None:
    with pytest.raises(BadLinkError):
        links().open(token(links().url(SHA, NAME, 60)), "other.jpg")


@given(st.integers(0, 93), st.characters(codec="utf-8"))
def test_no_changed_address_opens_as_another(place: int, letter: str) -> None:
    good = token(links().url(SHA, NAME, 60))
    changed = good[:place] + letter + good[place + 1 :]
    if changed != good:
        with pytest.raises(BadLinkError):
            links().open(changed, NAME)


@given(st.text(), st.text())
def test_nonsense_is_refused(nonsense: str, name: str) -> None:
    with pytest.raises(BadLinkError):
        links().open(nonsense, name)


@pytest.mark.parametrize("name", ["", "a.html", "../a.jpg", "a/b.jpg", ".jpg", "灯.jpg", "a b.jpg", f"{'a' * 200}.jpg"])
def test_only_plain_image_names_are_signed(name: str) -> None:
    with pytest.raises(ValueError, match="file name"):
        links().url(SHA, name, 60)


@pytest.mark.parametrize("sha", ["", "ab", "zz" * 32])
def test_only_hashes_are_signed(sha: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        links().url(sha, NAME, 60)


def test_without_a_public_url_it_says_what_to_set() -> None:
    with pytest.raises(NoPublicUrlError, match=r"app\.public_url is not set"):
        PictureLinks([b"key"], None, Clock()).url(SHA, NAME, 60)


def test_without_a_key_nothing_is_made() -> None:
    with pytest.raises(ValueError, match="at least one key"):
        PictureLinks((), None, Clock())
