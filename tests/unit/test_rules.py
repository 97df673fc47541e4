"""`--fail-on`: what is a rule and what is not."""

from __future__ import annotations

import pytest

from bench.errors import UsageError
from bench.rules import parse_rule


@pytest.mark.parametrize(
    ("text", "kind", "share"),
    [
        ("slower:5%", "slower", 0.05),
        ("slower", "slower", None),
        ("larger:0.5 %", "larger", 0.005),
        (" larger ", "larger", None),
    ],
)
def test_a_rule_has_a_kind_and_a_share(text: str, kind: str, share: float | None) -> None:
    """A rule without a share leaves it to the margin, or to the byte."""
    rule = parse_rule(text)

    assert (rule.kind, rule.share) == (kind, share)


@pytest.mark.parametrize("text", ["slower:5%", "larger:0.5%", "slower"])
def test_a_rule_is_written_as_it_was_read(text: str) -> None:
    """The record holds rules as text, which must mean the same when it is read again."""
    assert parse_rule(text).text == text


@pytest.mark.parametrize(
    "text", ["", "slower:", "slower:5", "faster:5%", "slower:-5%", "slower:9999%"]
)
def test_anything_else_is_a_mistake(text: str) -> None:
    """A rule that is not understood must not become a gate that always opens."""
    with pytest.raises(UsageError, match="is not a rule") as error:
        parse_rule(text)

    assert "slower:5%" in str(error.value.hint)
