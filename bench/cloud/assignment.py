"""Which copies a run needs: every arm of every variant at every memory size."""

from __future__ import annotations

import math
from collections.abc import Mapping

from bench.cloud.arms import ArmSettings, circumstances
from bench.cloud.copies import Copy, name_of
from bench.cloud.source import Source
from bench.cost.price import Architecture
from bench.model import Arm, Cell, Record
from bench.session.schedule import is_control
from bench.subjects import Artifact, Function

Artifacts = Mapping[tuple[str, str], Artifact]

_GO_RUNTIME = "provided.al2023"


def copies_of(
    record: Record,
    artifacts: Artifacts,
    arms: ArmSettings,
    sources: Mapping[str, Source],
    host: Architecture,
) -> tuple[Copy, ...]:
    """One copy of every arm at every memory size, numbered in the order of the plan."""
    functions = {f.id: f for f in record.functions}
    keys: dict[tuple[str, str, Arm, int], Cell] = {}
    for cell in record.plan.cells:
        keys[cell.function, cell.variant, "variant", cell.memory_mb] = cell
        if is_control(record.plan, cell):
            keys[cell.function, cell.variant, "aa", cell.memory_mb] = cell
    return tuple(
        _copy(
            name_of(record.run_id, number),
            functions[cell.function],
            artifacts[cell.function, cell.variant],
            arm,
            cell,
            arms,
            sources.get(cell.function),
            host,
        )
        for number, ((_, _, arm, _), cell) in enumerate(keys.items())
    )


def _copy(
    name: str,
    function: Function,
    artifact: Artifact,
    arm: Arm,
    cell: Cell,
    settings: ArmSettings,
    source: Source | None,
    host: Architecture,
) -> Copy:
    parts = circumstances(cell.variant, host)
    configured = function.configured(parts.recipe)
    copy = Copy(
        name=name,
        function=function.id,
        variant=cell.variant,
        arm=arm,
        memory_mb=cell.memory_mb,
        architecture=parts.architecture,
        timeout_s=min(900, max(1, math.ceil(configured.timeout_s))),
        runtime=runtime_of(function, artifact),
        handler=artifact.handler,
        package=artifact.zip_path,
        environment=dict(configured.environment),
        layers=settings.layers if "layer" in parts.arms else (),
        subnets=settings.subnets if "vpc" in parts.arms else (),
        security_groups=settings.security_groups if "vpc" in parts.arms else (),
        tmp_mb=settings.tmp_mb if "tmp" in parts.arms else 512,
        snap_start="snapstart" in parts.arms,
        provisioned="provisioned" in parts.arms,
        image=settings.image if "image" in parts.arms else None,
    )
    return copy if source is None else source.applied(copy, parts.arms)


def runtime_of(function: Function, artifact: Artifact) -> str:
    """The managed runtime of a package: Python as built, else the one for a ``bootstrap``."""
    if function.runtime != "python":
        return _GO_RUNTIME
    version = artifact.toolchain.get("python", "")
    return "python" + ".".join(version.split(".")[:2])
