"""The Go module around a function: which of its files a build can see, and where it may be built.

A file belongs to the nearest directory at or above it that holds Go files, so embedded data belongs
to the package that embeds it. A function is built from ``go.mod``, ``go.sum``, its own package and
every package of the module that is not another program: an edit in one function leaves the builds
of the others alone.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from bench.build.sources import holds_no_sources, is_report_file
from bench.errors import BuildError
from bench.frozen import dataclass

_MODULE_FILES = ("go.mod", "go.sum", "vendor/modules.txt")
_BLOCK_COMMENT = re.compile(rb"/\*.*?\*/", re.DOTALL)
_PACKAGE = re.compile(rb"^package\s+(\w+)", re.MULTILINE)
_MODULE_NAME = re.compile(r"^module\s+(\S+)", re.MULTILINE)
_GO_DIRECTIVE = re.compile(r"^go\s+(\S+)", re.MULTILINE)
_LOCAL_REPLACE = re.compile(r"=>\s*((?:\.{1,2}/|/)\S*|\.{1,2})\s*(?://.*)?$", re.MULTILINE)
_WORK_USE = re.compile(r"^\s*(?:use\s+)?((?:\.{1,2}/|/)\S*|\.{1,2})\s*(?://.*)?$", re.MULTILINE)
_EMBEDS_EVENTS = re.compile(rb"^//go:embed\b.*\bevents\b", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file of a module: its name below the root, and the package directory it belongs to."""

    name: str
    path: Path
    #: Below the root, ``.`` for the root itself; None for files outside of any package.
    package: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GoModule:
    """A module on disk, as one build session sees it."""

    root: Path
    #: Its name in ``go.mod``, for example ``example.com/functions``.
    path: str
    #: The lowest Go version that ``go.mod`` allows, for example ``1.25.0``.
    minimum: str
    sources: tuple[Source, ...]
    #: Package directories that hold a program.
    programs: frozenset[str]
    #: ``go.work``, when it is in effect for this module.
    workspace: Path | None
    #: Files outside of the root that builds read: workspace modules and local replacements.
    outside: tuple[Path, ...]
    #: Content hashes, by path, filled while they are asked for.
    _hashes: dict[Path, str]

    @property
    def in_place(self) -> bool:
        """Whether the module reaches outside of its root, so that no copy of it can be built."""
        return self.workspace is not None or bool(self.outside)

    def package_of(self, directory: Path) -> str:
        """The package directory of a function, below the root."""
        return directory.resolve().relative_to(self.root).as_posix()

    def sources_for(self, package: str) -> Iterator[Source]:
        """The files that a build of the program in ``package`` can depend on."""
        own_events = f"{package}/events/" if package != "." else "events/"
        skip_events = not self._embeds_events(package)
        for source in self.sources:
            if source.package == package:
                inputs = skip_events and source.name.startswith(own_events)
                if not inputs and PurePosixPath(source.name).name != "function.toml":
                    yield source
            elif source.name in _MODULE_FILES or (
                source.package is not None and source.package not in self.programs
            ):
                yield source

    def digest_for(self, package: str) -> str:
        """SHA-256, hexadecimal, of the names and contents that a build of ``package`` reads."""
        digest = hashlib.sha256()
        for source in self.sources_for(package):
            digest.update(f"{source.name}\0{self._hash(source.path)}\n".encode())
        for path in self.outside:
            digest.update(f"{path}\0{self._hash(path)}\n".encode())
        return digest.hexdigest()

    def stage(self, packages: Iterable[str], target: Path) -> None:
        """Copy what builds of ``packages`` need to ``target``, a new directory."""
        chosen = {source.name: source.path for p in packages for source in self.sources_for(p)}
        for name, path in chosen.items():
            copy = target / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)

    def _embeds_events(self, package: str) -> bool:
        return any(
            _EMBEDS_EVENTS.search(source.path.read_bytes())
            for source in self.sources
            if source.package == package and source.name.endswith(".go")
        )

    def _hash(self, path: Path) -> str:
        if path not in self._hashes:
            self._hashes[path] = hashlib.sha256(path.read_bytes()).hexdigest()
        return self._hashes[path]


def module_root(directory: Path) -> Path:
    """The nearest directory at or above a function with a ``go.mod``.

    Raises:
        BuildError: there is none.
    """
    start = directory.resolve()
    for candidate in (start, *start.parents):
        if (candidate / "go.mod").is_file():
            return candidate
    raise BuildError(
        f"there is no go.mod in `{directory}` or above it",
        hint=f"make it a module: cd {directory} && go mod init example.com/function && go mod tidy",
    )


def read_module(root: Path, environ: Mapping[str, str]) -> GoModule:
    """Look at the module in ``root``: its packages, and whether it reaches outside."""
    text = (root / "go.mod").read_text(encoding="utf-8")
    name = _MODULE_NAME.search(text)
    minimum = _GO_DIRECTIVE.search(text)
    replacements = [_below(root, m[1]) for m in _LOCAL_REPLACE.finditer(text)]
    workspace = _workspace(root, environ)
    elsewhere = [path for path in replacements if not path.is_relative_to(root)]
    outside: list[Path] = []
    if workspace:
        listed = workspace.read_text(encoding="utf-8")
        outside += [workspace, workspace.with_name("go.work.sum")]
        elsewhere += [_below(workspace.parent, m[1]) for m in _WORK_USE.finditer(listed)]
        elsewhere += [_below(workspace.parent, m[1]) for m in _LOCAL_REPLACE.finditer(listed)]
    for other in sorted(set(elsewhere) - {root}):
        outside += [source.path for source in _scan(other, nested=True)]
    sources = tuple(_scan(root, nested=bool(replacements) or workspace is not None))
    return GoModule(
        root=root,
        path=name[1] if name else "",
        minimum=minimum[1] if minimum else "1.16",
        sources=sources,
        programs=_programs(sources),
        workspace=workspace,
        outside=tuple(path for path in outside if path.is_file()),
        _hashes={},
    )


def _below(directory: Path, relative: str) -> Path:
    return Path(os.path.normpath(directory / relative.strip('"`')))


def _workspace(root: Path, environ: Mapping[str, str]) -> Path | None:
    """The ``go.work`` that lists ``root``, found as the ``go`` command finds it."""
    chosen = environ.get("GOWORK", "")
    if chosen == "off":
        return None
    candidates = [Path(chosen)] if chosen else [d / "go.work" for d in (root, *root.parents)]
    found = next((path for path in candidates if path.is_file()), None)
    if found is None:
        return None
    text = found.read_text(encoding="utf-8")
    used = {_below(found.parent, m[1]) for m in _WORK_USE.finditer(text)}
    return found if root in used else None


def _scan(root: Path, *, nested: bool) -> Iterator[Source]:
    """Every file below ``root``, sorted; tests and what runs and tools left are not sources."""
    owners: dict[str, str | None] = {}
    for directory, directories, names in os.walk(root):
        relative = Path(directory).relative_to(root).as_posix()
        directories[:] = sorted(
            name
            for name in directories
            if name != "node_modules"
            and not holds_no_sources(Path(directory, name))
            and (nested or not Path(directory, name, "go.mod").is_file())
        )
        files = sorted(n for n in names if not n.startswith(".") and not n.endswith("_test.go"))
        parent = owners.get(PurePosixPath(relative).parent.as_posix())
        owners[relative] = relative if any(n.endswith(".go") for n in files) else parent
        for name in files:
            path = Path(directory, name)
            if path.is_file() and not is_report_file(path):
                label = path.relative_to(root).as_posix()
                yield Source(name=label, path=path, package=owners[relative])


def _programs(sources: Iterable[Source]) -> frozenset[str]:
    """Package directories in which every Go file says ``package main``.

    Every: a library often keeps a generator, ``package main`` with a build constraint, beside it.
    """
    names: dict[str, set[bytes]] = {}
    for source in sources:
        if source.package is not None and source.name.endswith(".go"):
            clause = _PACKAGE.search(_BLOCK_COMMENT.sub(b"", source.path.read_bytes()))
            names.setdefault(source.package, set()).add(clause[1] if clause else b"")
    return frozenset(package for package, said in names.items() if said == {b"main"})
