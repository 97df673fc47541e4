"""What a gate found, in words: for the terminal, and as a section of a report."""

from __future__ import annotations

from collections.abc import Iterator

from bench.judgement import Gate, GateFinding
from bench.report.document import Bullets, Code, Paragraph, Section, Text, Tone, with_code
from bench.report.findings import Findings

_WORDS = {
    "regression": "regression",
    "failed": "failed",
    "incomparable": "incomparable",
    "inconclusive": "undecided",
}
_TONES: dict[str, Tone] = {
    "regression": "bad",
    "failed": "bad",
    "incomparable": "doubt",
    "inconclusive": "doubt",
}


def gate_lines(gate: Gate) -> Iterator[str]:
    """One line on the gate as a whole, then one per finding, indented."""
    yield f"gate {sentence(gate)}"
    for finding in gate.findings:
        yield f"  {_WORDS[finding.state]}: {''.join(_subject(finding))}{finding.message}"


def sentence(gate: Gate) -> str:
    """What a run was held to and what came of it."""
    held = ", ".join(gate.rules) + (", strict" if gate.strict else "")
    passed = "passed" if gate.exit_code == 0 else "not passed"
    undecided = sum(finding.state == "inconclusive" for finding in gate.findings)
    doubt = f", with {undecided} undecided" if undecided and gate.exit_code == 0 else ""
    return f"({held}): {passed}{doubt}, exit code {gate.exit_code}"


def section(findings: Findings) -> Section | None:
    """Show what the run was held to; None for a run that was held to nothing."""
    gate = findings.judgement.gate
    if gate is None:
        return None
    blocks: list[Paragraph | Bullets] = [Paragraph(text=(f"Gate {sentence(gate)}.",))]
    for state, word in _WORDS.items():
        items = tuple(
            (f"{word}: ", *_subject(finding), *with_code(finding.message))
            for finding in gate.findings
            if finding.state == state
        )
        if items:
            blocks.append(Bullets(items=items, tone=_TONES[state]))
    return Section(title="Gate", blocks=tuple(blocks))


def _subject(finding: GateFinding) -> Text:
    if not finding.function:
        return ()
    if not finding.candidate:
        return (Code(finding.function), " ")
    return (Code(finding.function), " ", Code(finding.candidate), " ")
