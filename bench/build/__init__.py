"""Source to artifact: build every variant of every function, and know its exact numbers."""

from __future__ import annotations

from bench.build.cache import BuildCache
from bench.build.matrix import BuildResult, build_matrix
from bench.build.runtime import RuntimeDirectory, install_runtime, interpreter
from bench.build.workshop import BuildEvent

__all__ = [
    "BuildCache",
    "BuildEvent",
    "BuildResult",
    "RuntimeDirectory",
    "build_matrix",
    "install_runtime",
    "interpreter",
]
