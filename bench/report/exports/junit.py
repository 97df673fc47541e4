"""JUnit XML: one test case per planned cell, for the test report of a CI system.

A case fails where the run is a regression by this cell (of the gate, where there is one, whatever
the verdict at the margin is), and is an error where it has no valid trial or was not built. What
was not decided is skipped, with the reason, never passed. In a run over variants a slower one is an
alternative that nobody ships, so it passes and says so. The case ``the run can be trusted`` is an
error for an unfit run, whose other cases are all skipped.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from bench.judgement import Comparison, Gate, GateFinding, Judgement
from bench.model import Cell, Record
from bench.report.exports.samples import NS_PER_S, caveat, conditions
from bench.report.findings import Findings
from bench.report.measures import ratio_words
from bench.report.plain import one_line, printable

_UNDECIDED = ("inconclusive", "incomparable")
_RUN = "coldbench"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    suite: str
    name: str
    outcome: Literal["passed", "failure", "error", "skipped"]
    message: str
    detail: str = ""
    seconds: float = 0.0


def render(record: Record, judgement: Judgement) -> str:
    """Write the cells of a run as test cases, one suite per function."""
    findings = Findings.of(record, judgement)
    cases = _cases(findings)
    root = ET.Element("testsuites", _counts(cases))
    for suite in dict.fromkeys(case.suite for case in cases):
        members = [case for case in cases if case.suite == suite]
        attributes = {"name": suite, "timestamp": record.started.removesuffix("Z")}
        element = ET.SubElement(root, "testsuite", attributes | _counts(members))
        for case in members:
            _append(element, case)
    ET.indent(root)
    text: str = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _cases(findings: Findings) -> list[_Case]:
    reason = caveat(findings.record, findings.judgement)
    builds = [
        _Case(
            suite=failed.function,
            name=f"build of {failed.variant}",
            outcome="error",
            message="the build failed",
            detail=f"$ {failed.command}\n{failed.message}",
        )
        for failed in findings.failed_builds.values()
    ]
    cells = [_cell(findings, cell, reason) for cell in dict.fromkeys(findings.record.plan.cells)]
    return [_run(findings, reason), *builds, *cells, *_gate(findings)]


def _run(findings: Findings, reason: str | None) -> _Case:
    smoke = findings.record.plan.smoke
    warnings = (*findings.record.warnings, *findings.judgement.warnings)
    return _Case(
        suite=_RUN,
        name="the run can be trusted",
        outcome="skipped" if smoke else "error" if reason else "passed",
        message=reason or f"fit; verdict of the run: {findings.judgement.verdict}",
        detail="\n".join(dict.fromkeys(warnings)),
    )


def _gate(findings: Findings) -> Iterator[_Case]:
    """What a gate found that no cell's own case says: sizes, failures, what is missing."""
    gate = findings.judgement.gate
    if gate is None:
        return
    for found in gate.findings:
        if found.state == "regression" and found.metric == findings.primary:
            continue
        yield _Case(
            suite=found.function or _RUN,
            name=" ".join(filter(None, (f"gate {found.rule}:", found.candidate, found.metric))),
            outcome=_outcome(found, gate),
            message=f"{found.state}: {found.message}",
        )


def _outcome(found: GateFinding, gate: Gate) -> Literal["failure", "error", "skipped"]:
    if found.state == "regression":
        return "failure"
    return "skipped" if found.state == "inconclusive" and not gate.strict else "error"


def _regressed(findings: Findings, cell: Cell, comparison: Comparison) -> bool:
    """Whether the run is a regression by this cell, and not by others or by a package's size."""
    judgement = findings.judgement
    if judgement.gate is None:
        return comparison.verdict == "slower" and judgement.verdict == "regression"
    return any(
        found.state == "regression" and found.metric == findings.primary and found.cell == cell
        for found in judgement.gate.findings
    )


def _cell(findings: Findings, cell: Cell, reason: str | None) -> _Case:
    name = f"{cell.variant} ({conditions(cell)})"
    total = findings.summary(cell, "cold_total")
    if total is None:
        failures = findings.failures.get(cell)
        said = failures.reason if failures else "it was not run"
        log = failures.first.error.log_tail if failures and failures.first.error else ""
        return _Case(
            suite=cell.function,
            name=name,
            outcome="error",
            message=f"no valid trial: {said}",
            detail=log,
        )
    outcome, message = _verdict(findings, cell, reason)
    return _Case(
        suite=cell.function,
        name=name,
        outcome=outcome,
        message=message,
        seconds=total.median / NS_PER_S,
    )


def _verdict(
    findings: Findings, cell: Cell, reason: str | None
) -> tuple[Literal["passed", "failure", "skipped"], str]:
    if reason is not None:
        return "skipped", reason
    comparison = findings.comparison(cell)
    if comparison is None:
        baseline = findings.baseline(cell.function)
        return "passed", "baseline" if baseline == cell.variant else "compared with nothing"
    words = f"{comparison.verdict}: CPU time of the cold total {ratio_words(comparison)}"
    words = f"{words} of {comparison.baseline}, n = {comparison.n}"
    words = "; ".join((words, *comparison.warnings))
    if _regressed(findings, cell, comparison):
        return "failure", words
    return "skipped" if comparison.verdict in _UNDECIDED else "passed", words


def _counts(cases: list[_Case]) -> dict[str, str]:
    outcomes = [case.outcome for case in cases]
    return {
        "tests": str(len(cases)),
        "failures": str(outcomes.count("failure")),
        "errors": str(outcomes.count("error")),
        "skipped": str(outcomes.count("skipped")),
        "time": f"{sum(case.seconds for case in cases):.9f}",
    }


def _append(suite: ET.Element, case: _Case) -> None:
    attributes = {
        "classname": one_line(case.suite),
        "name": one_line(case.name),
        "time": f"{case.seconds:.9f}",
    }
    element = ET.SubElement(suite, "testcase", attributes)
    message, detail = one_line(case.message), printable(case.detail)
    if case.outcome == "passed":
        said = ET.SubElement(element, "system-out")
        said.text = "\n".join(filter(None, (message, detail)))
        return
    kind = {} if case.outcome == "skipped" else {"type": case.outcome}
    outcome = ET.SubElement(element, case.outcome, {"message": message} | kind)
    outcome.text = detail or message
