"""What a Python function asks to be installed, and every local file that the answer depends on.

The format is pip's requirements file, as ``uv`` reads it: one requirement or option per line, with
relative paths below the file that names them or below the directory of the installation.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from bench.build.archive import digest_of
from bench.build.sources import own_files
from bench.errors import BuildError

_INCLUDES = ("-r", "--requirement", "--requirements", "-c", "--constraint", "--constraints")
_EDITABLE = ("-e", "--editable")
_PLACES = ("-f", "--find-links", "-i", "--index-url", "--extra-index-url")
_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tgz")
_CONTINUED = re.compile(r"\\\n")
_COMMENT = re.compile(r"(?:^|\s)#.*$")
_OPTION = re.compile(r"(--[a-z-]+|-[a-z])[\s=]*(\S*)")
_NAMED = re.compile(r"([\w.-]+)\s*(?:\[[^\]]*\])?\s*@\s*(\S+)")
_NAME = re.compile(r"[\w.-]+")
_EXTRAS = re.compile(r"\[[^\]]*\]$")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_SEPARATORS = re.compile(r"[-_.]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """What to install: the file that says so, and everything that it names on this machine."""

    file: Path
    #: Name and text or digest, the file itself first.
    contents: tuple[tuple[str, str], ...]
    require_hashes: bool = False


def requirements_of(directory: Path, environ: Mapping[str, str]) -> Requirements | None:
    """``requirements.txt`` of a function, else the dependencies of its ``pyproject.toml``.

    ``environ`` has the values of ``${NAME}`` in paths.

    Raises:
        BuildError: a file is not readable as what its name says, or asks for an installation that
            is of no use elsewhere.
    """
    plain, project = directory / "requirements.txt", directory / "pyproject.toml"
    if plain.is_file():
        reader = _Reader(directory, environ)
        return Requirements(file=plain, contents=tuple(reader.file(plain)))
    if project.is_file():
        contents = tuple(_Reader(directory, environ).project(project))
        return Requirements(file=project, contents=contents) if contents else None
    return None


@dataclass(slots=True)
class _Reader:
    """Follows what requirements name; each file is read once."""

    directory: Path
    environ: Mapping[str, str]
    _seen: set[Path] = field(default_factory=set)

    def file(self, path: Path) -> Iterator[tuple[str, str]]:
        """The file and, depth first, everything that its lines resolve to."""
        self._seen.add(path.resolve())
        text = _text(path)
        yield path.name, text
        for line in _CONTINUED.sub("", text).splitlines():
            yield from self._line(_COMMENT.sub("", line).strip(), path)

    def project(self, path: Path) -> Iterator[tuple[str, str]]:
        """The file and what its dependencies and their ``[tool.uv]`` sources resolve to."""
        text = _text(path)
        try:
            table = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise BuildError(f"`{path}` is not valid TOML: {error}") from error
        declared = table.get("project", {}).get("dependencies")
        if not declared:
            return
        yield path.name, text
        for requirement in declared:
            yield from self._requirement(requirement, path)
        settings = table.get("tool", {}).get("uv", {})
        for place in (*settings.get("find-links", ()), *_index_urls(settings)):
            yield from self._local(place, path)
        for source in _sources(settings, declared):
            if source.get("editable") or source.get("workspace"):
                raise _editable(str(source.get("path", "workspace = true")), path)
            yield from self._local(source.get("path", ""), path)

    def _line(self, line: str, file: Path) -> Iterator[tuple[str, str]]:
        option = _OPTION.match(line)
        if option is None:
            yield from self._requirement(line, file)
        elif option[1] in _EDITABLE:
            raise _editable(option[2], file)
        elif option[1] in _INCLUDES and "://" not in option[2]:
            other = file.parent / self._expanded(option[2])
            if other.resolve() not in self._seen:
                yield from self.file(other)
        elif option[1] in (*_INCLUDES, *_PLACES):
            yield from self._local(option[2], file)

    def _requirement(self, line: str, file: Path) -> Iterator[tuple[str, str]]:
        named = _NAMED.match(line)
        words = line.split()
        place = named[2] if named else words[0] if words else ""
        place = _EXTRAS.sub("", place.partition(";")[0])
        if "/" in place or place.startswith(".") or place.endswith(_ARCHIVES):
            yield from self._local(place, file)

    def _local(self, place: str, file: Path) -> Iterator[tuple[str, str]]:
        """Digests of the file or tree that ``place`` is, where it is one on this machine."""
        path = self._expanded(place.partition("#")[0])
        if path.startswith("file:"):
            path = unquote(urlsplit(path).path)
        if not path or "://" in path:
            return
        for found in sorted({file.parent / path, self.directory / path}):
            if found.is_dir():
                yield place, digest_of(own_files(found))
            elif found.is_file():
                yield place, digest_of([(found.name, found)])

    def _expanded(self, text: str) -> str:
        known = {"PROJECT_ROOT": str(self.directory), **self.environ}
        return _VARIABLE.sub(lambda match: known.get(match[1], match[0]), text)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BuildError(f"the requirements file `{path}` cannot be read: {error}") from error


def _editable(what: str, file: Path) -> BuildError:
    directory = what if what.startswith((".", "/")) else "DIRECTORY"
    return BuildError(
        f"`{what}` in `{file}` is an editable installation: it stays where it is, and a package "
        "would hold only its path",
        hint=f"require a wheel of it instead: uv build --wheel -o wheels {directory}",
    )


def _index_urls(settings: Mapping[str, Any]) -> list[str]:
    return [index["url"] for index in settings.get("index", ()) if "url" in index]


def _sources(settings: Mapping[str, Any], declared: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    """The ``[tool.uv.sources]`` of the declared dependencies; one may have several."""
    wanted = {_folded(match[0]) for text in declared if (match := _NAME.match(text))}
    for name, given in settings.get("sources", {}).items():
        if _folded(name) in wanted:
            yield from given if isinstance(given, list) else [given]


def _folded(name: str) -> str:
    return _SEPARATORS.sub("-", name).lower()
