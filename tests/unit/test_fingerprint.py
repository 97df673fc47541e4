"""The fingerprint: enough facts, none that identifies the machine, and a key that holds still."""

from __future__ import annotations

import getpass
import json
import platform
from pathlib import Path

import pytest

from bench.machine.fingerprint import Fact, KernelFiles, collect, file_system

MOUNTS = """\
22 1 8:1 / / rw - ext4 /dev/root rw
23 22 0:21 / /proc rw - proc proc rw
24 22 0:22 / /data rw shared:1 - xfs /dev/sdb rw
25 24 0:23 / /data/my\\040disk rw - btrfs /dev/sdc rw
"""


@pytest.fixture(name="facts")
def _facts(tmp_path: Path) -> dict[str, dict[str, Fact]]:
    return collect(tmp_path)


def test_there_are_thirty_facts_and_more(facts: dict[str, dict[str, Fact]]) -> None:
    """The two parts together hold at least thirty facts, none in both."""
    assert set(facts) == {"hard", "soft"}
    assert len(facts["hard"]) + len(facts["soft"]) >= 30
    assert not set(facts["hard"]) & set(facts["soft"])


def test_facts_are_sorted_json(facts: dict[str, dict[str, Fact]]) -> None:
    """What is recorded reads the same after a round trip, in the same order."""
    assert json.dumps(facts) == json.dumps(json.loads(json.dumps(facts)), sort_keys=True)


def test_the_hard_facts_hold_still(tmp_path: Path) -> None:
    """Two looks at one machine give one comparability key."""
    assert collect(tmp_path)["hard"] == collect(tmp_path)["hard"]


def test_nothing_names_the_machine_or_its_owner(
    facts: dict[str, dict[str, Fact]], tmp_path: Path
) -> None:
    """Reports are published: no host name, no user name, no directory."""
    words = json.dumps(facts).replace('"', " ").replace(",", " ").split()

    assert {platform.node(), getpass.getuser()}.isdisjoint(words)
    assert str(tmp_path) not in json.dumps(facts)
    assert not [word for word in words if word.startswith("/")]


def test_a_kernel_without_the_files_gives_gaps(tmp_path: Path) -> None:
    """What this kernel does not tell is None, and nothing fails."""
    facts = collect(tmp_path, files=KernelFiles(tmp_path))

    assert facts["soft"]["governor"] is None
    assert facts["soft"]["pressure_cpu"] is None
    assert facts["hard"]["file_system"] is None


def test_the_kernel_files_are_read_where_they_are(tmp_path: Path) -> None:
    """Values come from the files, with the chosen word of a list."""
    files = {
        "proc/cpuinfo": "model name\t: Fast One\ncpu family\t: 6\nmodel\t: 7\nstepping\t: 8\n"
        "flags\t: fpu hypervisor\n\nmodel name\t: Other\n",
        "proc/pressure/cpu": "some avg10=1.50 avg60=0.74 avg300=0.46 total=42\n",
        "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    facts = collect(tmp_path, files=KernelFiles(tmp_path))

    assert facts["hard"]["cpu_model"] == "Fast One"
    assert facts["hard"]["cpu_stepping"] == "6/7/8"
    assert facts["hard"]["hypervisor"] is True
    assert facts["soft"]["pressure_cpu"] == 1.5
    assert facts["soft"]["transparent_huge_pages"] == "madvise"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home", "ext4"),
        ("/data/cache", "xfs"),
        ("/data/my disk/x", "btrfs"),
        ("/database", "ext4"),
    ],
)
def test_the_file_system_is_that_of_the_longest_mount(path: str, kind: str) -> None:
    """Whole path components count, and escaped spaces are read."""
    assert file_system(MOUNTS, Path(path)) == kind
