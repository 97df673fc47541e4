"""What a command is started in, and the options that all commands have."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from bench.config import Settings
from bench.errors import UsageError
from bench.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What every command knows: the settings, where it was started, and how it may look."""

    settings: Settings
    cwd: Path
    #: The command as it was typed, for the record and for reproducing it.
    command: str
    #: -1 with ``-q``, 0, or 1 with ``-v``.
    verbosity: int = 0
    #: Whether stdout takes colours, whether stderr does, and the columns of the terminal.
    colour: bool = False
    stderr_colour: bool = False
    width: int = 100
    environ: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a command is started in, as opposed to what it is asked for."""

    settings: Settings
    cwd: Path
    command: str
    environ: Mapping[str, str]
    colour: bool
    stderr_colour: bool
    width: int


def shared_fields(parsed: argparse.Namespace, around: Surroundings) -> dict[str, Any]:
    """The fields of :class:`Options`, for the options of any command.

    Raises:
        UsageError: options that exclude each other.
    """
    if parsed.quiet and parsed.verbose:
        raise UsageError("`--quiet` and `--verbose` exclude each other")
    return {
        "settings": around.settings,
        "cwd": around.cwd,
        "command": around.command,
        "verbosity": int(parsed.verbose) - int(parsed.quiet),
        "colour": around.colour,
        "stderr_colour": around.stderr_colour,
        "width": around.width,
        "environ": around.environ,
    }
