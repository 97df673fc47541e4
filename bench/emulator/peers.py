"""Who is at the other end of a loopback connection: a process of this environment, or a stranger.

A port number is no secret, and TCP has no ``SO_PEERCRED``. So the kernel is asked for the client's
socket by its two ports, and that is looked for among the open descriptors of the environment's own
processes. It costs a fraction of a millisecond, once per connection, after its first request has
been time-stamped: no measured interval has it in it.

A client that closes its socket at once, without waiting for the answer, has none any more by then
and is refused like a stranger. That is on purpose: no runtime can do without the answer, and to let
in whoever cannot be asked would let in everybody who hangs up fast enough. If the invoke or the
init then fails, the text of its failure says that a client was refused.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
from collections.abc import Collection
from pathlib import Path

from bench.emulator import process_tree

#: SOCK_DIAG_BY_FAMILY, <linux/sock_diag.h>: asks for one socket by both of its ends.
_DIAG_BY_FAMILY = 20
_NETLINK_SOCK_DIAG = 4
_NLM_F_REQUEST = 1
_NLMSG_ERROR = 2
#: ``struct nlmsghdr`` and ``struct inet_diag_req_v2``; the last fields are "any cookie".
_QUESTION = struct.Struct("=IHHII BBBxI 2s2s 4s12x 4s12x I II")
_ANSWER_BYTES = 512
#: ``idiag_inode`` in ``struct inet_diag_msg``, behind the header.
_INODE = struct.Struct("=84xI")
_LOOPBACK = socket.inet_aton("127.0.0.1")
_ALL_STATES = 0xFFF


def is_member(client_port: int, server_port: int, pids: Collection[int]) -> bool:
    """Whether one of the processes holds the client's end of a loopback connection."""
    try:
        inode = socket_inode(client_port, server_port)
    except OSError:  # a kernel without tcp_diag
        inode = listed_inode(client_port, server_port)
    return inode != 0 and any(_holds(pid, inode) for pid in pids)


def socket_inode(local_port: int, remote_port: int) -> int:
    """Ask the kernel for the inode of the loopback socket with these ports; 0 if there is none.

    Raises:
        OSError: the kernel does not answer such questions.
    """
    question = _QUESTION.pack(
        *(_QUESTION.size, _DIAG_BY_FAMILY, _NLM_F_REQUEST, 1, 0),
        *(socket.AF_INET, socket.IPPROTO_TCP, 0, _ALL_STATES),
        *(local_port.to_bytes(2, "big"), remote_port.to_bytes(2, "big"), _LOOPBACK, _LOOPBACK),
        *(0, 0xFFFFFFFF, 0xFFFFFFFF),
    )
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as diagnosis:
        diagnosis.send(question)
        answer = diagnosis.recv(_ANSWER_BYTES)
    _, kind, _, _, _, error = struct.unpack_from("=IHHIIi", answer)
    if kind == _DIAG_BY_FAMILY:
        return int(_INODE.unpack_from(answer)[0])
    if kind == _NLMSG_ERROR and error == -errno.ENOENT and local_port != 0:
        # ENOENT is also the answer of a kernel that has no tcp_diag: a listing tells.
        return listed_inode(local_port, remote_port)
    raise OSError(-error, os.strerror(-error))


def listed_inode(local_port: int, remote_port: int, table: Path = Path("/proc/net/tcp")) -> int:
    """The same from the list of all sockets, which takes up to a millisecond to make.

    The format is that of proc_pid_net(5): addresses and ports in hexadecimal.
    """
    local, remote = f":{local_port:04X}", f":{remote_port:04X}"
    with table.open(encoding="ascii") as lines:
        for line in lines:
            fields = line.split()
            if fields[1].endswith(local) and fields[2].endswith(remote):
                return int(fields[9])
    return 0


def members(launcher_pid: int, procs_file: str | None) -> set[int]:
    """An environment's processes: those of its cgroup, else those that descend of the launcher."""
    if procs_file is None:
        return process_tree.descendants(launcher_pid)
    return {int(pid) for pid in Path(procs_file).read_text().split()} - {launcher_pid}


def _holds(pid: int, inode: int) -> bool:
    wanted = f"socket:[{inode}]"
    directory = f"/proc/{pid}/fd"
    with contextlib.suppress(OSError):  # the process has ended
        for name in os.listdir(directory):
            with contextlib.suppress(OSError):  # closed meanwhile
                if os.readlink(f"{directory}/{name}") == wanted:
                    return True
    return False
