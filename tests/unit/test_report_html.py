"""Reports as a page."""

from __future__ import annotations

import functools
import re
from dataclasses import replace
from html.parser import HTMLParser

import report_sample

from bench.report import render

VOID = {"meta"}


class _Outline(HTMLParser):
    """Collects what is opened and closed, and everything that could fetch something."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.misnested: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self.fetched += [f"{n}={v}" for n, v in attrs if n in {"src", "href", "srcset", "data"}]
        self.fetched += [f"{tag}" for _ in [0] if tag in {"script", "link", "iframe", "img"}]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An empty element of an image: nothing stays open."""

    def handle_endtag(self, tag: str) -> None:
        if self.open.pop() != tag:
            self.misnested.append(tag)


@functools.cache
def _page() -> str:
    return render(report_sample.record(), report_sample.judgement(), "html")


def test_page_is_well_nested() -> None:
    """Every element that is opened is closed, in order."""
    outline = _Outline()

    outline.feed(_page())

    assert (outline.open, outline.misnested) == ([], [])


def test_page_needs_nothing_from_elsewhere() -> None:
    """No script, no image, no font, no style sheet is fetched."""
    outline = _Outline()

    outline.feed(_page())

    assert outline.fetched == []
    assert not re.search(r"@import|url\((?!#)", _page())


def test_page_follows_the_reader_into_the_dark() -> None:
    """Light and dark come from the reader's own setting."""
    assert "color-scheme: light dark" in _page()
    assert "@media (prefers-color-scheme: dark)" in _page()


def test_charts_are_inside() -> None:
    """Each measured function has its chart in the page itself, with no id used twice."""
    page = _page()
    ids = re.findall(r' id="([^"]+)"', page)

    assert page.count("<figure>") == 2
    assert sorted(set(ids)) == sorted(ids)


def test_messages_are_text() -> None:
    """A compiler's message with angle brackets does not become part of the page."""
    sample = report_sample.record()
    build = replace(sample.failed_builds[0], message="<script>alert(1)</script>")

    page = render(replace(sample, failed_builds=(build,)), report_sample.judgement(), "html")

    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
