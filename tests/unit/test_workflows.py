"""The workflows call commands that exist, with options that exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from bench.commands.formats import FORMATS
from bench.commands.grammar import parser_of
from bench.rules import parse_rule

WORKFLOWS = Path(__file__).parents[2] / ".github" / "workflows"
#: A call, and what follows it on lines that begin with an option.
_CALL = re.compile(r"^\s*(?:run: )?coldbench (.+(?:\n +--.+)*)", re.MULTILINE)


def calls() -> list[str]:
    """Every command line of ours in every workflow."""
    texts = [path.read_text() for path in sorted(WORKFLOWS.glob("*.yml"))]
    return [" ".join(call.split()) for text in texts for call in _CALL.findall(text)]


def test_both_workflows_measure() -> None:
    """The nightly run, its trend, and the comparison of a pull request."""
    assert [call.split()[0] for call in calls()] == ["run", "trend", "trend", "compare"]


@pytest.mark.parametrize("call", calls())
def test_a_call_is_one_that_the_command_line_takes(call: str) -> None:
    """A renamed option breaks here, not in the night."""
    command, *arguments = shlex.split(call)

    parsed = parser_of(command).parse(arguments)

    assert getattr(parsed, "format", "text") in FORMATS
    assert all(parse_rule(rule) for rule in getattr(parsed, "fail_on", None) or ())


def test_every_action_is_pinned() -> None:
    """A tag can be moved to other code; a commit cannot."""
    texts = [path.read_text() for path in sorted(WORKFLOWS.glob("*.yml"))]
    used = [name for text in texts for name in re.findall(r"uses: (\S+)", text)]

    assert used
    assert [name for name in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", name)] == []
