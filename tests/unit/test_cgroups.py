from __future__ import annotations

from pathlib import Path

from bench.emulator.cgroups import detect


def _proc(tmp_path: Path, mountinfo: str, cgroup: str) -> Path:
    proc = tmp_path / "proc"
    proc.mkdir()
    (proc / "mountinfo").write_text(mountinfo)
    (proc / "cgroup").write_text(cgroup)
    return proc


def _v2(tmp_path: Path, controllers: str, group: str = "user.slice/app.scope") -> Path:
    directory = tmp_path / "unified" / group
    directory.mkdir(parents=True)
    (directory / "cgroup.controllers").write_text(controllers)
    (directory / "cgroup.procs").write_text("")
    mount = f"30 24 0:26 / {tmp_path}/unified rw,nosuid - cgroup2 cgroup2 rw\n"
    return _proc(tmp_path, mount, f"0::/{group}\n")


def test_v1_needs_cpu_and_cpuacct(tmp_path: Path) -> None:
    """Groups are made below our own group of each hierarchy."""
    for name in ("cpu", "cpuacct"):
        (tmp_path / name / "job").mkdir(parents=True)
    mounts = (
        f"31 30 0:27 / {tmp_path}/cpu rw shared:9 - cgroup cgroup rw,cpu\n"
        f"32 30 0:28 / {tmp_path}/cpuacct rw - cgroup cgroup rw,cpuacct\n"
    )

    support = detect(_proc(tmp_path, mounts, "2:cpu:/job\n1:cpuacct:/job\n"))

    assert support.version == "v1"
    assert support.parents == {
        "cpu": tmp_path / "cpu" / "job",
        "cpuacct": tmp_path / "cpuacct" / "job",
    }


def test_v1_controllers_mounted_together(tmp_path: Path) -> None:
    """Most distributions mount cpu and cpuacct as one hierarchy."""
    (tmp_path / "both").mkdir()
    mounts = f"31 30 0:27 / {tmp_path}/both rw - cgroup cgroup rw,cpu,cpuacct\n"

    support = detect(_proc(tmp_path, mounts, "2:cpu,cpuacct:/\n"))

    assert support.version == "v1"
    assert support.parents == {"cpu": tmp_path / "both", "cpuacct": tmp_path / "both"}


def test_a_mount_of_a_part_of_the_hierarchy(tmp_path: Path) -> None:
    """In a container the mount's root is the container's own group."""
    (tmp_path / "both").mkdir()
    mounts = f"31 30 0:27 /docker/c1 {tmp_path}/both rw - cgroup cgroup rw,cpu,cpuacct\n"

    support = detect(_proc(tmp_path, mounts, "2:cpu,cpuacct:/docker/c1\n"))

    assert support.parents["cpu"] == tmp_path / "both"


def test_a_delegated_v2_group(tmp_path: Path) -> None:
    """A writable group with the cpu controller will do."""
    support = detect(_v2(tmp_path, "cpuset cpu memory pids"))

    assert support.version == "v2"
    group = tmp_path / "unified" / "user.slice" / "app.scope"
    assert support.parents == {"cpu": group, "memory": group, "pids": group}


def test_v2_without_the_cpu_controller(tmp_path: Path) -> None:
    """The reason is one sentence that says what follows from it."""
    support = detect(_v2(tmp_path, "memory pids"))

    assert support.version == "none"
    assert "without the cpu controller" in support.reason
    assert "modelled" in support.reason


def test_no_cgroups_at_all(tmp_path: Path) -> None:
    """A sandbox without any is told apart from one that denies them."""
    support = detect(_proc(tmp_path, "24 1 0:20 / / rw - ext4 /dev/vda rw\n", ""))

    assert support.version == "none"
    assert "no cgroup file system" in support.reason
