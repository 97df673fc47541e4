from __future__ import annotations

import pytest

from bench.build.process import Completed, shell_line


def test_a_command_is_shown_as_it_can_be_typed() -> None:
    """Settings come first, and everything is quoted for a shell."""
    line = shell_line(["go", "build", "-ldflags=-s -w"], {"GOOS": "linux", "NAME": "a b"})

    assert line == "GOOS=linux NAME='a b' go build '-ldflags=-s -w'"


@pytest.mark.parametrize(
    ("stdout", "stderr", "expected"),
    [
        ("output", "error\n", "error"),
        ("output\n", "", "output"),
        ("", "", "exit status 2, without a message"),
    ],
)
def test_the_message_is_what_the_tool_said(stdout: str, stderr: str, expected: str) -> None:
    """Its errors, else its output, else at least its exit status."""
    assert expected == Completed(status=2, stdout=stdout, stderr=stderr).message


def test_a_long_message_is_cut_at_the_front() -> None:
    """The end of a long message stays."""
    said = Completed(status=1, stdout="", stderr="\n".join(map(str, range(1000))))

    assert said.message.splitlines()[-1] == "999"
    assert len(said.message.splitlines()) == 60
