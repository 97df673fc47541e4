"""Parents and children, among the processes of this test."""

from __future__ import annotations

import os

from bench.emulator.process_tree import children, descendants, parents


def test_we_descend_from_our_parent() -> None:
    """And not from ourselves."""
    assert os.getpid() in descendants(os.getppid())
    assert os.getpid() not in descendants(os.getpid())


def test_our_parent_has_us_among_its_children() -> None:
    """The list of the kernel and everybody's own word agree."""
    assert parents()[os.getpid()] == os.getppid()
    assert os.getpid() in {pid for pid, of in parents().items() if of == os.getppid()}


def test_a_child_is_listed_until_somebody_waits_for_it() -> None:
    """Also when it has ended."""
    before = children(os.getpid())
    child = os.fork()
    if child == 0:
        os._exit(0)

    listed = children(os.getpid())
    os.waitpid(child, 0)

    assert listed - before == {child}
    assert child not in children(os.getpid())
