from __future__ import annotations

from pathlib import Path

from pytest_benchmark.fixture import BenchmarkFixture

from bench.emulator.reportlog import platform_lines

_LOG = Path(__file__).parents[2] / "fixtures" / "report_lines" / "text.log"
_COPIES = 500


def _count(text: str) -> int:
    return sum(1 for _ in platform_lines(text))


def test_speed_of_a_mixed_log(benchmark: BenchmarkFixture) -> None:
    """Times a log of user and platform lines; only the number of lines found is asserted."""
    log = _LOG.read_bytes().decode() * _COPIES
    benchmark.extra_info["lines"] = log.count("\n")

    found = benchmark.pedantic(_count, args=(log,), rounds=5, warmup_rounds=1)

    assert found == 8 * _COPIES
