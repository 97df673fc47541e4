"""`coldbench build`: how exact metrics and failed builds are shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.commands.build import document, render
from bench.subjects import Artifact, FailedBuild


def artifact(variant: str, **changes: Any) -> Artifact:
    values: dict[str, Any] = {
        "function": "go/hello",
        "variant": variant,
        "digest": "00",
        "zip_path": Path("/cache/package.zip"),
        "tree_path": Path("/cache/tree"),
        "handler": "bootstrap",
        "zip_bytes": 2_500_000,
        "unpacked_bytes": 6_000_000,
        "binary_bytes": 6_000_000,
        "toolchain": {"go": "go1.26.8"},
        "recipe": "go build",
        "reproducible": True,
    }
    return Artifact(**(values | changes))


FAILED = FailedBuild(
    function="go/api", variant="static", command="go build ./api", message="api.go:1: no\nstop\n"
)


def lines(*artifacts: Artifact, failures: tuple[FailedBuild, ...] = ()) -> list[str]:
    return list(render(artifacts, failures))


def test_sizes_are_aligned_per_function() -> None:
    """One table per function, sizes to the right, and a total."""
    small = artifact("static", zip_bytes=950, binary_bytes=0, reproducible=None)

    assert lines(artifact("default"), small) == [
        "go/hello",
        "  variant      zip  unpacked   binary  reproducible",
        "  default  2.50 MB   6.00 MB  6.00 MB  yes",
        "  static     950 B   6.00 MB        -  not proved",
        "",
        "2 artifacts",
    ]


def test_an_identical_package_is_named_as_such() -> None:
    """A variant that changed nothing shows no sizes of its own."""
    shown = lines(artifact("default"), artifact("static", identical_to="default"))

    assert "  static   identical to default" in shown


def test_warnings_follow_their_table() -> None:
    """A size near Lambda's limit is a line of its own."""
    shown = lines(artifact("default", warnings=("41 MB zip, 82 % of 50 MB",)))

    assert shown[3] == "  default: 41 MB zip, 82 % of 50 MB"


def test_a_failed_build_is_shown_after_the_others() -> None:
    """The command and the tool's own message are there, with function and variant."""
    assert lines(artifact("default"), failures=(FAILED,))[-6:] == [
        "go/api static failed",
        "  $ go build ./api",
        "  api.go:1: no",
        "  stop",
        "",
        "1 artifact, 1 failed",
    ]


def test_nothing_but_failures_is_shown_too() -> None:
    """Without one artifact there is no table."""
    assert lines(failures=(FAILED,))[-1] == "0 artifacts, 1 failed"


def test_the_json_has_the_names_of_the_result_file() -> None:
    """Scripts read the same names here and in a report."""
    shown = document([artifact("default")], [FAILED])

    (entry,) = shown["artifacts"]
    assert (entry["function"], entry["variant"], entry["zip_bytes"]) == (
        "go/hello",
        "default",
        2_500_000,
    )
    assert {"digest", "unpacked_bytes", "binary_bytes", "toolchain", "recipe"} <= set(entry)
    assert shown["failures"] == [
        {
            "function": "go/api",
            "variant": "static",
            "command": "go build ./api",
            "message": "api.go:1: no\nstop\n",
        }
    ]
