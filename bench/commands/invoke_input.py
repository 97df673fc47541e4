"""What ``coldbench invoke`` is given: a directory or a deployment package, and an event."""

from __future__ import annotations

import json
import re
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.emulator.variables import check_user
from bench.errors import UsageError
from bench.functions.directory import load_function
from bench.functions.triggers import TRIGGERS, sample

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.commands.options import InvokeOptions
    from bench.subjects import Function

#: Lambda's quota on the event of a synchronous invoke.
EVENT_LIMIT_BYTES = 6 * 1024 * 1024
# One byte more than the limit tells that an event is above it: nobody needs the rest.
_ENOUGH_BYTES = EVENT_LIMIT_BYTES + 1
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_JSON_STARTS = ("{", "[", '"')


def read_function(options: InvokeOptions, unpacked: Path) -> tuple[Function, bool]:
    """The function that was named, and whether it is a deployment package already.

    A zip file is unpacked to ``unpacked``, a directory that does not exist yet.

    Raises:
        UsageError: there is none, or an option cannot hold for it.
    """
    path = options.cwd / Path(options.directory).expanduser()
    is_zip = path.is_file()
    if is_zip:
        with _package_errors(path):
            _unpack(path, unpacked)
    elif not path.is_dir():
        raise UsageError(
            f"there is no directory `{options.directory}`",
            hint="name the directory of a function, such as `coldbench invoke go_functions/hello`",
        )
    function = load_function(unpacked if is_zip else path.resolve())
    name = options.function_name or (path.stem if is_zip else function.name)
    return _configured(function, name, options), is_zip


def _configured(function: Function, name: str, options: InvokeOptions) -> Function:
    if options.function_name is not None and not _NAME.fullmatch(name):
        raise UsageError(
            f"`--function-name {name}` is no name of a function",
            hint="Lambda's names have up to 64 letters, digits, `-` and `_`",
        )
    environment = {**function.environment, **options.environment}
    check_user(name, environment)
    return replace(
        function,
        id=f"{function.runtime}/{name}",
        memory_mb=options.memory_mb or function.memory_mb,
        timeout_s=options.timeout_s or function.timeout_s,
        environment=environment,
    )


@contextmanager
def _package_errors(path: Path) -> Iterator[None]:
    """A zip file that cannot be read is a mistake of the caller."""
    import zipfile
    import zlib

    try:
        yield
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError) as error:
        raise UsageError(
            f"`{path}` cannot be unpacked: {error}",
            hint="name a function's directory, or a deployment package such as `function.zip`",
        ) from error


def _unpack(path: Path, target: Path) -> None:
    import zipfile

    from bench.emulator import layers

    empty = target.with_name(f"{target.name}-empty")
    empty.mkdir()
    if not zipfile.is_zipfile(path):
        raise zipfile.BadZipFile("it is not a zip file")
    layers.merge((path,), target, package=empty)


def read_event(wanted: str | None, function: Function, cwd: Path) -> bytes:
    """The event as UTF-8: of stdin (``-``), a file, an event of the function, JSON or a trigger.

    None is the function's first event, which without events of its own is the sample of its
    trigger. Nothing at all on stdin is ``{}``, as an invoke without a payload is on Lambda.

    Raises:
        UsageError: none of these, not JSON, or above Lambda's limit.
    """
    data, where = _found(wanted, function, cwd)
    if len(data) > EVENT_LIMIT_BYTES:
        raise UsageError(
            f"{where} is larger than the 6 MB ({EVENT_LIMIT_BYTES:,} bytes) that Lambda takes",
            hint="put the data into a file, S3 or a layer, and send where it is",
        )
    return _checked(data or b"{}", where)


def _found(wanted: str | None, function: Function, cwd: Path) -> tuple[bytes, str]:
    """The bytes of the event, and words for where they are from."""
    if wanted is None:
        return _read(function.events[0].path)
    if wanted == "-":
        return sys.stdin.buffer.read(_ENOUGH_BYTES), "the event on stdin"
    if wanted.lstrip().startswith(_JSON_STARTS):
        return wanted.encode(errors="surrogateescape"), "the event"
    named = next((event.path for event in function.events if event.name == wanted), None)
    path = named or cwd / Path(wanted).expanduser()
    if path.is_file():
        return _read(path)
    if path.is_dir():
        raise UsageError(f"the event `{wanted}` is a directory", hint="name a JSON file in it")
    if wanted in TRIGGERS:
        return _read(sample(wanted))
    return _bare(wanted, function), "the event"


def _bare(wanted: str, function: Function) -> bytes:
    """A JSON value that is neither object, array nor string, such as ``1`` or ``null``."""
    try:
        json.loads(wanted)
    except ValueError:
        own = ", ".join(event.name for event in function.events)
        raise UsageError(
            f"the event `{wanted[:80]}` is no file, no JSON, and no event of the function",
            hint=f"its events: {own}; samples: {', '.join(TRIGGERS)}",
        ) from None
    return wanted.encode()


def _read(path: Path) -> tuple[bytes, str]:
    try:
        with path.open("rb") as file:
            return file.read(_ENOUGH_BYTES), f"the event {path}"
    except OSError as error:
        raise UsageError(f"cannot read the event {path}: {error.strerror}") from error


def _checked(data: bytes, where: str) -> bytes:
    """The event if it is JSON, in the encoding that Lambda wants."""
    try:
        text = data.decode(json.detect_encoding(data))
        json.loads(text)
    except RecursionError:
        return data  # too deep for us to check, and perhaps not for the function
    except json.JSONDecodeError as error:
        raise UsageError(
            f"{where} is not JSON: {error.msg}, line {error.lineno}, column {error.colno}",
            hint='quote inline JSON for the shell: --event \'{"key": "value"}\'',
        ) from None
    except ValueError as error:
        raise UsageError(f"{where} is not JSON: {error}") from None
    return text.encode()
