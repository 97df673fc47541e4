"""The doctor: findings in, checks out, and a fix for everything that is not well."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from bench.commands.doctor import render
from bench.emulator.limits import CgroupSupport
from bench.machine.doctor import Check, examine_all
from bench.machine.probes import Findings, Space, examine, go_version, memory_controller

HEALTHY = Findings(
    python=(3, 12, 1),
    go="go1.26.8",
    go_wheel=False,
    uv=True,
    cgroup=CgroupSupport(
        version="v2", reason="cgroup v2, delegated", parents={"cpu": Path("/"), "pids": Path("/")}
    ),
    memory_controller=True,
    cores=4,
    load=0.1,
    governor="performance",
    clock_source="tsc",
    clock_reading_ns=40,
    evictable=True,
    spaces=(Space(purpose="builds", writable=True, free_bytes=10_000_000_000),),
)


def checks_of(**changes: Any) -> list[Check]:
    return list(examine_all(dataclasses.replace(HEALTHY, **changes)))


def test_a_healthy_machine_needs_no_fix() -> None:
    """Nothing to do means nothing is asked for."""
    assert {(check.status, check.fix) for check in checks_of()} == {("ok", None)}


@pytest.mark.parametrize(
    ("changes", "name", "status"),
    [
        ({"python": (3, 10, 9)}, "Python", "failure"),
        ({"go": None}, "Go", "warning"),
        ({"uv": False}, "uv", "warning"),
        ({"memory_controller": False}, "memory limit", "warning"),
        (
            {"cgroup": CgroupSupport(version="v2", reason="no pids", parents={"cpu": Path("/")})},
            "process limit",
            "warning",
        ),
        (
            {"cgroup": CgroupSupport(version="v1", reason="", parents={"pids": Path("/")})},
            "freezer",
            "warning",
        ),
        ({"tmp_size_obstacle": "loop devices need root"}, "size of /tmp", "warning"),
        ({"cores": 1}, "cores", "warning"),
        ({"load": 3.0}, "load", "warning"),
        ({"governor": "powersave"}, "CPU governor", "warning"),
        ({"clock_reading_ns": 900}, "clock", "warning"),
        ({"evictable": False}, "page cache", "warning"),
        ({"evictable": None}, "page cache", "warning"),
    ],
)
def test_whatever_is_wrong_has_a_fix(changes: dict[str, Any], name: str, status: str) -> None:
    """One finding changes one check, which says what to do."""
    (check,) = [c for c in checks_of(**changes) if c.status != "ok"]

    assert (check.name, check.status) == (name, status)
    assert check.fix


def test_a_machine_without_cgroups_has_a_fix_for_each_limit() -> None:
    """CPU, processes and the freezer are told apart, because each has its own consequence."""
    checks = checks_of(cgroup=CgroupSupport(version="none", reason="no cgroups"))

    assert [c.name for c in checks if c.status != "ok"] == ["CPU limit", "process limit", "freezer"]
    assert all(c.fix for c in checks if c.status != "ok")


def test_without_a_private_root_functions_run_at_real_paths() -> None:
    """The sentence says why and what follows, and /tmp cannot have a size either."""
    checks = checks_of(root_obstacle="unshare: Operation not permitted")

    wrong = {c.name: c for c in checks if c.status != "ok"}
    assert wrong.keys() == {"file system", "size of /tmp"}
    assert "Operation not permitted" in wrong["file system"].detail
    assert "real paths" in wrong["file system"].detail
    assert wrong["file system"].fix


@pytest.mark.parametrize(
    ("space", "status"),
    [
        (Space(purpose="builds", writable=False, free_bytes=10**10), "failure"),
        (Space(purpose="reports", writable=True, free_bytes=10**9), "warning"),
        (Space(purpose="temporary files", writable=True, free_bytes=10**6), "failure"),
    ],
)
def test_space_is_checked_where_it_is_needed(space: Space, status: str) -> None:
    """A directory that cannot be written or is nearly full is told apart by purpose."""
    (check,) = [c for c in checks_of(spaces=(space,)) if c.status != "ok"]

    assert (check.name, check.status) == (f"space for {space.purpose}", status)


def test_go_from_a_wheel_is_as_good() -> None:
    """No `go` on PATH is fine where the wheel is installed."""
    assert all(check.status == "ok" for check in checks_of(go=None, go_wheel=True))


def test_an_old_go_is_told_from_a_good_one() -> None:
    """Version 1.9 is older than 1.26; the wheel makes up for it."""
    (check,) = [c for c in checks_of(go="go1.9") if c.status != "ok"]

    assert (check.name, check.status) == ("Go", "warning")
    assert "go1.9, on PATH, is older than 1.26" in check.detail
    assert all(check.status == "ok" for check in checks_of(go="go1.9", go_wheel=True))


@pytest.mark.parametrize("script", ["#!/bin/sh\nexec sleep 60\n", "not a program"])
def test_a_go_that_does_not_answer_is_none(tmp_path: Path, script: str) -> None:
    """A `go` that hangs or cannot be started is no finding, and no traceback."""
    (tmp_path / "go").write_text(script)
    (tmp_path / "go").chmod(0o755)

    assert go_version(str(tmp_path / "go"), limit_s=0.2) is None


def test_a_machine_that_does_not_scale_its_clock_is_not_asked_to() -> None:
    """Without a governor there is no line about it."""
    assert "CPU governor" not in [check.name for check in checks_of(governor=None)]


def test_a_line_has_mark_name_and_detail() -> None:
    """The mark carries the meaning, so that colour need not."""
    checks = (
        Check(name="cores", status="ok", detail="4 usable"),
        Check(name="load", status="warning", detail="busy", fix="wait"),
        Check(name="Go", status="failure", detail="gone", fix="get it"),
    )

    assert render(checks, colour=False) == (
        "✓ cores  4 usable\n"
        "! load   busy\n"
        "         fix: wait\n"
        "✗ Go     gone\n"
        "         fix: get it\n"
    )
    assert "\033[33m!\033[0m load" in render(checks, colour=True)


def test_this_machine_can_be_examined(tmp_path: Path) -> None:
    """The probes work where the tests run, and leave nothing behind."""
    found = examine(cache=tmp_path / "not" / "yet", out=tmp_path, environ={"PATH": ""})

    assert found.cores >= 1
    assert found.clock_reading_ns > 0
    assert found.go is None
    assert [space.writable for space in found.spaces][:2] == [True, True]
    assert list(tmp_path.iterdir()) == []


def test_the_memory_controller_of_version_2_is_in_the_group(tmp_path: Path) -> None:
    """A delegated group lists the controllers that it may hand on."""
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids\n")
    support = CgroupSupport(version="v2", reason="", parents={"cpu": tmp_path})

    assert memory_controller(support)


def test_the_memory_controller_of_version_1_must_be_writable(tmp_path: Path) -> None:
    """A mounted controller that we may not write to is none."""
    group = tmp_path / "memory"
    group.mkdir()
    (tmp_path / "mountinfo").write_text(f"1 2 0:3 / {group} rw - cgroup cgroup rw,memory\n")
    support = CgroupSupport(version="v1", reason="")

    assert memory_controller(support, tmp_path)
    assert not memory_controller(support, tmp_path / "nowhere")


def test_without_a_controller_there_is_no_memory_limit() -> None:
    """Where groups cannot be made, nothing can be limited."""
    assert not memory_controller(CgroupSupport(version="none", reason=""))
