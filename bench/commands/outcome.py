"""A stored record judged and held to its gate: what ``run``, ``compare`` and ``judge`` share."""

from __future__ import annotations

from dataclasses import replace

from bench.config import Settings
from bench.gate import exit_code, gated
from bench.judgement import Judgement
from bench.model import Demands, Record
from bench.stats.judge import judge

_NOTHING = Demands()


def outcome(
    record: Record, settings: Settings, demands: Demands = _NOTHING
) -> tuple[Judgement, int]:
    """Judge a record by the settings, hold it to what it was held to, and give its exit code.

    ``demands`` of the command line come in place of the recorded rules, and beside the others.

    Raises:
        UsageError: a demand that is no rule.
    """
    judgement = judge(
        record,
        confidence=_asked_for("confidence", settings),
        margin=_asked_for("margin", settings),
    )
    held = replace(
        demands,
        fail_on=demands.fail_on or record.demands.fail_on,
        strict=demands.strict or record.demands.strict,
        allow_missing=demands.allow_missing or record.demands.allow_missing,
    )
    judgement = gated(record, judgement, held, margin=judgement.margin)
    return judgement, exit_code(record, judgement, strict=held.strict)


def _asked_for(name: str, settings: Settings) -> float | None:
    """What a flag asks for; None leaves it at what the run was planned with.

    Whatever else settings come from held when the plan was made, and another directory or
    environment must not change what a record is judged to be.
    """
    value: float = getattr(settings, name)
    return value if settings.sources[name] == f"--{name}" else None
