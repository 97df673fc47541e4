"""Whose socket it is at the other end of a loopback connection."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.emulator import peers

TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2328 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1
   1: 0100007F:D431 0100007F:2328 01 00000000:00000000 00:00000000 00000000  1000        0 222 1
   2: 0100007F:2328 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 333 1
"""


@pytest.fixture(name="ends")
def _ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Client and server end of a connection."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as client,
    ):
        server, _ = listener.accept()
        with server:
            yield client, server


def test_the_client_is_the_process_that_holds_its_end(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    """We are, and our parent is not."""
    client, server = ends
    ports = client.getsockname()[1], server.getsockname()[1]

    assert peers.is_member(*ports, [os.getppid(), os.getpid()])
    assert not peers.is_member(*ports, [os.getppid()])


def test_kernel_and_list_agree_on_the_socket(ends: tuple[socket.socket, socket.socket]) -> None:
    """Both give the inode of the client's descriptor."""
    client, server = ends
    ports = client.getsockname()[1], server.getsockname()[1]
    inode = os.fstat(client.fileno()).st_ino

    assert peers.socket_inode(*ports) == inode
    assert peers.listed_inode(*ports) == inode


def test_a_connection_that_is_gone_belongs_to_nobody() -> None:
    """Port 9 of ours is not connected to port 9."""
    assert not peers.is_member(9, 9, [os.getpid()])


def test_the_list_is_read_by_both_ports(tmp_path: Path) -> None:
    """The listener and the server's own end have one of them only."""
    table = tmp_path / "tcp"
    table.write_text(TABLE)

    assert peers.listed_inode(0xD431, 0x2328, table) == 222
    assert peers.listed_inode(0xD432, 0x2328, table) == 0
