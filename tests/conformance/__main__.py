"""``python -m tests.conformance``: all long checks of the local Lambda, and their report."""

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
from tests.conformance import cpu_law, cycles, fuzz, kills, published
from tests.findings import Section

_REPORT = Path("reports/conformance.md")
_HEAD = """# Conformance of the local Lambda

Written by `nox -s conformance`. Each line is one expectation with the figure measured in this run;
what was missed says so.

"""


def main() -> int:
    """Run the checks; exit code 1 if any expectation was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000, help="to fuzz with")
    parser.add_argument("--cycles", type=int, default=1_000, help="failing cold starts")
    parser.add_argument("--kills", type=int, default=20, help="runs killed with -9")
    parser.add_argument("--rounds", type=int, default=5, help="of each timing")
    parser.add_argument("--only", choices=("law", "published", "fuzz", "cycles", "kills"))
    parser.add_argument("-o", "--output", type=Path, default=_REPORT)
    options = parser.parse_args()
    checks: dict[str, Callable[[Path], Iterable[Section]]] = {
        "law": lambda scratch: cpu_law.check(scratch, options.rounds),
        "published": lambda scratch: (published.check(scratch, options.rounds),),
        "fuzz": lambda _: (fuzz.check(options.requests),),
        "cycles": lambda scratch: (cycles.check(scratch, options.cycles),),
        "kills": lambda scratch: (kills.check(scratch, options.kills),),
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


def _run(name: str, check: Callable[[Path], Iterable[Section]]) -> list[Section]:
    begin = time.monotonic()
    work = user_cache(os.environ) / "conformance"
    work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=work) as scratch:
        sections = list(check(Path(scratch)))
    print(f"{name}: {time.monotonic() - begin:.0f} s", file=sys.stderr)
    return sections


if __name__ == "__main__":
    sys.exit(main())
