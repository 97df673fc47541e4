"""Which cgroup version this process may use for its children, found without changing anything."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from bench.emulator.limits import NO_LIMITS, CgroupSupport
from bench.frozen import dataclass

#: Without these no CPU quota; the others are used where they are.
_NEEDED_V1 = ("cpu", "cpuacct")
_WANTED = ("memory", "pids")
#: A controller of its own in v1; v2 freezes every group.
_WANTED_V1 = (*_WANTED, "freezer")
_HOME = "coldbench-home"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mount:
    point: Path
    root: str
    kind: str
    options: frozenset[str]


def detect(proc: Path = Path("/proc/self")) -> CgroupSupport:
    """What the kernel, the mounts and our privileges permit.

    ``proc`` is a directory with ``mountinfo`` and ``cgroup``, for tests.
    """
    mounts = tuple(_cgroup_mounts((proc / "mountinfo").read_text()))
    own = _own_groups((proc / "cgroup").read_text())
    v1 = _detect_v1(mounts, own)
    if v1 is not None:
        return v1
    return _detect_v2(mounts, own)


def _cgroup_mounts(mountinfo: str) -> Iterator[_Mount]:
    """Lines of ``mountinfo``: see proc_pid_mountinfo(5)."""
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        if kind in ("cgroup", "cgroup2"):
            fields = before.split()
            yield _Mount(
                point=Path(fields[4]),
                root=fields[3],
                kind=kind,
                options=frozenset(options.split(",")),
            )


def _own_groups(text: str) -> dict[str, str]:
    """Controller name to our own group's path; the empty name is the unified hierarchy."""
    own = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            own[controller] = path
    return own


def _parent(mount: _Mount, own_path: str) -> Path:
    relative = own_path if mount.root == "/" else own_path.removeprefix(mount.root)
    return mount.point / relative.lstrip("/")


def _detect_v1(mounts: tuple[_Mount, ...], own: dict[str, str]) -> CgroupSupport | None:
    parents: dict[str, Path] = {}
    for controller in (*_NEEDED_V1, *_WANTED_V1):
        for mount in mounts:
            if mount.kind == "cgroup" and controller in mount.options and controller in own:
                parents[controller] = _parent(mount, own[controller])
    if not all(controller in parents for controller in _NEEDED_V1):
        return None
    usable = {c: p for c, p in parents.items() if os.access(p, os.W_OK)}
    denied = [c for c in _NEEDED_V1 if c not in usable]
    if denied:
        return CgroupSupport(
            version="none",
            reason=f"cgroup v1: no permission to write the {denied[0]} hierarchy: {NO_LIMITS}",
        )
    return CgroupSupport(version="v1", reason=f"cgroup v1 with {', '.join(usable)}", parents=usable)


def _detect_v2(mounts: tuple[_Mount, ...], own: dict[str, str]) -> CgroupSupport:
    mount = next((m for m in mounts if m.kind == "cgroup2"), None)
    if mount is None or "" not in own:
        return CgroupSupport(version="none", reason=f"no cgroup file system here: {NO_LIMITS}")
    group = _parent(mount, own[""])
    if group.name == _HOME:  # an earlier run of ours has moved us here
        group = group.parent
    controllers_file = group / "cgroup.controllers"
    controllers = controllers_file.read_text().split() if controllers_file.exists() else []
    if "cpu" not in controllers:
        return CgroupSupport(
            version="none", reason=f"cgroup v2 without the cpu controller: {NO_LIMITS}"
        )
    if not (os.access(group, os.W_OK) and os.access(group / "cgroup.procs", os.W_OK)):
        return CgroupSupport(
            version="none", reason=f"cgroup v2: our group is not delegated to us: {NO_LIMITS}"
        )
    if _lacks_controllers(group) and _strangers(group):
        return CgroupSupport(
            version="none", reason=f"cgroup v2: others live in our group: {NO_LIMITS}"
        )
    usable = ["cpu", *(c for c in _WANTED if c in controllers)]
    return CgroupSupport(
        version="v2",
        reason=f"cgroup v2 with {', '.join(usable)}",
        parents=dict.fromkeys(usable, group),
    )


def enter_v2(support: CgroupSupport) -> CgroupSupport:
    """Make a v2 group able to have limited children; a no-op for v1 and none.

    A v2 group with processes cannot hand controllers to its children (cgroups(7), "no internal
    processes"), so we and our ancestors move to a child of their own first. To be called before
    the launcher is started. Where others live in the group too, it is not ours to rearrange, and
    the answer is ``none``.
    """
    if support.version != "v2":
        return support
    group = support.parents["cpu"]
    missing = set(support.parents) - set((group / "cgroup.subtree_control").read_text().split())
    if not missing:
        return support
    try:
        if (group / "cgroup.type").exists():  # absent only in the root, which may have both
            _move_own_processes(group)
        (group / "cgroup.subtree_control").write_text(" ".join(f"+{c}" for c in sorted(missing)))
    except OSError as error:
        return CgroupSupport(
            version="none", reason=f"cgroup v2: {error.strerror or error}: {NO_LIMITS}"
        )
    return support


def _move_own_processes(group: Path) -> None:
    """Move ourselves and our ancestors, who are all that live there, to a child of ``group``."""
    pids = (group / "cgroup.procs").read_text().split()
    home = group / _HOME
    home.mkdir(exist_ok=True)
    for pid in pids:
        (home / "cgroup.procs").write_text(pid)


def _lacks_controllers(group: Path) -> bool:
    """Whether the group's children get no CPU controller yet, and it is not the root."""
    control = group / "cgroup.subtree_control"
    enabled = control.read_text().split() if control.exists() else []
    return "cpu" not in enabled and (group / "cgroup.type").exists()


def _strangers(group: Path) -> set[str]:
    return set((group / "cgroup.procs").read_text().split()) - set(_ancestry())


def _ancestry() -> Iterator[str]:
    """Our own pid and those of our ancestors."""
    pid = os.getpid()
    while pid > 0:
        yield str(pid)
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
