"""The files that a function sees, as on Lambda: a root of its own in a private mount namespace.

Used by the launcher (:mod:`bench.emulator.launcher`). The private root is a small tmpfs with

* the directories of the host's root and of its ``/var``, bound where they are, so that programs,
  libraries and caches keep their paths; read-only, as everything but ``/tmp`` is on Lambda
  (``/dev`` and ``/proc`` stay as they are, but for what sets up the host's kernel);
* ``/etc/hosts``, which has the name ``sandbox.localdomain`` besides those of the host;
* ``/var/task``, the package, and ``/var/runtime``, both read-only; ``/opt``, the merged layers;
* ``/tmp``, a directory of this environment alone;
* below ``/opt`` and ``/tmp`` what must be seen there nevertheless, such as an interpreter.

It is mounted over ``/proc`` and then made the root by ``pivot_root(2)``, which uncovers ``/proc``
again: nothing is created on the host, and the kernel takes everything down with the last process
of the namespace, however that ends. The host's root stays in the namespace, covered by an empty
``/boot``; a descriptor of it is the way back for preparing the next environment.

Root needs nothing else; others get a user namespace in which nobody but themselves exists.
"""

from __future__ import annotations

import ctypes
import os

from bench.emulator.paths import OPT, TMP

TYPE_CHECKING = False  # see `launcher.py`
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

_CLONE_NEWNS = 0x20000
_CLONE_NEWUSER = 0x10000000
_MS_BIND = 0x1000
_MS_RECURSIVE = 0x4000
_MS_PRIVATE = 0x40000
_MNT_DETACH = 2
# mount_setattr(2), Linux 5.12; glibc has a function for it since 2.36 only.
_SYS_MOUNT_SETATTR = 442
_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_MOUNT_ATTR_RDONLY = 0x1
_NOT_READ_ONLY = ("dev", "proc")
#: What in ``/proc`` belongs to the host and not to processes.
_OF_THE_HOST = ("bus", "fs", "irq", "sys", "sysrq-trigger")
_HOSTS = "/etc/hosts"
#: Where extensions have their listeners, by the names that AWS documents.
_OWN_NAMES = b"127.0.0.1 sandbox.localdomain sandbox\n"
#: Where the host's root is, below an empty directory.
_COVERED = "boot"

_libc = ctypes.CDLL(None, use_errno=True)


class RootFilesystem:
    """The private root. Building it changes the calling process for good: see :func:`obstacle`.

    Raises:
        OSError: this machine does not permit it.
    """

    def __init__(self) -> None:
        _private_namespace()
        directory = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
        self._host = os.open("/", directory)
        _mount("coldbench", "/proc", kind=b"tmpfs", data=b"mode=755")
        os.chdir("/proc")
        os.mkdir(_COVERED, 0o755)
        if _libc.pivot_root(b".", _COVERED.encode()):
            raise _error("pivot_root")
        self._root = os.open("/", directory)
        self._shown: dict[str, tuple[object, ...]] = {}
        self.leave()
        os.fchdir(self._root)
        self._bind_host()

    def enter(self) -> None:
        """Make it the root of this process."""
        os.fchdir(self._root)
        os.chroot(".")

    def leave(self) -> None:
        """Make the host's root the root of this process again."""
        os.fchdir(self._host)
        os.chroot(".")

    def show(self, files: Mapping[str, Any]) -> None:
        """Put the directories of one environment in place of the last one's.

        To be called outside of the root. ``files`` is a ``Files`` of
        :mod:`bench.emulator.processes` as a mapping.

        Raises:
            OSError: one of them cannot be shown.
        """
        os.fchdir(self._root)
        visible = files["visible"]
        self._replace("var/task", files["task"])
        self._replace("var/runtime", files["runtime"])
        self._replace("opt", files["opt"], _below(OPT, visible))
        self._replace("tmp", files["tmp"], _below(TMP, visible))

    def _replace(self, target: str, source: str | None, beside: tuple[str, ...] = ()) -> None:
        """Show ``source`` at ``target``, and the directories ``beside`` at their own paths."""
        wanted = None if source is None else _identity(source)
        if self._shown.get(target) == (wanted, beside):
            return
        if target in self._shown:
            del self._shown[target]
            _libc.umount2(target.encode(), _MNT_DETACH)
        if source is None and not beside:
            return
        self._shown[target] = (wanted, beside)
        if target == "opt":  # mount points can be made in a tmpfs, but not in the user's layers
            _mount("coldbench", target, kind=b"tmpfs", data=b"mode=755")
            _bind_entries(source, target)
        elif source is not None and os.path.isfile(source):
            from bench.emulator import loop_device

            loop_device.mount(source, target)
        elif source is not None:
            _mount(source, target, _MS_BIND)
        for path in beside:
            os.makedirs(path[1:], exist_ok=True)
            _bind(path, path[1:])
        if target != "tmp":
            _read_only(target)

    def _bind_host(self) -> None:
        for name in ("tmp", "opt", "var"):
            os.mkdir(name, 0o755)
        for name in ("task", "runtime"):
            os.mkdir(f"var/{name}", 0o755)
        _bind_entries("/", ".", besides=("tmp", "opt", "var", _COVERED))
        _bind_entries("/var", "var", besides=("task", "runtime"))
        for name in _OF_THE_HOST:
            if os.path.exists(f"/proc/{name}"):
                _bind(f"/proc/{name}", f"proc/{name}")
        _bind_hosts()
        if os.path.ismount("/dev/shm"):
            _read_only("dev/shm")  # Lambda has no shared memory either
        _mount("coldbench", _COVERED, kind=b"tmpfs", data=b"mode=755")
        _read_only(_COVERED)
        _read_only(".", recursive=False)


def obstacle() -> str | None:
    """Why there can be no private root here, in the system's words; None if there can be.

    Tries it, in a process of its own.
    """
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            RootFilesystem()
        except OSError as error:
            os.write(write, str(error.strerror or error).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    return said.decode() or None


def sentence(obstacle: str | None) -> str:
    """What functions see, for `doctor` and the record; see :func:`obstacle`."""
    if obstacle is None:
        return "as on Lambda: /var/task read-only, /opt and /tmp of each function's own"
    return (
        f"{obstacle}: functions and layers have their real paths, not /var/task and /opt, TMPDIR "
        "stands for a /tmp of their own, and there is no host name sandbox.localdomain"
    )


def _bind_hosts() -> None:
    """Show the host's names and those of Lambda; where there is no such file, it stays so."""
    if os.path.islink(_HOSTS) or not os.path.isfile(_HOSTS):
        return
    with open(_HOSTS, "rb", buffering=0) as file:
        names = file.read()
    with open("hosts", "wb", buffering=0) as file:
        file.write(names.rstrip(b"\n") + b"\n" + _OWN_NAMES)
    _bind("hosts", _HOSTS[1:])
    os.unlink("hosts")


def _private_namespace() -> None:
    """Enter a mount namespace from which no mount gets out; for users in a user namespace."""
    user, group = os.geteuid(), os.getegid()
    if _libc.unshare(_CLONE_NEWNS):
        if _libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNS):
            raise _error("unshare")
        _write("/proc/self/uid_map", f"{user} {user} 1")
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/gid_map", f"{group} {group} 1")
    _mount("none", "/", _MS_PRIVATE | _MS_RECURSIVE)


def _write(path: str, text: str) -> None:
    with open(path, "wb", buffering=0) as file:
        file.write(text.encode())


def _identity(path: str) -> tuple[str, int, int]:
    """What a path is now: a later directory of the same name is another one."""
    status = os.stat(path)
    return path, status.st_dev, status.st_ino


def _bind_entries(source: str | None, target: str, besides: Iterable[str] = ()) -> None:
    """Show what is in ``source`` one by one in ``target``; files at the host's top are left out."""
    if source is None:
        return
    for entry in os.scandir(source):
        place = f"{target}/{entry.name}"
        if entry.name in besides:
            continue
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), place)
        elif entry.is_dir():
            os.mkdir(place, 0o755)
            _bind(entry.path, place, read_only=entry.name not in _NOT_READ_ONLY)
        elif target == "opt":
            os.close(os.open(place, os.O_CREAT | os.O_CLOEXEC, 0o644))
            _bind(entry.path, place)


def _below(directory: str, paths: Iterable[str]) -> tuple[str, ...]:
    return tuple(path for path in paths if path.startswith(directory + "/"))


def _bind(source: str, target: str, *, read_only: bool = True) -> None:
    _mount(source, target, _MS_BIND | _MS_RECURSIVE)
    if read_only:
        _read_only(target)


class _Attributes(ctypes.Structure):
    """``struct mount_attr`` of mount_setattr(2)."""

    _fields_ = tuple((name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "user"))


def _read_only(target: str, *, recursive: bool = True) -> None:
    attributes = _Attributes(set=_MOUNT_ATTR_RDONLY)
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    flags = _AT_RECURSIVE if recursive else 0
    arguments = (_AT_FDCWD, target.encode(), flags, ctypes.byref(attributes), size)
    if _libc.syscall(_SYS_MOUNT_SETATTR, *arguments):
        raise _error(f"mount_setattr {target}")


def _mount(
    source: str,
    target: str,
    flags: int = 0,
    *,
    kind: bytes | None = None,
    data: bytes | None = None,
) -> None:
    names = os.fsencode(source), os.fsencode(target)
    if _libc.mount(*names, kind, ctypes.c_ulong(flags), data):
        raise _error(f"mount {source}")


def _error(action: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{action}: {os.strerror(number)}")
