"""The options of ``coldbench trend``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.commands.options import RunOptions
from bench.errors import UsageError

if TYPE_CHECKING:
    from bench.commands.parser import CommandParser

_SETTINGS = (
    *("out", "cache", "memory", "rounds", "budget", "warm", "seed", "margin", "confidence"),
    *("page_cache", "cpu"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendOptions(RunOptions):
    """Options of ``coldbench trend``: those of a run, and what is done with the history."""

    #: Keep the builds of the targets as their anchors.
    anchor: bool = False
    #: Measure the targets against their anchors, and add that to the history.
    measure: bool = False
    #: A record to add to the history; None = none.
    append: str | None = None
    #: Whether new nominations are measured again.
    confirm: bool = True
    json: bool = False

    @property
    def history(self) -> Path:
        """The directory of the history."""
        return self.settings.out / "history"


def declare(parser: CommandParser, target_help: str) -> None:
    """Declare the options of ``trend``."""
    parser.argument("target", nargs="*", help=target_help)
    parser.flag("--anchor", help="keep these builds, to measure every later one against")
    parser.flag("--measure", help="measure these builds against their anchors, and remember it")
    parser.value("--append", metavar="RECORD", help="remember a run that was measured elsewhere")
    parser.flag("--no-confirm", help="do not measure nominated changes again; they are not told")
    parser.value("--variant", action="append", metavar="ID", help="which build becomes the anchor")
    parser.value("--event", metavar="NAME", help="only this event")
    parser.flag("--json", help="print JSON")
    parser.settings(*_SETTINGS)


def read(parsed: argparse.Namespace, shared: Mapping[str, Any], _cwd: Path) -> TrendOptions:
    """Make the options of ``trend``.

    Raises:
        UsageError: options that exclude each other.
    """
    chosen = [f for f in ("anchor", "measure", "append") if getattr(parsed, f)]
    if len(chosen) > 1:
        raise UsageError(
            f"`--{chosen[0]}` and `--{chosen[1]}` are different steps",
            hint="pin anchors once, measure at each commit",
        )
    if parsed.variant and not parsed.anchor:
        raise UsageError("`--variant` chooses the build that `--anchor` keeps, and needs it")
    return TrendOptions(
        **shared,
        targets=tuple(parsed.target),
        variants=tuple(parsed.variant or ()),
        event=parsed.event,
        anchor=parsed.anchor,
        measure=parsed.measure,
        append=parsed.append,
        confirm=not parsed.no_confirm,
        json=parsed.json,
    )
