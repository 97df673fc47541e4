"""``python -m tests.conformance``: all long checks of the local Lambda, and their report."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.conformance import cpu_law, cycles, fuzz, kills, published
from tests.findings import Check, report

_REPORT = Path("reports/conformance.md")
_HEAD = """# Conformance of the local Lambda

Written by `nox -s conformance`. Each line is one expectation with the figure measured in this run;
what was missed says so.

"""
_CHECKS = ("law", "published", "fuzz", "cycles", "kills")


def main() -> int:
    """Run the checks; exit code 1 if any expectation was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000, help="to fuzz with")
    parser.add_argument("--cycles", type=int, default=1_000, help="failing cold starts")
    parser.add_argument("--kills", type=int, default=20, help="runs killed with -9")
    parser.add_argument("--rounds", type=int, default=5, help="of each timing")
    parser.add_argument("--only", nargs="+", choices=_CHECKS)
    parser.add_argument("-o", "--output", type=Path, default=_REPORT)
    options = parser.parse_args()
    checks: dict[str, Check] = {
        "law": lambda scratch: cpu_law.check(scratch, options.rounds),
        "published": lambda scratch: (published.check(scratch, options.rounds),),
        "fuzz": lambda _: (fuzz.check(options.requests),),
        "cycles": lambda scratch: (cycles.check(scratch, options.cycles),),
        "kills": lambda scratch: (kills.check(scratch, options.kills),),
    }
    if options.only:
        checks = {name: check for name, check in checks.items() if name in options.only}
    return report(checks, head=_HEAD, output=options.output, room="conformance")


if __name__ == "__main__":
    sys.exit(main())
