"""Source to artifact: build every variant of every function, and know its exact numbers.

A name is imported from its module when it is first used: to find a finished build takes much less
than to make one, and ``coldbench invoke`` shall not wait for the difference.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.build.cache import BuildCache
    from bench.build.matrix import BuildResult, build_matrix
    from bench.build.runtime import RuntimeDirectory, install_runtime, interpreter, runtime_for
    from bench.build.workshop import BuildEvent

__all__ = [
    "BuildCache",
    "BuildEvent",
    "BuildResult",
    "RuntimeDirectory",
    "build_matrix",
    "install_runtime",
    "interpreter",
    "runtime_for",
]

_MODULES = {
    "BuildCache": "cache",
    "BuildEvent": "workshop",
    "BuildResult": "matrix",
    "build_matrix": "matrix",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'runtime')}"), name)
