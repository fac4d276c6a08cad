from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest
from flask import render_template_string

from plugin.web.language import LANGUAGES, NAVIGATION, is_local
from plugin.web.translations.catalogue import codes
from tests.plugin.web.conftest import Site

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)  # as the world's clock begins


def said(site: Site, source: str, language: str = "en", **names: object) -> str:
    """What a page with this source says."""
    with site.app.test_request_context(headers={"Cookie": f"language={language}"}):
        return render_template_string(source, **names)


def language_of(site: Site, **headers: str) -> str:
    with site.app.test_request_context(headers={name.replace("_", "-"): value for name, value in headers.items()}):
        return render_template_string("{{ language_code }} {{ language_tag }} {{ _('Products') }}")


def in_zone(site: Site, zone: str) -> None:
    site.world.hebo.clear()
    app = site.parts.settings.app.model_copy(update={"timezone": zone})
    with_zone(site, app=app)


def with_zone(site: Site, **changed: object) -> None:
    settings = site.parts.settings.model_copy(update=changed)
    site.engine.parts = dataclasses.replace(site.parts, settings=settings)


class TestWhichLanguage:
    def test_english_unless_somebody_asks_for_another(self, site: Site) -> None:
        assert language_of(site) == "en en Products"

    @pytest.mark.parametrize("asked", ["zh", "zh-CN", "zh-TW,en;q=0.5", "fr, zh-Hans;q=0.7, en;q=0.3"])
    def test_as_the_browser_asks(self, site: Site, asked: str) -> None:
        assert language_of(site, Accept_Language=asked) == "zh zh-CN 商品"

    def test_the_choice_wins_over_the_browser(self, site: Site) -> None:
        assert language_of(site, Accept_Language="zh-CN", Cookie="language=en") == "en en Products"

    @pytest.mark.parametrize("headers", [{}, {"Accept_Language": "fr"}, {"Accept_Language": "*"}])
    def test_the_setting_decides_for_everybody_else(self, site: Site, headers: dict[str, str]) -> None:
        with_zone(site, app=site.parts.settings.app.model_copy(update={"language": "zh"}))
        assert language_of(site, **headers) == "zh zh-CN 商品"

    def test_an_unknown_cookie_counts_for_nothing(self, site: Site) -> None:
        assert language_of(site, Cookie="language=../../etc", Accept_Language="zh") == "zh zh-CN 商品"

    def test_every_language_has_a_catalogue_but_english(self) -> None:
        assert {*codes(), "en"} == set(LANGUAGES)


class TestChoosing:
    def choose(self, site: Site, language: str, back: str | None) -> tuple[int, str, str]:
        form = {"language": language} | ({"back": back} if back is not None else {})
        answer = site.client.post("/language", data=form)
        cookies = [cookie for cookie in answer.headers.getlist("Set-Cookie") if cookie.startswith("language=")]
        return answer.status_code, answer.headers.get("Location", ""), "".join(cookies)

    @pytest.mark.parametrize("back", ["/activity", "/activity?show=trouble&store=1", "/settings"])
    def test_it_is_remembered_and_leads_back(self, site: Site, back: str) -> None:
        status, location, cookie = self.choose(site, "zh", back)
        assert (status, location) == (303, back)
        assert cookie.startswith("language=zh;")
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert '<html lang="zh-CN"' in site.client.get("/activity").text

    def test_without_a_way_back_it_leads_to_the_first_page(self, site: Site) -> None:
        assert self.choose(site, "en", None)[:2] == (303, "/")

    @pytest.mark.parametrize("back", ["/language", "/nowhere", "/sign-out"])
    def test_an_address_that_cannot_be_asked_for_is_no_way_back(self, site: Site, back: str) -> None:
        assert self.choose(site, "en", back)[:2] == (303, "/")

    @pytest.mark.parametrize(
        "back",
        ["https://evil.example/", "//evil.example", "/\\evil.example", "\\evil", "", "/\tx", "/a b", "javascript:0"],
    )
    def test_it_never_leads_elsewhere(self, site: Site, back: str) -> None:
        assert not is_local(back)
        assert self.choose(site, "zh", back) == (400, "", "")

    @pytest.mark.parametrize("language", ["fr", "", "zh; Domain=evil", "EN"])
    def test_other_languages_are_refused(self, site: Site, language: str) -> None:
        assert self.choose(site, language, "/") == (400, "", "")

    def test_nothing_is_chosen_by_a_link(self, site: Site) -> None:
        assert site.client.get("/language?language=zh").status_code == 405


class TestMoments:
    @pytest.mark.parametrize(
        ("at", "english", "chinese"),
        [
            (NOW, "today 09:00", "今天 09:00"),
            (datetime(2026, 11, 21, 23, 59, tzinfo=UTC), "21 Nov 23:59", "11月21日 23:59"),
            (datetime(2026, 1, 2, 3, 4, tzinfo=UTC), "2 Jan 03:04", "1月2日 03:04"),
            (datetime(2025, 12, 31, 14, 5, tzinfo=UTC), "31 Dec 2025 14:05", "2025年12月31日 14:05"),
            (datetime(2027, 1, 1, 0, 0, tzinfo=UTC), "1 Jan 2027 00:00", "2027年1月1日 00:00"),
        ],
    )
    def test_short(self, site: Site, at: datetime, english: str, chinese: str) -> None:
        assert said(site, "{{ at | moment_short }}", at=at) == english
        assert said(site, "{{ at | moment_short }}", "zh", at=at) == chinese

    def test_long_ones_have_seconds_and_the_zone(self, site: Site) -> None:
        at = datetime(2026, 7, 22, 9, 5, 7, tzinfo=UTC)
        in_zone(site, "Asia/Shanghai")
        assert said(site, "{{ at | moment_long }}", at=at) == "22 July 2026, 17:05:07 GMT+08:00"
        assert said(site, "{{ at | moment_long }}", "zh", at=at) == "2026年7月22日 17:05:07 GMT+08:00"

    def test_seconds_where_much_happens_at_once(self, site: Site) -> None:
        at, next_day = datetime(2026, 11, 21, 23, 59, 58, tzinfo=UTC), datetime(2026, 11, 22, 0, 0, 3, tzinfo=UTC)
        assert said(site, "{{ at | moment_second }}", at=at) == "21 Nov 23:59:58"
        assert said(site, "{{ at | moment_second(at) }}", at=at) == "23:59:58"
        assert said(site, "{{ at | moment_second(since) }}", at=next_day, since=at) == "today 00:00:03"

    def test_the_two_equal_hours_of_a_clock_change_differ(self, site: Site) -> None:
        in_zone(site, "Europe/Berlin")
        times = [datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1)]
        assert [said(site, "{{ at | moment_time }}", at=at) for at in times] == ["02:30", "02:30"]
        assert [said(site, "{{ at | moment_long }}", at=at)[-9:] for at in times] == ["GMT+02:00", "GMT+01:00"]

    def test_the_day_begins_where_the_app_is(self, site: Site) -> None:
        evening = datetime(2026, 11, 21, 16, 30, tzinfo=UTC)
        assert said(site, "{{ at | moment_short }}", at=evening) == "21 Nov 16:30"
        in_zone(site, "Asia/Shanghai")
        assert said(site, "{{ at | moment_short }}", at=evening) == "today 00:30"

    def test_days(self, site: Site) -> None:
        last_year = datetime(2025, 3, 1, tzinfo=UTC)
        assert said(site, "{{ at | moment_day }}", at=NOW) == "Sunday, 22 November"
        assert said(site, "{{ at | moment_day }}", "zh", at=NOW) == "11月22日 星期日"
        assert said(site, "{{ at | moment_day }}", at=last_year) == "Saturday, 1 March 2025"
        assert said(site, "{{ at | moment_day }}", "zh", at=last_year) == "2025年3月1日 星期六"


def test_numbers_are_grouped(site: Site) -> None:
    assert [said(site, "{{ 1234567 | number }}", language) for language in LANGUAGES] == ["1,234,567"] * len(LANGUAGES)


def test_the_navigation_is_in_the_readers_language(site: Site) -> None:
    page = site.client.get("/activity", headers={"Accept-Language": "zh"}).text
    with site.app.test_request_context(headers={"Cookie": "language=zh"}):
        names = [str(text) for _, text in NAVIGATION]
    assert names == ["商品", "审核", "费用", "动态", "设置"]
    assert [name for name in names if name not in page] == []
