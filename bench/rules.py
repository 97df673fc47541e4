"""``--fail-on``: what a run may be held to. Light, as the command line reads it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from bench.errors import UsageError

_RULE = re.compile(r"(?P<kind>slower|larger)(?::(?P<share>\d+(?:\.\d+)?)\s*%)?")
#: A thousand percent: whoever asks for more means something else.
_SHARE_MAX = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One ``--fail-on``: a kind of change, and from which relative size on it fails."""

    kind: Literal["slower", "larger"]
    #: A relative change, such as 0.05; None = the margin for ``slower``, 0 for ``larger``.
    share: float | None = None

    @property
    def text(self) -> str:
        """The rule as it is written on the command line."""
        return self.kind if self.share is None else f"{self.kind}:{self.share * 100:g}%"


def parse_rule(text: str) -> Rule:
    """Read ``slower``, ``slower:5%``, ``larger`` or ``larger:1%``.

    Raises:
        UsageError: anything else.
    """
    found = _RULE.fullmatch(text.strip())
    if found:
        share = None if found["share"] is None else float(found["share"]) / 100
        if share is None or share <= _SHARE_MAX:
            return Rule(kind="slower" if found["kind"] == "slower" else "larger", share=share)
    raise UsageError(
        f"`--fail-on {text}` is not a rule",
        hint="for example `--fail-on slower:5%` or `--fail-on larger:1%`",
    )
