"""``coldbench doctor``: what this machine can measure, one line per check, with its fix."""

from __future__ import annotations

import json
from dataclasses import asdict

from bench.commands.options import DoctorOptions
from bench.errors import MeasurementError
from bench.machine.doctor import Check, Status, examine_all
from bench.machine.probes import examine

_MARKS: dict[Status, tuple[str, str]] = {
    "ok": ("✓", "\033[32m"),
    "warning": ("!", "\033[33m"),
    "failure": ("✗", "\033[31m"),
}
_RESET = "\033[0m"


def execute(options: DoctorOptions) -> tuple[str, int]:
    """Examine the machine; the exit code is that of a failed measurement if a check failed."""
    settings = options.settings
    found = examine(cache=settings.cache, out=settings.out, environ=options.environ)
    checks = examine_all(found)
    failed = any(check.status == "failure" for check in checks)
    if options.json:
        text = json.dumps([asdict(check) for check in checks], indent=2) + "\n"
    else:
        text = render(checks, colour=options.colour)
    return text, MeasurementError.exit_code if failed else 0


def render(checks: tuple[Check, ...], *, colour: bool) -> str:
    """One line per check and, where there is something to do, a second one that says what."""
    width = max(len(check.name) for check in checks)
    lines = []
    for check in checks:
        mark, tint = _MARKS[check.status]
        shown = f"{tint}{mark}{_RESET}" if colour else mark
        lines.append(f"{shown} {check.name:<{width}}  {check.detail}")
        if check.fix:
            lines.append(f"  {'':<{width}}  fix: {check.fix}")
    return "\n".join(lines) + "\n"
