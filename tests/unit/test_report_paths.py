"""Reports without the paths of the machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import report_sample

from bench.build.archive import tree_digest
from bench.model import Record, TrialError
from bench.report import render
from bench.report.paths import path_free
from bench.session.staging import stage


def _failed(message: str) -> Record:
    """A run of one failed trial, with a project in /srv/build/shop and a cache in /srv/ci."""
    sample = report_sample.record()
    trial = next(t for t in sample.trials if t.error)
    error = TrialError(type="Runtime.ExitError", message=message)
    return replace(
        sample,
        functions=(replace(sample.functions[0], directory=Path("/srv/build/shop/py")),),
        artifacts=(replace(sample.artifacts[0], tree_path=Path("/srv/ci/cache/entries/x/tree")),),
        trials=(replace(trial, error=error),),
    )


def _shown(message: str) -> str:
    error = path_free(_failed(message)).trials[0].error
    return error.message if error else ""


@pytest.mark.parametrize("format_name", ["text", "markdown", "json", "csv", "html"])
def test_nothing_names_the_machine(format_name: str) -> None:
    """What failed is quoted in every format without directories of the machine of the run."""
    text = render(report_sample.record(), report_sample.judgement(), format_name)

    assert "somebody" not in text
    assert "stage-4711" not in text


def test_staged_packages_are_where_lambda_has_them() -> None:
    """A stack trace of a failed trial shows `/var/task` in place of a staged copy."""
    text = render(report_sample.record(), report_sample.judgement(), "text")

    assert "    /var/task/bootstrap +0x1d" in text
    assert "$ go build -trimpath -o bootstrap ." in text
    assert "Full log: `logs/go_hello-trimpath-r0.log`" in text


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ('File "/srv/build/shop/py/a b/app.py", line 3', 'File "a b/app.py", line 3'),
        ("open /srv/ci/cache/entries/x/tree/data.csv: no", "open data.csv: no"),
        ("PATH=/home/ada/bin:/usr/bin", "PATH=bin:/usr/bin"),
        ("file:///home/me/wheels/a.whl and -I/Users/me/include", "file://a.whl and -Iinclude"),
        ("GET /items/3 from https://example.com/home/ada/x", None),
        ("/usr/lib/libc.so and /var/task/app.py and /tmp/x", None),
        ("./main.go:7:2 and py/srv/build/shop", None),
    ],
)
def test_only_paths_of_the_machine_are_shortened(said: str, shown: str | None) -> None:
    """Requests, addresses and paths that every machine has stay in a function's own words."""
    assert _shown(said) == (shown or said)


def test_a_real_staged_copy_is_where_lambda_has_it(tmp_path: Path) -> None:
    """The copies that trials run from are recognised wherever the cache is."""
    sample = report_sample.record()
    tree = tmp_path / "tree"
    tree.mkdir()
    cell = report_sample.go_cell("default")
    artifact = replace(sample.artifacts[0], tree_path=tree, digest=tree_digest(tree))
    plan = replace(sample.plan, cells=(cell,), validation_cells=())
    with stage(plan, {(cell.function, cell.variant): artifact}, tmp_path / "cache") as staging:
        copy = staging.copies[cell.function, cell.variant, "variant"][0]

    assert _shown(f"open {copy}/data.csv: no") == "open /var/task/data.csv: no"
    assert _shown(f'in "{copy}"') == 'in "/var/task"'
    assert _shown(f"open {staging.root}/trial-x1_a/tmp/f: no") == "open /tmp/f: no"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("go build -o /data/cache/w/bootstrap ./hello", "go build -o bootstrap ./hello"),
        ("/data/x/main.go:7:2: undefined: y", "main.go:7:2: undefined: y"),
        ("GOROOT=/usr/local/go go vet https://example.com/data/x", None),
    ],
)
def test_a_build_names_no_directory_at_all(said: str, shown: str | None) -> None:
    """A tool's words may name a cache that no package of the run tells about."""
    sample = report_sample.record()
    build = replace(sample.failed_builds[0], command=said, message=said)

    found = path_free(replace(sample, artifacts=(), failed_builds=(build,))).failed_builds[0]

    assert (found.command, found.message) == (shown or said, shown or said)
