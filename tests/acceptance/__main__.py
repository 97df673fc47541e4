"""``python -m tests.acceptance``: everything the statistics promise, counted, and its report."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from bench.config import user_cache
from bench.store import write_whole
from tests.acceptance import damage, live, quota, simulated
from tests.findings import Section

_REPORT = Path("reports/acceptance.md")
_HEAD = """# Statistical acceptance

Written by `nox -s acceptance`. Counts, not only percentages; what was missed says so. Simulated
parts are seeded and give the same counts again; live parts ran on the machine and at the load of
this run.

"""
Check = Callable[[Path], Iterable[Section]]


def main() -> int:
    """Run the checks; exit code 1 if any expectation was missed."""
    options = _options()
    n = options.comparisons
    checks: dict[str, Check] = {
        "simulated": lambda _: (
            simulated.alarms(n),
            simulated.suites(max(1, n // 3)),
            simulated.coverage(7 * n),
            simulated.power(n),
            simulated.faults(max(3, n // 3)),
            simulated.throttled_ratio(n),
            simulated.trends(n),
        ),
        "damage": lambda scratch: (damage.check(scratch, int(n * 10 / 3)),),
        "live": lambda scratch: live.check(scratch, options.live, options.duels),
        "traces": lambda scratch: (
            simulated.relabelled(live.traces(scratch, options.trace), 35 * n),
        ),
        "quota": lambda scratch: (quota.check(scratch, options.trials),),
    }
    wanted = [options.only] if options.only else list(checks)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    sections: list[Section] = []
    for name in wanted:
        sections += _run(name, checks[name])
        text = _HEAD + "\n".join(section.markdown() for section in sections)
        write_whole(options.output, text.encode())
    print(text)
    return 0 if all(section.ok for section in sections) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.acceptance", description=__doc__)
    parser.add_argument("--comparisons", type=int, default=300, help="simulated, of each question")
    parser.add_argument("--live", type=int, default=300, help="live A/A comparisons")
    parser.add_argument("--duels", type=int, default=5, help="comparisons by each other tool")
    parser.add_argument("--trace", type=int, default=2_000, help="processes in a stored trace")
    parser.add_argument("--trials", type=int, default=40, help="of each cell of the quota model")
    parser.add_argument("--only", choices=("simulated", "damage", "live", "traces", "quota"))
    parser.add_argument("-o", "--output", type=Path, default=_REPORT)
    return parser.parse_args()


def _run(name: str, check: Check) -> list[Section]:
    begin = time.monotonic()
    work = user_cache(os.environ) / "acceptance"
    work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=work) as scratch:
        sections = list(check(Path(scratch)))
    print(f"{name}: {time.monotonic() - begin:.0f} s", file=sys.stderr)
    return sections


if __name__ == "__main__":
    sys.exit(main())
