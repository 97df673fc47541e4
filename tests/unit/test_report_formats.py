"""The one entrance to all formats."""

from __future__ import annotations

import pytest
import report_sample

from bench.commands import formats
from bench.errors import UnknownName
from bench.report import FORMATS, render


def test_unknown_format_names_the_nearest() -> None:
    """A misspelt format is a usage error that suggests the right one."""
    with pytest.raises(UnknownName) as caught:
        render(report_sample.record(), report_sample.judgement(), "markdwon")

    assert "`markdown`" in str(caught.value.hint)
    assert caught.value.exit_code == 2


def test_command_line_knows_every_format() -> None:
    """What the command line accepts is what can be rendered."""
    assert set(formats.FORMATS) == set(FORMATS)


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_same_record_gives_same_bytes(name: str) -> None:
    """Rendering the same run twice gives the same output."""
    first = render(report_sample.record(), report_sample.judgement(), name)
    second = render(report_sample.record(), report_sample.judgement(), name)

    assert first == second
    assert first.endswith("\n")
