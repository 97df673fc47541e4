"""The one table of recipes. Adding a variant is adding an entry here."""

from __future__ import annotations

from bench.subjects import Runtime, Variant

_STRIP = "-ldflags=-s -w"
_NO_RPC = "-tags=lambda.norpc"

VARIANTS: tuple[Variant, ...] = (
    Variant(id="default", runtime="go", summary="`go build` with no flags"),
    Variant(
        id="stripped",
        runtime="go",
        summary="without symbol table and debug information",
        flags=(_STRIP,),
    ),
    Variant(id="trimpath", runtime="go", summary="without file system paths", flags=("-trimpath",)),
    Variant(
        id="stripped-trimpath",
        runtime="go",
        summary="stripped, and without file system paths",
        flags=("-trimpath", _STRIP),
    ),
    Variant(
        id="norpc",
        runtime="go",
        summary="without the RPC server of the retired go1.x runtime",
        flags=(_NO_RPC,),
    ),
    Variant(
        id="static",
        runtime="go",
        summary="without cgo, so without a dynamic loader",
        build_environment={"CGO_ENABLED": "0"},
    ),
    Variant(
        id="smallest",
        runtime="go",
        summary="all of these, and no version control stamp",
        flags=("-trimpath", "-buildvcs=false", _NO_RPC, _STRIP),
        build_environment={"CGO_ENABLED": "0"},
    ),
    Variant(
        id="eager",
        runtime="python",
        summary="imports at module level, bytecode shipped",
        import_style="eager",
        bytecode="unchecked-hash",
    ),
    Variant(
        id="lazy",
        runtime="python",
        summary="imports on first use, bytecode shipped",
        import_style="lazy",
        bytecode="unchecked-hash",
    ),
    Variant(
        id="eager-source-only",
        runtime="python",
        summary="imports at module level, no bytecode",
        import_style="eager",
        bytecode="none",
    ),
    Variant(
        id="lazy-source-only",
        runtime="python",
        summary="imports on first use, no bytecode",
        import_style="lazy",
        bytecode="none",
    ),
)

BASELINES: dict[Runtime, str] = {"go": "default", "python": "eager", "custom": "default"}


def of_runtime(runtime: Runtime) -> tuple[Variant, ...]:
    """All recipes that can be applied to functions of this runtime, in table order."""
    return tuple(v for v in VARIANTS if v.runtime == runtime)
