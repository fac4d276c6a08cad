"""A database that is away for a while: told once, waited for, and not for ever where nobody watches."""

from __future__ import annotations

import logging
import sqlite3

import pytest
from sqlalchemy.exc import OperationalError

from plugin.pipeline.away import DatabaseAwayError, DatabaseNews, demanding

log = logging.getLogger(__name__)


def away() -> OperationalError:
    return OperationalError("UPDATE task", {"key": "secret"}, sqlite3.OperationalError("database or disk is full"))


def fail(news: DatabaseNews) -> None:
    with news.watching():
        raise away()


def test_it_is_told_once_and_once_more_when_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    news = DatabaseNews(log)
    for _ in range(2):
        for _ in range(3):
            fail(news)
        assert news.problem is not None
        assert "disk is full" in news.problem
        news.answered()
        news.answered()
        assert news.problem is None
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 4
    assert "secret" not in caplog.text


def test_patience_ends_with_what_was_kept_and_what_to_do() -> None:
    now = [100.0]
    news = DatabaseNews(log, patience=60, seconds=lambda: now[0])
    fail(news)
    now[0] += 59
    fail(news)
    news.answered()
    fail(news)  # counted anew
    now[0] += 60
    with pytest.raises(DatabaseAwayError, match=r"disk is full.* is kept, and nothing is sent twice\. Make room"):
        fail(news)


def test_other_errors_are_not_its_own() -> None:
    with pytest.raises(ValueError, match="nobody"), DatabaseNews(log).watching():
        raise ValueError("nobody foresaw this")


def test_what_cannot_wait_fails_with_the_same_words() -> None:
    with pytest.raises(DatabaseAwayError, match="it goes on from here"), demanding():
        raise away()
