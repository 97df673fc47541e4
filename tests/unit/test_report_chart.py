"""Charts."""

from __future__ import annotations

import functools
import re
from dataclasses import replace
from xml.etree import ElementTree

import report_sample

from bench.judgement import Judgement
from bench.report import render
from bench.report.chart import render_function
from bench.report.findings import Findings

SVG = "{http://www.w3.org/2000/svg}"


def _findings(judgement: Judgement | None = None) -> Findings:
    return Findings.of(report_sample.record(), judgement or report_sample.judgement())


@functools.cache
def _go_chart() -> str:
    return render_function(_findings(), report_sample.GO)


def _dots(svg: str) -> int:
    """Count the strokes of the path that holds all trials: one move each."""
    path = next(p for p in re.findall(r"<path[^>]*>", svg) if "stroke-linecap: round" in p)
    return path.count("M ")


def test_chart_is_well_formed_with_title_and_description() -> None:
    """The image names itself and says its numbers to who cannot see it."""
    root = ElementTree.fromstring(_go_chart())

    assert root.findtext(f"{SVG}title") == "Cold starts of go/hello"
    assert "default 9.35 [9.27, 9.53], n = 16" in str(root.findtext(f"{SVG}desc"))
    assert root.get("role") == "img"


def test_every_trial_is_a_dot() -> None:
    """Four measured variants of sixteen rounds are sixty-four dots."""
    assert _dots(_go_chart()) == 4 * report_sample.ROUNDS


def test_chart_has_no_background_and_a_dark_style() -> None:
    """The image is readable on a light page and on a dark one."""
    svg = _go_chart()

    assert "prefers-color-scheme: dark" in svg
    assert "fill: #ffffff" not in svg


def test_words_stay_words() -> None:
    """Labels are text that can be searched and read aloud, not outlines."""
    assert ">stripped</text>" in _go_chart()


def test_chart_names_no_date_and_no_tool_version() -> None:
    """Nothing in the image depends on when or by which release it was drawn."""
    assert not re.search(r"<dc:|<metadata|matplotlib", _go_chart())


def test_long_run_gives_a_file_of_reasonable_size() -> None:
    """A thousand and more dots stay below 150 kB, and are all there."""
    judgement = report_sample.judgement()
    cells = tuple(
        replace(cell, samples={name: values * 25 for name, values in cell.samples.items()})
        for cell in judgement.cells
    )

    svg = render_function(_findings(replace(judgement, cells=cells)), report_sample.GO)

    assert _dots(svg) == 4 * 25 * report_sample.ROUNDS
    assert len(svg.encode()) < 150_000


def test_combined_image_has_unique_ids() -> None:
    """The charts of several functions share one file without sharing an id."""
    svg = render(report_sample.record(), report_sample.judgement(), "svg")
    ids = re.findall(r' id="([^"]+)"', svg)

    assert re.findall(r"<title>Cold starts of (.*)</title>", svg) == ["go/hello", "python/analyse"]
    assert sorted(set(ids)) == sorted(ids)
    ElementTree.fromstring(svg)


def test_run_without_a_measured_trial_gives_an_image_that_says_so() -> None:
    """An empty chart is still an image."""
    nothing = replace(report_sample.judgement(), cells=())

    root = ElementTree.fromstring(render(report_sample.record(), nothing, "svg"))

    assert "nothing was measured" in str(root.findtext(f"{SVG}title"))


def test_markup_in_a_name_is_escaped() -> None:
    """A variant named like an element or a formula is a label like any other."""
    judgement = report_sample.judgement()
    record = report_sample.record()
    name = "<b>$x^2$"
    cell = replace(judgement.cells[0], cell=report_sample.go_cell(name))
    artifact = report_sample.artifact(report_sample.GO, name)
    findings = Findings.of(
        replace(record, artifacts=(artifact,)), replace(judgement, cells=(cell,))
    )

    root = ElementTree.fromstring(render_function(findings, report_sample.GO))

    assert name in [text.text for text in root.iter(f"{SVG}text")]
