"""What a function finds on disk: Lambda's paths, in a root directory of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.emulator import ephemeral_storage, paths, root_filesystem
from bench.emulator.processes import Files, Launcher, ProcessOrder
from bench.emulator.programs import hidden_directories

pytestmark = pytest.mark.live

Look = Callable[..., Any]

needs_root = pytest.mark.skipif(
    root_filesystem.obstacle() is not None, reason=str(root_filesystem.obstacle())
)
needs_disk_image = pytest.mark.skipif(
    ephemeral_storage.obstacle() is not None, reason=str(ephemeral_storage.obstacle())
)
NOBODY = 65_534

#: What makes the private root outside of a launcher, as another user.
AS_NOBODY = f"""
import ctypes, json, os, sys
from bench.emulator.root_filesystem import RootFilesystem
os.setgroups([])
os.setgid({NOBODY})
os.setuid({NOBODY})
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # as after an exec
root = RootFilesystem()
root.show(json.loads(sys.argv[1]))
root.enter()
def refused(path):
    try:
        open(path, "w").close()
    except OSError:
        return True
    return False
print(json.dumps([os.listdir("/var/task"), os.listdir("/tmp"), os.getuid(),
                  refused("/var/task/new"), refused("/tmp/new")]))
"""


@pytest.fixture(name="launcher")
def _launcher() -> Iterator[Launcher]:
    launcher = Launcher()
    yield launcher
    launcher.close()


@pytest.fixture(name="look")
def _look(launcher: Launcher, tmp_path: Path) -> Look:
    """Evaluate a Python expression in a function's process; gives its JSON value."""
    task, tmp, log = tmp_path / "task", tmp_path / "tmp", tmp_path / "log"
    task.mkdir()
    tmp.mkdir()
    (task / "app.txt").write_text("package")

    def look(expression: str, *, image: Path | None = None, opt: Path | None = None) -> Any:
        log.unlink(missing_ok=True)
        code = f"import json, os\nprint(json.dumps({expression}))"
        interpreter = Path(sys.executable)
        launcher.prepare(
            ProcessOrder(
                argv=[str(interpreter), "-S", "-c", code],
                environment={},
                directory=Path(paths.TASK),
                log_path=log,
                files=Files(
                    task=task,
                    tmp=image or tmp,
                    opt=opt,
                    visible=hidden_directories(interpreter),
                ),
            )
        )
        launcher.open_gate()
        launcher.await_stamps()
        assert str(launcher.exited(launcher.pid, 30)) == "exit status 0", log.read_text()
        return json.loads(log.read_text())

    return look


def written(path: str) -> str:
    """An expression: whether ``path`` can be opened for writing, or the system's reason."""
    return (
        f"(lambda: (os.close(os.open({path!r}, os.O_WRONLY | os.O_CREAT)), 'yes')[1])()"
        f" if os.access({os.path.dirname(path)!r}, os.W_OK) else 'no'"
    )


@needs_root
def test_the_package_is_var_task_and_read_only(look: Look) -> None:
    """It is the working directory too, and nothing can be added to it."""
    assert look("[os.getcwd(), os.listdir('.')]") == ["/var/task", ["app.txt"]]
    assert look(written("/var/task/new")) == "no"


@needs_root
def test_the_settings_of_the_hosts_kernel_can_be_read_only(look: Look) -> None:
    """Also by root, whom the kernel asks for nothing but a file system that can be written."""
    assert look("os.statvfs('/proc/sys/kernel').f_flag & os.ST_RDONLY") == os.ST_RDONLY


@needs_root
def test_the_names_of_the_hosts_file_and_of_the_sandbox(look: Look) -> None:
    """Extensions listen at a name that AWS documents; names of the host stay."""
    names = look("open('/etc/hosts').read()")

    assert names.startswith(Path("/etc/hosts").read_text().rstrip("\n"))
    assert names.endswith("\n127.0.0.1 sandbox.localdomain sandbox\n")
    assert "hosts" not in look("os.listdir('/')")


@needs_root
def test_only_tmp_can_be_written(look: Look) -> None:
    """As on Lambda; the rest of the host's directories can be read."""
    places = ("/tmp/new", "/new", "/var/new", "/var/tmp/new", "/root/new", "/usr/new", "/opt/new")

    assert [look(written(place)) for place in places] == ["yes", *["no"] * 6]


@needs_root
def test_the_way_up_ends_at_the_private_root(look: Look) -> None:
    """A relative path with many ``..`` in it finds the function's files and not the host's."""
    assert look("os.path.exists('../../../../tmp/../var/task/app.txt')") is True
    assert look("os.path.samefile('/../..', '/')") is True


@needs_root
def test_each_environment_has_its_own_tmp(look: Look, tmp_path: Path) -> None:
    """What is written to ``/tmp`` is in the environment's directory, and outlives the process."""
    look(written("/tmp/mark"))

    assert (tmp_path / "tmp" / "mark").exists()
    assert look("os.path.exists('/tmp/mark')") is True
    assert not Path("/tmp/mark").exists()


@needs_root
def test_layers_are_opt(look: Look, tmp_path: Path) -> None:
    """Directories and files of the merged layers are there, read-only; without layers nothing."""
    opt = tmp_path / "opt"
    (opt / "bin").mkdir(parents=True)
    (opt / "bin" / "tool").touch()
    (opt / "readme").write_text("layer")

    assert look("[os.listdir('/opt/bin'), open('/opt/readme').read()]", opt=opt) == [
        ["tool"],
        "layer",
    ]
    assert look(written("/opt/bin/new"), opt=opt) == "no"
    assert look("os.path.exists('/opt/bin')") is False
    assert sorted(p.name for p in opt.iterdir()) == ["bin", "readme"]


@needs_root
def test_nothing_appears_on_the_host(look: Look) -> None:
    """No directory is created outside of the environment's own, and no mount is seen outside."""
    before = [os.path.exists(p) for p in ("/var/task", "/var/runtime", "/opt/extensions")]
    mounts = Path("/proc/self/mountinfo").read_text()

    look("1")

    after = [os.path.exists(p) for p in ("/var/task", "/var/runtime", "/opt/extensions")]
    assert after == before
    assert Path("/proc/self/mountinfo").read_text() == mounts


@needs_root
@needs_disk_image
def test_tmp_can_have_a_size(look: Look, tmp_path: Path) -> None:
    """512 MB are there, not much more, and they are on disk and not in memory."""
    image = tmp_path / "tmp.ext4"
    ephemeral_storage.make(image, 512)

    free, names, kind = look(
        "[os.statvfs('/tmp').f_bavail * os.statvfs('/tmp').f_frsize, os.listdir('/tmp'), "
        "[l.split(' - ')[1].split()[0] for l in open('/proc/self/mountinfo') "
        "if l.split()[4] == '/tmp'][-1]]",
        image=image,
    )

    assert 512 * 2**20 <= free < 540 * 2**20
    assert "lost+found" not in names
    assert kind == "ext4"
    assert image.stat().st_blocks * 512 < 20 * 2**20


@needs_root
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_users_other_than_root_have_it_through_a_user_namespace(tmp_path: Path) -> None:
    """The function stays the user that it is."""
    task, tmp = tmp_path / "task", tmp_path / "tmp"
    for directory in (task, tmp):
        directory.mkdir()
        os.chown(directory, NOBODY, NOBODY)
    (task / "app.txt").touch()
    for directory in (tmp_path, *list(tmp_path.parents)[:2]):
        directory.chmod(0o755)
    files = {"task": str(task), "tmp": str(tmp), "runtime": None, "opt": None, "visible": []}

    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, json.dumps(files)],
        capture_output=True,
        text=True,
        check=False,
    )

    if "unshare" in done.stderr:
        pytest.skip("this kernel gives users no namespaces")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [["app.txt"], [], NOBODY, True, False]
