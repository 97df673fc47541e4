"""What is under test, and what was built of it: the nouns that every command needs.

They are apart from the nouns of a run, in :mod:`bench.model`, for the sake of ``coldbench invoke``:
making a frozen dataclass takes Python 3.11 more than half a millisecond, and
those of a whole run twenty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Literal

from bench.frozen import dataclass

Runtime = Literal["go", "python", "custom"]
PageCache = Literal["warm", "evicted"]
CpuMode = Literal["on-demand", "provisioned", "none"]

#: The metrics of trials that are compared; the first is the one that counts.
COMPARED_METRICS = (
    "cpu_cold_total",
    "cold_total",
    "init",
    "first_invoke",
    "warm_invoke",
    "peak_memory",
)

MEMORY_MIN_MB = 128
MEMORY_MAX_MB = 10_240
#: Lambda's limits on the size of ``/tmp``.
STORAGE_MIN_MB = 512
STORAGE_MAX_MB = 10_240
#: The memory size at which Lambda grants one full vCPU.
MEMORY_ONE_VCPU_MB = 1_769
#: Lambda's quota on a function's code and its layers together, unpacked.
UNPACKED_LIMIT_BYTES = 250 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One input of a function: a stable name and the JSON file that holds it."""

    name: str
    path: Path
    #: Whether this event exercises the library that a lazy import style defers; None = unknown.
    uses_library: bool | None = None
    #: SHA-256 of the file when a run was planned, hexadecimal; empty before.
    digest: str = ""
    #: Its share of the function's traffic, relative to those of its other events; None = not said.
    weight: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantSource:
    """What a function's own configuration changes for one import style or one pre-built variant."""

    handler: str | None = None
    path: Path | None = None
    #: Configuration that two revisions disagree about; None = as the function says.
    environment: Mapping[str, str] | None = None
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function under test, as found on disk.

    ``id`` is ``runtime/directory-name``, for example ``go/hello``. ``sources`` holds the
    variant-specific overrides of ``function.toml`` (``[variants.NAME]``).
    """

    id: str
    runtime: Runtime
    directory: Path
    handler: str
    events: tuple[Event, ...]
    memory_mb: int = MEMORY_ONE_VCPU_MB
    timeout_s: float = 30.0
    environment: Mapping[str, str] = field(default_factory=dict)
    variants: tuple[str, ...] = ()
    sources: Mapping[str, VariantSource] = field(default_factory=dict)
    #: The library whose use the eager and lazy import styles disagree about, for sentences.
    library: str | None = None
    #: Python: the minor version asked for, such as ``3.13``; None = that of the running Python.
    runtime_version: str | None = None

    @property
    def name(self) -> str:
        """The directory name: the id without its runtime."""
        return self.id.partition("/")[2]

    @property
    def lambda_name(self) -> str:
        """The name by which the function and its ARN know it: 1 to 64 of ``[A-Za-z0-9-_]``.

        Source: Lambda API Reference, CreateFunction, ``FunctionName``. A directory's name may have
        other characters, which would be no part of an ARN nor of the header that it stands in.
        """
        legal = (c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in self.name)
        return "".join(legal)[:64]

    def configured(self, variant: str) -> Function:
        """The function with the environment and timeout that hold for one of its variants."""
        source = self.sources.get(variant)
        if source is None or (source.environment is None and source.timeout_s is None):
            return self
        return replace(
            self,
            environment=self.environment if source.environment is None else source.environment,
            timeout_s=source.timeout_s or self.timeout_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A named recipe. Everything that differs between two builds of a function is in here."""

    id: str
    runtime: Runtime
    #: Words for the report: what this recipe does.
    summary: str
    #: Go: arguments of ``go build``; empty otherwise.
    flags: tuple[str, ...] = ()
    #: Environment of the build (``CGO_ENABLED`` and the like).
    build_environment: Mapping[str, str] = field(default_factory=dict)
    #: Python: which of the function's import styles is the entry point.
    import_style: Literal["eager", "lazy"] | None = None
    #: Python: ``unchecked-hash`` ships bytecode, ``none`` ships source only.
    bytecode: Literal["unchecked-hash", "none"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """What the build of one Function x Variant gave. All its numbers are exact."""

    function: str
    variant: str
    #: SHA-256 of the unpacked tree (paths, modes, content), hexadecimal.
    digest: str
    #: The deployment package, and the same package unpacked, both inside the build cache.
    zip_path: Path
    tree_path: Path
    handler: str
    zip_bytes: int
    unpacked_bytes: int
    #: Size of ``bootstrap``; 0 for Python.
    binary_bytes: int
    #: For example ``{"go": "go1.26.8"}`` or ``{"python": "3.11.7", "uv": "0.13.8"}``.
    toolchain: Mapping[str, str]
    #: The exact command, or a sentence, that made it.
    recipe: str
    #: Go: bytes of ``.text``, ``symbols``, ``debug``, ...; Python: bytes per top-level package.
    breakdown: Mapping[str, int] = field(default_factory=dict)
    #: None = not proved either way; else whether a second build elsewhere gave the same bytes.
    reproducible: bool | None = None
    #: The id of the earlier variant of the same function whose package is byte-equal, if any.
    identical_to: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def python_minor(self) -> str | None:
        """The Python that it was built for, and has to run on: ``3.13``; None for other runtimes.

        That is another one than the function asks for where that one could not be had.
        """
        version = self.toolchain.get("python")
        return None if version is None else ".".join(version.split(".")[:2])


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedBuild:
    """A build that did not give an artifact: what was run and what the tool said."""

    function: str
    variant: str
    command: str
    message: str
