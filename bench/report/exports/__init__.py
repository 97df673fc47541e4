"""A run in the file formats of other tools, each proved by loading it with that tool.

What none of the formats can say by itself is said in each one's own way: an unfit run and a smoke
run are marked where that tool's readers show it or act on it. Modelled times are left out, because
they are not samples.
"""

from __future__ import annotations

from collections.abc import Callable

from bench.judgement import Judgement
from bench.model import Record
from bench.report.exports import (
    benchstat,
    github_action_benchmark,
    hyperfine,
    junit,
    pytest_benchmark,
)

Export = Callable[[Record, Judgement], str]

EXPORTS: dict[str, Export] = {
    "benchstat": benchstat.render,
    "hyperfine": hyperfine.render,
    "pytest-benchmark": pytest_benchmark.render,
    "github-action-benchmark": github_action_benchmark.render,
    "junit": junit.render,
}
