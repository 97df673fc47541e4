"""Max Memory Used of functions that fork, are killed, or only speak of it."""

from __future__ import annotations

import sys

import pytest
from bootstraps import ANSWER
from deployments import Lambda

from bench.emulator.cgroups import detect
from bench.emulator.function import LocalFunction

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif("memory" not in detect().parents, reason="no memory controller"),
]

_LIMIT_MB = 256
_FILL = f"{sys.executable} -S -c 'x = bytearray(b\"x\" * (400 << 20))'"


def _used_mb(function: LocalFunction) -> int:
    return function.invoke(b"{}").report.max_memory_used_mb


def test_an_error_that_speaks_of_a_kill_is_none(cloud: Lambda) -> None:
    """What a function says of a program that it ran decides nothing."""
    body = '{"errorType": "ExitError", "errorMessage": "ffmpeg: signal: killed"}'
    handler = f"post('invocation/' + request_id + '/error', b'{body}')"

    assert _used_mb(cloud.bootstrap(handler=handler, memory_mb=_LIMIT_MB)) < 100


def test_a_kill_at_the_limit_is_told_from_others(cloud: Lambda) -> None:
    """A signal from elsewhere says nothing about memory."""
    suicide = cloud.bootstrap(handler="os.kill(os.getpid(), 9)", memory_mb=_LIMIT_MB)
    glutton = cloud.bootstrap(handler="x = b'x' * (400 << 20)", memory_mb=_LIMIT_MB)

    assert _used_mb(suicide) < 100
    assert _used_mb(glutton) == _LIMIT_MB


def test_a_child_that_is_killed_at_the_limit(cloud: Lambda) -> None:
    """The environment has run out of memory, although the runtime goes on."""
    handler = f"status = os.system({_FILL!r})\n{ANSWER}"
    function = cloud.bootstrap(handler=handler, memory_mb=_LIMIT_MB)

    answer = function.invoke(b"{}")

    assert answer.function_error is None
    assert answer.report.max_memory_used_mb == _LIMIT_MB


def test_what_forks_share_counts_once(cloud: Lambda) -> None:
    """Six idle children of a process of 60 MB take no 420."""
    init = """
x = bytearray(60 << 20)
for at in range(0, len(x), 4096):
    x[at] = 1
for _ in range(6):
    if os.fork() == 0:
        time.sleep(100)
"""
    used = _used_mb(cloud.bootstrap(init=init, handler=ANSWER, memory_mb=_LIMIT_MB))

    assert 60 < used < 120
