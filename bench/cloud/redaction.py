"""No credential, and no account number, in anything that is stored or shown.

Messages of AWS quote more than one expects: a refused signature comes with the canonical request
and the session token in it, a refused permission with the ARN of the user and so the account.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

MASK = "***"
#: Shorter values are words such as `true`, which would be found everywhere.
_SHORTEST_SECRET = 6
_PATTERNS = (
    (re.compile(r"\b(?:AKIA|ASIA|AIDA|AROA)[A-Z0-9]{12,}\b"), MASK),
    (re.compile(r"(?i)(x-amz-security-token|x-amz-credential)([:=]\s*)[^\s&]+"), rf"\1\2{MASK}"),
    (re.compile(r"(?i)((?:secret_?access_?key|session_?token)\W{1,4})[^\s\"'&]+"), rf"\1{MASK}"),
    (re.compile(r"(://)[^/\s@:]+:[^/\s@]+@"), rf"\1{MASK}@"),
    (re.compile(r"(arn:aws[a-z-]*:[a-z0-9-]*:[a-z0-9-]*:)\d{12}(?=:)"), rf"\1{MASK}"),
)


class Redactor:
    """Replaces secrets in text.

    Args:
        secrets: gives the values that are secret now; asked each time, as credentials are renewed.
    """

    def __init__(self, secrets: Callable[[], Iterable[str]] = tuple) -> None:
        self._secrets = secrets
        self._further: set[str] = set()

    def add(self, values: Iterable[str]) -> None:
        """Treat these values, for example of a function's environment, as secret too."""
        self._further.update(value for value in values if len(value) >= _SHORTEST_SECRET)

    def __call__(self, text: str) -> str:
        """``text`` without secrets: known values first, then whatever looks like one."""
        known = self._further | {s for s in self._secrets() if len(s) >= _SHORTEST_SECRET}
        for value in sorted(known, key=len, reverse=True):
            text = text.replace(value, MASK)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text
