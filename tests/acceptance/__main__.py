"""``python -m tests.acceptance``: everything the statistics promise, counted, and its report."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.acceptance import damage, live, quota, simulated
from tests.findings import Check, report

_REPORT = Path("reports/acceptance.md")
_HEAD = """# Statistical acceptance

Written by `nox -s acceptance`. Counts, not only percentages; what was missed says so. Simulated
parts are seeded and give the same counts again; live parts ran on the machine and at the load of
this run.

"""
_CHECKS = ("simulated", "damage", "alarms", "shifts", "duels", "traces", "quota")


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
        "alarms": lambda scratch: (live.alarms(scratch, options.live),),
        "shifts": lambda scratch: (live.shifts(scratch, max(1, options.live // 3)),),
        "duels": lambda scratch: (live.duels(scratch, options.duels),),
        "traces": lambda scratch: (
            simulated.relabelled(live.traces(scratch, options.trace), 35 * n),
        ),
        "quota": lambda scratch: (quota.check(scratch, options.trials),),
    }
    if options.only:
        checks = {name: check for name, check in checks.items() if name in options.only}
    return report(checks, head=_HEAD, output=options.output, room="acceptance")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.acceptance", description=__doc__)
    parser.add_argument("--comparisons", type=int, default=300, help="simulated, of each question")
    parser.add_argument(
        "--live", type=int, default=300, help="live A/A comparisons, a third of it per shift"
    )
    parser.add_argument("--duels", type=int, default=5, help="comparisons by each other tool")
    parser.add_argument("--trace", type=int, default=2_000, help="processes in a stored trace")
    parser.add_argument("--trials", type=int, default=40, help="of each cell of the quota model")
    parser.add_argument("--only", nargs="+", choices=_CHECKS)
    parser.add_argument("-o", "--output", type=Path, default=_REPORT)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
