"""Our own hot paths under pytest-benchmark: what is asserted is their result, never a time.

The parser of REPORT lines has a file of its own. Few rounds, so that the tests stay cheap; for
figures, run this file with `--benchmark-min-rounds` and without other load.
"""

from __future__ import annotations

import numpy as np
from pytest_benchmark.fixture import BenchmarkFixture

from bench.emulator.http1 import RequestParser
from bench.stats.paired import estimate
from bench.stats.samples import Pairs
from bench.stats.scores import NORMAL_FROM, p_value

_RESPONSE = (
    b"POST /2018-06-01/runtime/invocation/8476a536-e9f4-11e8-9739-2dfe598c3fcd/response"
    b" HTTP/1.1\r\n"
    b"Host: 127.0.0.1:9001\r\nUser-Agent: AWS_Lambda_Python\r\nContent-Type: application/json\r\n"
    b"Content-Length: 64\r\n\r\n" + b"x" * 64
)
_REQUESTS = 200
_ROUNDS = 5


def _parse(data: bytes) -> int:
    parser = RequestParser()
    found = 0
    for _ in range(_REQUESTS):
        parser.feed(data)
        request = parser.next()
        found += request is not None and request.body_bytes == 64
    return found


def test_speed_of_the_http_parser(benchmark: BenchmarkFixture) -> None:
    """Every response of a function is parsed, its body whole."""
    benchmark.extra_info["requests"] = _REQUESTS

    found = benchmark.pedantic(_parse, args=(_RESPONSE,), rounds=_ROUNDS, warmup_rounds=1)

    assert found == _REQUESTS


def _differences(rounds: int, shift: float) -> np.ndarray:
    return shift + 0.02 * np.random.default_rng(7).standard_t(3, rounds)


def test_speed_of_the_exact_score_test(benchmark: BenchmarkFixture) -> None:
    """The last sample that is enumerated, which costs most, finds a shift of three sigmas."""
    row = _differences(NORMAL_FROM - 1, 0.06)

    p = benchmark.pedantic(p_value, args=(row,), rounds=_ROUNDS, warmup_rounds=1)

    assert p < 0.001


def test_speed_of_an_estimate_with_its_interval(benchmark: BenchmarkFixture) -> None:
    """The longest comparison of a run, inverted for its interval, holds the true ratio."""
    baseline = np.full(273, 1e7)
    pairs = Pairs(baseline=baseline, candidate=baseline * np.exp(_differences(273, 0.05)))

    found = benchmark.pedantic(
        estimate, args=(pairs,), kwargs={"confidence": 0.99}, rounds=_ROUNDS, warmup_rounds=1
    )

    assert found.low < np.exp(0.05) < found.high
