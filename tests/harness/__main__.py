"""``python -m tests.harness``: what measuring costs, in one table."""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.build import BuildCache, build_matrix
from bench.functions.directory import load_function
from bench.functions.variants import of_runtime
from tests.harness.command import help_ns, invoke_ns, nothing_ns
from tests.harness.large_response import BareLargeResponse, OurLargeResponse
from tests.harness.round_trip import OurEcho, OurFunction, RawEcho, RawPythonEcho
from tests.harness.spawn import CSpawner, OurSpawner, compile_c, paired

_BALLAST_BYTES = 500_000_000
_EVENT = b'{"name": "Ada"}'


def main() -> None:
    """Run all benchmarks; each pair of rows is from one interleaved session."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        _show("spawn, from the stamp to main", "C posix_spawn", *_spawn(directory, rounds))
        with _large_parent():
            _show("the same, 500 MB parent", "C posix_spawn", *_spawn(directory, rounds))
        _show("round trip of a warm Go hello", "raw echo in C", *_round_trip(directory, rounds))
        _show(
            "round trip of an echo in Python", "the same bytes, no HTTP", *_echo(directory, rounds)
        )
        _show("6 MB response", "into one buffer", *_large(directory, max(20, rounds // 5)))
    starts = max(20, rounds // 5)
    _show("coldbench --help", "python -c pass", *paired(starts, help_ns, nothing_ns))
    invoke_ns()  # builds the function, if need be
    _show("coldbench invoke, our part", "python -c pass", *paired(starts, invoke_ns, nothing_ns))


def _spawn(directory: Path, rounds: int) -> tuple[list[int], list[int]]:
    program = compile_c(directory, "stamp", "-static")
    ours = OurSpawner(program, directory / "ours")
    reference = CSpawner(compile_c(directory, "spawner"), program, directory / "reference")
    try:
        return paired(rounds, ours.spawn_ns, reference.spawn_ns)
    finally:
        ours.close()
        reference.close()


def _round_trip(directory: Path, rounds: int) -> tuple[list[int], list[int]]:
    function = load_function(Path("go_functions/hello").resolve())
    smallest = next(v for v in of_runtime("go") if v.id == "smallest")
    built = build_matrix([(function, smallest)], cache=BuildCache())
    ours = OurFunction(built.artifacts[0].tree_path, directory)
    echo = RawEcho(compile_c(directory, "echo"))
    try:
        return paired(rounds, _calls(ours.invoke_ns), _calls(echo.invoke_ns))
    finally:
        ours.close()
        echo.close()


def _echo(directory: Path, rounds: int) -> tuple[list[int], list[int]]:
    ours, raw = OurEcho(directory), RawPythonEcho()
    try:
        return paired(rounds, _calls(ours.invoke_ns), _calls(raw.invoke_ns))
    finally:
        ours.close()
        raw.close()


def _large(directory: Path, rounds: int) -> tuple[list[int], list[int]]:
    ours, bare = OurLargeResponse(directory), BareLargeResponse()
    try:
        return paired(rounds, ours.invoke_ns, bare.invoke_ns)
    finally:
        ours.close()
        bare.close()


def _calls(invoke: Callable[[bytes], int]) -> Callable[[], int]:
    return lambda: invoke(_EVENT)


@contextmanager
def _large_parent() -> Iterator[None]:
    """Half a gigabyte of touched memory in this process, as pandas and its friends would have."""
    ballast = bytearray(_BALLAST_BYTES)
    ballast[::4096] = b"x" * len(ballast[::4096])
    yield
    del ballast


def _show(name: str, reference_name: str, ours: list[int], reference: list[int]) -> None:
    p50, reference_p50 = statistics.median(ours), statistics.median(reference)
    difference = statistics.median(a - b for a, b in zip(ours, reference, strict=True))
    print(
        f"{name:<32} p50 {p50 / 1e3:8.1f} µs  p99 {_p99(ours) / 1e3:8.1f} µs\n"
        f"  {reference_name:<30} p50 {reference_p50 / 1e3:8.1f} µs  "
        f"p99 {_p99(reference) / 1e3:8.1f} µs\n"
        f"  {'paired':<30} {difference / 1e3:+12.1f} µs  ratio {p50 / reference_p50:.2f}  "
        f"n = {len(ours)}"
    )


def _p99(values: list[int]) -> int:
    return sorted(values)[int(0.99 * (len(values) - 1))]


if __name__ == "__main__":
    main()
