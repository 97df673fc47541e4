"""Where a function sees its files: the paths of Lambda."""

from __future__ import annotations

TASK = "/var/task"
RUNTIME = "/var/runtime"
OPT = "/opt"
TMP = "/tmp"
