"""Results of other benchmark tools, and what can and cannot be concluded from them.

Those tools measure one program after the other. No statistics done afterwards can tell a change of
the program from a change of the machine in between, so none of their files gives a verdict.
"""

from __future__ import annotations

from bench.foreign.assessment import Assessment, assess
from bench.foreign.files import read

__all__ = ["Assessment", "assess", "read"]
