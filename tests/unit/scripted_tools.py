"""Scripted compilers and installers, and builders of what they read and write."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.build.cache import BuildCache
from bench.build.process import Command, Completed
from bench.build.toolchain import Toolchains
from bench.build.workshop import BuildEvent, Workshop
from bench.subjects import Function, Runtime, Variant, VariantSource

OK = Completed(status=0, stdout="", stderr="")


def refused(message: str) -> Completed:
    return Completed(status=1, stdout="", stderr=message)


def elf_bytes(sections: Mapping[str, bytes]) -> bytes:
    """A 64-bit ELF file of nothing but a header, the sections and their headers."""
    names = b"\0" + b"".join(name.encode() + b"\0" for name in (*sections, ".shstrtab"))
    contents = [*sections.values(), names]
    headers = [bytes(64)]
    body, name_offset = b"", 1
    for name, content in zip((*sections, ".shstrtab"), contents, strict=True):
        at = 64 + len(body)
        headers.append(
            struct.pack("<IIQQQQIIQQ", name_offset, 1, 0, 0, at, len(content), 0, 0, 1, 0)
        )
        body += content
        name_offset += len(name) + 1
    start = b"\x7fELF\x02\x01\x01" + bytes(9)
    count = len(headers)
    header = start + struct.pack(
        "<HHIQQQIHHHHHH", 2, 62, 1, 0, 0, 64 + len(body), 0, 64, 0, 0, 64, count, count - 1
    )
    return header + body + b"".join(headers)


def executable(path: Path) -> Path:
    """A file on a ``PATH`` that looks like a binary; it is never run. An existing one stays."""
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(elf_bytes({".text": b"x"}))
    path.chmod(0o755)
    return path


class ScriptedTools:
    """A runner that answers as ``go``, ``uv`` and ``gcc`` would, and writes what they would.

    Args:
        binary: the content of the program in a package built in a directory.
        broken: packages that do not compile, with the compiler's message.
        install: fills the target directory of ``uv pip install``, or refuses.
    """

    def __init__(
        self,
        *,
        version: str = "go1.26.0",
        binary: Callable[[Path, str], bytes] = lambda _, package: package.encode(),
        broken: Mapping[str, str] | None = None,
        install: Callable[[Path], Completed] = lambda _: OK,
    ) -> None:
        self.version = version
        self.binary = binary
        self.broken = broken or {}
        self.install = install
        self.commands: list[Command] = []
        self.stopped = False

    def __call__(self, command: Command) -> Completed:
        self.commands.append(command)
        match command.arguments[1:]:
            case ("env", "GOVERSION"):
                return Completed(status=0, stdout=f"{self.version}\n", stderr="")
            case ("env", "-json", *_):
                return Completed(status=0, stdout=json.dumps({"GOPROXY": "off"}), stderr="")
            case ("build", *rest):
                return self._build(command.cwd, rest)
            case ("pip", "install", "--target", target, *_):
                return self.install(Path(target))
            case _:
                return Completed(status=0, stdout="uv 1.2.3 (scripted)\n", stderr="")

    def stop(self) -> None:
        self.stopped = True

    @property
    def builds(self) -> list[Command]:
        """The ``go build`` commands, in order."""
        return [c for c in self.commands if c.arguments[1] == "build"]

    def _build(self, directory: Path, arguments: Sequence[str]) -> Completed:
        at = arguments.index("-o")
        output, targets = arguments[at + 1], arguments[at + 2 :]
        packages = [target.removeprefix("./") for target in targets]
        for package in packages:
            if package in self.broken:
                return refused(f"# example.com/functions/{package}\n{self.broken[package]}")
        for package in packages:
            path = Path(output, package) if output.endswith("/") else Path(output)
            path.write_bytes(elf_bytes({".text": self.binary(directory, package)}))
        return OK


def a_go_module(root: Path, *names: str, go: str = "1.25") -> Path:
    """A module with one program per name."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "go.mod").write_text(f"module example.com/functions\n\ngo {go}\n")
    for name in names:
        (root / name).mkdir()
        (root / name / "main.go").write_text("package main\n\nfunc main() {}\n")
    return root


def a_function(
    directory: Path,
    runtime: Runtime = "go",
    *,
    handler: str = "bootstrap",
    sources: Mapping[str, VariantSource] | None = None,
    version: str | None = None,
) -> Function:
    return Function(
        id=f"{runtime}/{directory.name}",
        runtime=runtime,
        directory=directory,
        handler=handler,
        events=(),
        sources=sources or {},
        runtime_version=version,
    )


def a_variant(name: str, *flags: str, **environment: str) -> Variant:
    return Variant(id=name, runtime="go", summary="", flags=flags, build_environment=environment)


def a_workshop(
    directory: Path,
    run: ScriptedTools,
    *,
    prove: bool = True,
    environ: Mapping[str, str] | None = None,
    events: list[BuildEvent] | None = None,
) -> Workshop:
    """A workshop with a cache of its own and a scripted ``go`` on its ``PATH``."""
    cache = BuildCache(directory / "cache")
    executable(directory / "bin" / "go")
    surroundings = {"PATH": str(directory / "bin"), **(environ or {})}
    return Workshop(
        cache=cache,
        tools=Toolchains(cache, run, surroundings, wheel_go=lambda: None),
        run=run,
        environ=surroundings,
        prove_reproducible=prove,
        observer=(events if events is not None else []).append,
    )
